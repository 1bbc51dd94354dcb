"""What a design will cost by the laws, with no tool installed: totals first, then layers, FIFOs, clones, shell.

Resources foretell csynth (cycles are in `timing`). Laws err independently of each other, and all amounts of one law err
together. What no law knows is absent, and its total a lower bound. There is no reading of the clock frequency: nothing
here knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import prod, sqrt

from backends.cost import shell
from backends.hls4ml import counts, laws
from backends.hls4ml.design import Design
from backends.hls4ml.fifos import Buffer
from backends.hls4ml.laws import Amount
from backends.hls4ml.options import SRL
from backends.hls4ml.reuse import multiplier_dsp, multipliers, sizes
from backends.hls4ml.schedule import Block, tokens
from backends.hls4ml.timing import timing
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from models.fixed import FixedType, Overflow, Rounding
from models.network import Conv2D, MaxPool2D
from models.quantised import QuantisedNetwork

FIFO, SHELL = "fifo", shell.SCOPE

Amounts = dict[Metric, Amount | None]
"""None where the block takes something of it and no law knows how much."""


@lru_cache(maxsize=16)
def estimate(design: Design) -> tuple[Reading, ...]:
    """Readings of `design`."""
    cycles = timing(design)
    costs = [(block.scope, block_cost(block, design)) for block in design.blocks]
    costs += [(FIFO, fifo_cost(buffer, design.tool)) for buffer in design.buffers]
    charged: Amounts = {metric: laws.exact(value, SHELL, shell.SOURCE) for metric, value in shell.shell().items()}
    scopes: dict[str, list[Amounts]] = {
        scope: [amounts for name, amounts in costs if name == scope] for scope, _ in costs
    }
    scopes[SHELL] = [charged]
    everything = [amounts for group in scopes.values() for amounts in group]
    on = f"{design.job.target.part.device.name}, {design.tool.title()} HLS"
    found = [_sum(metric, everything, TOTAL, on) for metric in RESOURCES] + cycles.pop(TOTAL)
    for scope, group in scopes.items():
        found += [_sum(metric, group, scope, on) for metric in RESOURCES]
        found += cycles.get(scope, [])
    return tuple(reading for reading in found if reading is not None)


def block_cost(block: Block, design: Design) -> Amounts:
    """What one block takes, its FIFOs apart."""
    quantised, tool = design.quantised, design.tool
    if block.name in design.reuse:
        factor, unrolled = design.reuse[block.name], block.name in design.unrolled
        return multiply_accumulate(block, quantised, factor, tool, unrolled, design.haste)
    nothing = laws.exact(0, "none", "the generated code has none")
    found: Amounts = {Metric.BRAM18: nothing, Metric.DSP: nothing, Metric.LUT: None, Metric.FF: None}
    channels, output = block.shape[-1], quantised.type_of(block.tensor)
    match block.kind:
        case "clone":
            found |= _lut_ff(tool, "relu", counts.per_channel(0, tokens(block.shape)))
        case "padding":
            found |= _lut_ff(tool, "padding", counts.per_channel(channels))
        case "relu":
            types = quantised.type_of(block.layer.inputs[0]).width, output.width
            found |= _lut_ff(tool, "relu", counts.per_channel(channels, tokens(block.shape), types, design.haste))
            if _is_costly(output):
                found[Metric.LUT] = laws.fitted(tool, "relu_saturating", "lut", counts.per_channel(channels))
        case "maxpool2d":
            assert isinstance(block.layer, MaxPool2D)
            pooling = counts.pooling(*block.layer.kernel, channels, quantised.type_of(block.layer.inputs[0]).width)
            found |= _lut_ff(tool, "maxpool2d", pooling)
        case "add":
            bits = 1 + max(quantised.type_of(name).width for name in block.layer.inputs)
            found[Metric.LUT] = laws.adders(channels * (1 + _is_costly(output)), bits)
            found[Metric.FF] = laws.fitted(tool, "relu", "ff", counts.per_channel(0, tokens(block.shape)))
        case "global_average_pool":
            found |= _average(block, quantised)
        case "softmax":
            found |= {Metric.BRAM18: laws.softmax_bram(tool, channels), Metric.DSP: laws.softmax_dsp(channels)}
            found |= _lut_ff(tool, "softmax", counts.per_channel(channels))
    return found


USUAL = counts.haste("xc7", 10.0)


def multiply_accumulate(
    block: Block, quantised: QuantisedNetwork, factor: int, tool: str, latency: bool, haste: float = USUAL
) -> Amounts:
    """A convolution or a dense layer. With constants for weights (RF = 1, Latency) the interval is wide: it depends on
    their values.
    """
    types = quantised.layers[block.name]
    assert types.kernel is not None and types.accumulator is not None
    size = sizes(quantised.network)[block.name]
    data, weight = quantised.type_of(block.layer.inputs[0]).width, types.kernel.width
    widths = data, types.accumulator.width
    layer = block.layer
    window = (*layer.kernel, block.taken[-1]) if isinstance(layer, Conv2D) and prod(layer.kernel) > 1 else None
    if latency or factor == 1:
        constants = counts.constants(size[0], prod(size), widths, window, factor, haste)
        dsp = laws.constant_dsp(prod(size), data, weight)
        return _lut_ff(tool, "constants", constants) | {
            Metric.BRAM18: laws.exact(0, "none", "the weights are constants of the logic"),
            Metric.DSP: dsp if factor == 1 else laws.shared_dsp(size, factor, data, weight),
        }
    count = multipliers(*size, factor)
    found: Amounts = _lut_ff(tool, "mac", counts.multiply_accumulate(size, count, widths, weight, window))
    found[Metric.BRAM18] = laws.weight_bram(tool, count, weight, factor)
    found[Metric.DSP] = multiplier_dsp(quantised, block.name, factor)
    return found


def _average(block: Block, quantised: QuantisedNetwork) -> Amounts:
    """An accumulator a channel; the division is a shift only where the area is a power of two."""
    accumulator = quantised.layers[block.name].accumulator
    assert accumulator is not None
    area, channels = tokens(block.taken), block.shape[-1]
    if area & area - 1:
        return {Metric.LUT: None, Metric.FF: None}
    bits = channels * accumulator.width
    return {
        Metric.LUT: laws.adders(2 * channels, accumulator.width),  # the sum, and the rounding towards zero
        Metric.FF: laws.Amount(bits, bits, 2 * bits, "accumulators", "a register a bit, at most one more behind it"),
    }


def _is_costly(output: FixedType) -> bool:
    """Rounding and saturation take about as many LUTs again as the operation."""
    return output.overflow is not Overflow.WRAP or output.rounding is not Rounding.TRN


def _lut_ff(tool: str, law: str, features: Mapping[str, float]) -> Amounts:
    return {metric: laws.fitted(tool, law, metric.key, features) for metric in (Metric.LUT, Metric.FF)}


def fifo_cost(buffer: Buffer, tool: str) -> Amounts:
    """One FIFO: what controls it, and what holds its words."""
    found: Amounts = _lut_ff(
        tool, "fifo", {"one": float(buffer.lanes), "in_block_ram": float(buffer.lanes * (buffer.bram18 > 0))}
    )
    return found | {
        Metric.LUT: laws.together(found[Metric.LUT], _words(buffer)),
        Metric.BRAM18: laws.exact(buffer.bram18, "fifo", laws.FIFO_BRAM_SOURCE),
        Metric.DSP: laws.exact(0, "none", "the generated code has none"),
    }


def _words(buffer: Buffer) -> Amount:
    """LUTs that hold the words of a FIFO: csynth counts a LUT a bit for 32 words of a shift register (AMD UG474)."""
    counted = buffer.lanes * buffer.bits * -(-buffer.depth // 32) if buffer.luts else 0
    value = counted if buffer.storage == SRL else buffer.luts
    return Amount(value, buffer.luts, counted, "fifo", "a LUT a bit and 32 words at most")


def _sum(metric: Metric, group: Iterable[Amounts], scope: str, on: str) -> Reading | None:
    """The sum over blocks: amounts of one law add up with their bounds, laws combine as independent errors."""
    amounts = [block[metric] for block in group if metric in block]
    known = [amount for amount in amounts if amount is not None]
    if not known:
        return None
    by_law: dict[str, list[Amount]] = {}
    for amount in known:
        by_law.setdefault(amount.law, []).append(amount)
    value = sum(amount.value for amount in known)
    below = sqrt(sum(sum(one.value - one.low for one in law) ** 2 for law in by_law.values()))
    above = sqrt(sum(sum(one.high - one.value for one in law) ** 2 for law in by_law.values()))
    counting = [amount for amount in known if amount.value] or known[:1]
    if scope == TOTAL:
        names = ", ".join(sorted({one.law for one in counting} - {SHELL}))
        source = f"sum of layers and FIFOs by laws {names}, and the routed shell"
    else:
        source = "; ".join(dict.fromkeys(amount.source for amount in counting))
    return Reading(
        metric,
        _whole(value),
        Tier.MODELLED,
        on,
        source,
        scope,
        predicts=shell.STAGE if scope == SHELL else Tier.HLS,
        low=None if scope == SHELL else _whole(value - below),
        high=None if scope == SHELL else _whole(value + above),
        at_least=len(known) < len(amounts),
    )


def _whole(value: float) -> float:
    return float(round(value))
