"""What a design will cost, with no tool installed: totals first, then layers, FIFOs, clones, shell, and cycles.

Resources are given twice: what csynth counts, from resource models fitted to its reports, and what is routed, from
another model (`backends.hls4ml.routed`). What no resource model knows is absent, and its total is a lower bound. The
Fmax is what builds of HLS designs reach (`backends.cost.clock`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod

from backends.cost import shell
from backends.cost.amounts import Amount, Amounts, exact, joined, readings
from backends.cost.clock import modelled_fmax
from backends.dataflow.buffers import SRL, Buffer
from backends.dataflow.space import Solved
from backends.dataflow.stages import Stage
from backends.dataflow.stream import simulate
from backends.dataflow.timing import Ends, busy, totals
from backends.hls4ml import counts, resources, routed
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.reuse import multiplier_dsp, multipliers, size_of
from backends.hls4ml.schedule import QUICKEST, Block, slowest, tokens
from flows.core.evidence import TOTAL, Metric, Reading, Tier
from models.fixed import FixedType, Overflow, Rounding
from models.layers import CONVOLUTIONS, GroupedConv2D, MaxPool2D
from models.quantised import QuantisedNetwork

FIFO = "fifo"
BOUNDS = (
    "bounds: a computed pixel in just its reuse factor and a stored one in a cycle, and csynth's worst case, which "
    "charges every pixel as if it completed a window"
)


def estimate(solved: Solved[Hls4mlDesign]) -> Sequence[Reading]:
    """Resources and cycles of a design, the whole of it first; of io_parallel what is routed, if it is known, and the
    Fmax."""
    design = solved.design
    fmax = modelled_fmax(design.job.target.part)
    tool = f"{design.tool.title()} HLS"
    on = f"{design.job.target.part.device.name}, {tool}"
    built = routed.resource_readings(design, on) if routed.is_modelled(design) else {}
    if design.job.options.is_parallel:
        return (*(reading for group in built.values() for reading in group), *fmax)
    by_scope = readings(costs(design), on, Tier.HLS, "layers and FIFOs")
    for scope, rows in built.items():
        by_scope[scope] += rows if scope != shell.SCOPE else []
    # With the Latency strategy there are no bounds and no worst cases: no report of it is known.
    is_bounded = not design.unrolled & design.reuse.keys()
    sides = (design.stages_at(QUICKEST), design.stages_at(slowest(design.tool))) if is_bounded else ()
    by_scope[TOTAL] += totals(design.simulation, design.job.target.clock_ns, tool, _ends(design, sides), BOUNDS)
    by_scope[TOTAL] += fmax
    for scope in dict.fromkeys(block.scope for block in design.blocks):
        places = [place for place, block in enumerate(design.blocks) if block.scope == scope]
        members, *bounds = ([stages[place] for place in places] for stages in (design.stages, *sides))
        group = by_scope.setdefault(scope, [])
        group.append(busy(scope, members, tool, bounds, BOUNDS))
        if bounds:
            slow = bounds[-1][max(range(len(members)), key=lambda place: members[place].busy)]
            worst = "csynth's worst case, which charges every pixel of a convolution as if it completed a window"
            cycles = slow.busy + slow.delay
            group.append(Reading(Metric.LATENCY_CYCLES, cycles, Tier.MODELLED, tool, worst, scope, Tier.HLS))
    return tuple(reading for group in by_scope.values() for reading in group)


def _ends(design: Hls4mlDesign, sides: Sequence[tuple[Stage, ...]]) -> tuple[Ends, Ends] | None:
    """With FIFOs that never fill; the slowest stalls as much as what is expected does."""
    if not sides:
        return None
    stalls = design.interval / max(stage.busy for stage in design.stages)
    quick, slow = (Ends(simulate(side, {}, 1).latency, max(stage.busy for stage in side)) for side in sides)
    return quick, Ends(slow.latency, float(round(slow.interval * stalls)))


def costs(design: Hls4mlDesign) -> Iterator[tuple[str, Amounts]]:
    """(scope, amounts) of all that the design and its shell are made of."""
    for block in design.blocks:
        yield block.scope, block_cost(block, design)
    for buffer in design.buffers:
        yield FIFO, fifo_cost(buffer, design.tool)
    yield shell.SCOPE, design.shell.amounts()


def block_cost(block: Block, design: Hls4mlDesign) -> Amounts:
    """What one block takes, its FIFOs apart."""
    quantised, tool = design.quantised, design.tool
    if block.name in design.reuse:
        factor, unrolled = design.reuse[block.name], block.name in design.unrolled
        return multiply_accumulate(block, quantised, factor, tool, unrolled, design.haste)
    amounts: dict[Metric, tuple[Amount | None, ...]] = {Metric.LUT: (None,), Metric.FF: (None,)}
    channels, output = block.shape[-1], quantised.type_of(block.tensor)
    match block.kind:
        case "clone":
            amounts |= _lut_ff(tool, "relu", counts.per_channel(0, tokens(block.shape)))
        case "padding":
            amounts |= _lut_ff(tool, "padding", counts.per_channel(channels))
        case "relu" | "clip":
            types = quantised.type_of(block.layer.inputs[0]).width, output.width
            amounts |= _lut_ff(tool, "relu", counts.per_channel(channels, tokens(block.shape), types, design.haste))
            if _is_costly(output):
                saturating = resources.fitted(tool, "relu_saturating", "lut", counts.per_channel(channels))
                amounts[Metric.LUT] = (saturating,)
            if block.kind == "clip":
                amounts[Metric.LUT] += (resources.adders(channels, types[0]),)  # compares with the upper end
        case "maxpool2d":
            assert isinstance(block.layer, MaxPool2D)
            pooling = counts.pooling(*block.layer.kernel, channels, quantised.type_of(block.layer.inputs[0]).width)
            amounts |= _lut_ff(tool, "maxpool2d", pooling)
        case "add":
            bits = 1 + max(quantised.type_of(name).width for name in block.layer.inputs)
            amounts[Metric.LUT] = (resources.adders(channels * (1 + _is_costly(output)), bits),)
            amounts[Metric.FF] = (resources.fitted(tool, "relu", "ff", counts.per_channel(0, tokens(block.shape))),)
        case "global_average_pool":
            amounts |= _average(block, quantised)
        case "softmax":
            amounts[Metric.BRAM18] = (resources.softmax_bram(tool, channels),)
            amounts[Metric.DSP] = (resources.softmax_dsp(channels),)
            amounts |= _lut_ff(tool, "softmax", counts.per_channel(channels))
    return amounts


USUAL = counts.haste("xc7", 10.0)


def multiply_accumulate(
    block: Block, quantised: QuantisedNetwork, factor: int, tool: str, latency: bool, haste: float = USUAL
) -> Amounts:
    """A convolution or a dense layer. With constants for weights (RF = 1, Latency) the interval is wide: it depends on
    their values. Of a depthwise convolution no report is known: its LUTs and FFs are absent.
    """
    types, size = quantised.layers[block.name], size_of(quantised.network, block.layer)
    assert types.kernel and types.accumulator and size
    data, weight = quantised.type_of(block.layer.inputs[0]).width, types.kernel.width
    widths = data, types.accumulator.width
    layer = block.layer
    window = (*layer.kernel, block.taken[-1]) if isinstance(layer, CONVOLUTIONS) and prod(layer.kernel) > 1 else None
    absent: Amounts = {Metric.LUT: (None,), Metric.FF: (None,)}
    is_depthwise = isinstance(layer, GroupedConv2D)
    if latency or factor == 1:
        constants = counts.constants(size[0], prod(size), widths, window, factor, haste)
        dsp = resources.constant_dsp(prod(size), data, weight)
        return {
            **(_lut_ff(tool, "constants", constants) if not is_depthwise else absent),
            Metric.BRAM18: (exact(0, "none", "the weights are constants of the logic"),),
            Metric.DSP: (dsp if factor == 1 else resources.shared_dsp(size, factor, data, weight, is_depthwise),),
        }
    count = multipliers(*size, factor)
    mac = counts.multiply_accumulate(size, count, widths, weight, window)
    return {
        **(_lut_ff(tool, "mac", mac) if not is_depthwise else absent),
        Metric.BRAM18: (resources.weight_bram(tool, size, weight, factor),),
        Metric.DSP: (multiplier_dsp(quantised, block.name, factor),),
    }


def _average(block: Block, quantised: QuantisedNetwork) -> Amounts:
    """An accumulator a channel; the division is a shift only where the area is a power of two."""
    accumulator = quantised.layers[block.name].accumulator
    assert accumulator is not None
    area, channels = tokens(block.taken), block.shape[-1]
    if area & area - 1:
        return {Metric.LUT: (None,), Metric.FF: (None,)}
    bits = channels * accumulator.width
    return {
        Metric.LUT: (resources.adders(2 * channels, accumulator.width),),  # the sum, and the rounding towards zero
        Metric.FF: (Amount(bits, bits, 2 * bits, "accumulators", "a register a bit, at most one more behind it"),),
    }


def _is_costly(output: FixedType) -> bool:
    """Rounding and saturation take about as many LUTs again as the operation."""
    return output.overflow is not Overflow.WRAP or output.rounding is not Rounding.TRN


def _lut_ff(tool: str, model: str, features: Mapping[str, float]) -> Amounts:
    return {metric: (resources.fitted(tool, model, metric.key, features),) for metric in (Metric.LUT, Metric.FF)}


def fifo_cost(buffer: Buffer, tool: str) -> Amounts:
    """One FIFO: what controls it, and what holds its words."""
    counted = {"one": float(buffer.lanes), "in_block_ram": float(buffer.lanes * (buffer.bram18 > 0))}
    held: Amounts = {
        Metric.LUT: (_words(buffer),),
        Metric.BRAM18: (exact(buffer.bram18, "fifo", resources.FIFO_BRAM_SOURCE),),
    }
    return joined(_lut_ff(tool, "fifo", counted), held)


def _words(buffer: Buffer) -> Amount:
    """LUTs that hold the words of a FIFO: csynth counts a LUT a bit for 32 words of a shift register (AMD UG474)."""
    counted = buffer.lanes * buffer.bits * -(-buffer.depth // 32) if buffer.luts else 0
    value = counted if buffer.storage == SRL else buffer.luts
    return Amount(value, buffer.luts, counted, "fifo", "a LUT a bit and 32 words at most")
