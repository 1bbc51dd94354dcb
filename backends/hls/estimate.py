"""What a design will cost by the laws, with no tool installed: totals, layers, their memories, FIFOs, clones, shell.

Resources foretell what is routed; cycles are in `timing`. There is no reading of the clock frequency: nothing here
knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from backends.cost import shell
from backends.hls import laws
from backends.hls.amounts import Amounts, exact, joined, summed, within
from backends.hls.design import Design
from backends.hls.fifos import Buffer
from backends.hls.lanes import Lanes, parts
from backends.hls.memories import kept, rows, weight_rom
from backends.hls.nodes import Node
from backends.hls.schedule import fresh
from backends.hls.timing import timing
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from flows.core.part import Device
from models.network import MaxPool2D
from models.quantised import QuantisedNetwork

FIFO, SHELL, WEIGHTS, LINE_BUFFERS = "fifo", shell.SCOPE, "weights", "line buffers"


@lru_cache(maxsize=16)
def estimate(design: Design) -> tuple[Reading, ...]:
    """Readings of `design`."""
    parts = list(costs(design))
    on = design.job.target.part.device.name
    found = [_reading(metric, [amounts for _, amounts in parts], TOTAL, on) for metric in RESOURCES]
    cycles = timing(design)
    found += cycles.pop(TOTAL)
    for scope in dict.fromkeys(scope for scope, _ in parts):
        group = [amounts for name, amounts in parts if name == scope]
        found += [_reading(metric, group, scope, on) for metric in RESOURCES]
        found += cycles.get(scope, [])
    return tuple(found)


def costs(design: Design) -> Iterator[tuple[str, Amounts]]:
    """(scope, amounts) of all that the design and its shell are made of; memories have scopes of their own."""
    device = design.job.target.part.device
    for node in design.nodes:
        logic, memories = node_cost(node, design.quantised, design.lanes[node.name], device)
        yield node.scope, logic
        yield from memories.items()
    for buffer in design.buffers:
        yield FIFO, fifo_cost(buffer)
    yield SHELL, shell_cost()


def shell_cost() -> Amounts:
    return {metric: (exact(value, SHELL, shell.SOURCE),) for metric, value in shell.shell().items()}


def fifo_cost(buffer: Buffer) -> Amounts:
    """One FIFO: what controls it, and what holds its words."""
    in_bram = buffer.bram18 > 0
    flags = (laws.FIFO_FF + laws.FIFO_FF_BRAM * in_bram) / laws.COUNTED_FF
    control = laws.FIFO_LUT / laws.COUNTED_LUT
    return {
        Metric.LUT: (
            within(control, laws.LUT_SPREAD, "fifo", f"{control:.0f} LUT a FIFO, {laws.ROWS}"),
            exact(buffer.luts, "fifo", f"its words in {buffer.storage} (UG474)"),
        ),
        Metric.FF: (within(flags, laws.FF_SPREAD, "fifo", f"{flags:.0f} FF a FIFO, {laws.ROWS}"),),
        Metric.BRAM18: (exact(buffer.bram18, "fifo", "RAMB18 read 18 bits wide (UG473)"),),
    }


def node_cost(
    node: Node, quantised: QuantisedNetwork, wide: Lanes, device: Device, packed: bool = False
) -> tuple[Amounts, dict[str, Amounts]]:
    """What one stage takes: (its logic, its memories by their scopes); `packed` is two products in a DSP48E1."""
    data, result, fold = quantised.type_of(node.layer.inputs[0]).width, quantised.type_of(node.tensor).width, wide.fold
    arithmetic = quantised.layers.get(node.layer.name)
    match node.kind, node.layer:
        case "window", _:
            made = parts(node, wide)
            recent = (made.across - 1) * made.column * made.lanes * data
            found = joined(
                laws.control("window"),
                split(wide.takes, made.stored, data),
                laws.delay(recent, made.column),
                {Metric.FF: (laws.registers(made.lanes * data, "a part of a window"),)},
            )
            return found, {LINE_BUFFERS: laws.memory(rows(node, wide, data, device), LINE_BUFFERS)}
        case "matrix_vector", _:
            assert arithmetic and arithmetic.kernel and arithmetic.accumulator
            widths = data, arithmetic.kernel.width, arithmetic.accumulator.width, result
            weights = laws.memory(weight_rom(node.size, fold, widths[1], device), WEIGHTS)
            is_reread = fold.pe < node.size[1] or fresh(node, wide) < node.size[0] // fold.simd
            found = joined(
                laws.control("matrix_vector"),
                split(wide.takes, fold.simd, data),
                matrix_vector(wide, widths, packed and max(widths[:2]) <= laws.PACKABLE),
                laws.memory(kept(node, fold, data, device), "windows") if is_reread else {},
            )
            return found, {WEIGHTS: weights}
        case "maxpool2d", MaxPool2D() as layer:
            compared = layer.kernel[0] + layer.kernel[1] - 1  # a column of values, and the columns before it
            compare = laws.physics(
                2 * data * wide.takes * (compared - 1), "pools", "a LUT a bit to compare, one to select"
            )
            before = (layer.kernel[1] - 1) * node.taken[-1] * data
            delay = laws.delay(before, node.taken[-1] // wide.takes)
            found = joined(serial(compared * data, result, wide), {Metric.LUT: (compare,)}, delay)
            return found, {LINE_BUFFERS: laws.memory(rows(node, wide, data, device), LINE_BUFFERS)}
        case (("add" | "relu"), _):
            found = serial(len(node.sources) * data, result, wide)
            return joined(found, {Metric.LUT: (laws.requantise(wide.puts),)}), {}
        case "global_average_pool", _:
            assert arithmetic and arithmetic.accumulator
            sums = node.shape[-1] * arithmetic.accumulator.width
            adders = laws.physics(wide.puts * arithmetic.accumulator.width, "adders", "an adder a lane")
            found = joined(
                serial(data, result, wide),
                laws.delay(sums, node.shape[-1] // wide.puts),
                {Metric.LUT: (adders, laws.requantise(wide.puts))},
            )
            return found, {}
        case "send", _:
            return joined(laws.control("simple"), split(wide.takes, 1, result)), {}
        case _:
            return serial(result, 0, wide), {}


def serial(given: int, result: int, wide: Lanes) -> Amounts:
    """A stage of a word a turn: `given` and `result` are bits of a value, held in its pipeline."""
    held = laws.registers(wide.puts * (given + result), "the words in hand")
    return joined(laws.control("simple"), {Metric.FF: (held,)})


def split(taken: int, lanes: int, bits: int) -> Amounts:
    """What takes words of `taken` values of `bits` bits apart into `lanes` at a time: they are loaded, then move up."""
    moving = taken * bits if taken > lanes else 0  # a word as it comes goes on at once
    return {
        Metric.LUT: (laws.physics(moving, "multiplexers", "a LUT a bit that is loaded or moves up"),),
        Metric.FF: (laws.registers(moving, "the word in hand"),),
    }


def matrix_vector(wide: Lanes, widths: tuple[int, int, int, int], packed: bool) -> Amounts:
    """PE x SIMD multipliers and what stands around them, weights apart.

    `widths` are bits of data, weights, accumulator and result.
    """
    data, weight, accumulator, result = widths
    fold = wide.fold
    sums = fold.pe * (2 * accumulator + (fold.simd // 2) * (data + weight))
    bits = 2 * fold.simd * data + sums + wide.puts * result
    if packed:
        dsp, adders = laws.packed_multipliers(fold), laws.packed_adders(fold, accumulator)
    else:
        dsp, adders = laws.multipliers(fold, data, weight), laws.adders(fold, data + weight, accumulator)
    return {
        Metric.DSP: (dsp,),
        Metric.LUT: (adders, laws.requantise(fold.pe)),
        Metric.FF: (laws.registers(bits, "operands, sums and results"),),
    }


def _reading(metric: Metric, group: Iterable[Amounts], scope: str, on: str) -> Reading:
    amounts = [one for parts in group for one in parts.get(metric, ())]
    value, low, high = summed(amounts)
    counting = [one for one in amounts if one.high]
    if scope == TOTAL:
        names = ", ".join(sorted({one.law for one in counting} - {SHELL}))
        source = f"sum of layers, memories and FIFOs by laws {names}, and the routed shell"
    else:
        source = "; ".join(dict.fromkeys(one.source for one in counting)) or "the generated code has none"
    is_shell = scope == SHELL
    return Reading(
        metric,
        float(round(value)),
        Tier.MODELLED,
        on,
        source,
        scope,
        predicts=Tier.ROUTED,
        low=None if is_shell else float(round(low)),
        high=None if is_shell else float(round(high)),
    )
