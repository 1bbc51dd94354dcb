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
from backends.hls.folding_options import Fold
from backends.hls.memories import line_buffer, weight_rom
from backends.hls.nodes import Node, slides, tokens
from backends.hls.schedule import lanes
from backends.hls.timing import timing
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from flows.core.part import Device
from models.network import Conv2D, Dense, MaxPool2D
from models.quantised import QuantisedNetwork

FIFO, SHELL, WEIGHTS, LINE_BUFFERS = "fifo", "shell", "weights", "line buffers"


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
    folds = lanes(design.nodes, design.folds)
    for node in design.nodes:
        logic, memories = node_cost(node, design.quantised, folds[node.name], device)
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
    node: Node, quantised: QuantisedNetwork, fold: Fold, device: Device, packed: bool = False
) -> tuple[Amounts, dict[str, Amounts]]:
    """What one stage takes: (its logic, its memories by their scopes); `packed` is two products in a DSP48E1."""
    data = quantised.type_of(node.layer.inputs[0]).width
    result, channels = quantised.type_of(node.tensor).width, node.shape[-1]
    match node.kind, node.layer:
        case "window", Conv2D() as layer:
            products = node.size[0]
            window: Amounts = {
                Metric.LUT: (laws.select(fold.simd * data, products // fold.simd),),
                Metric.FF: (laws.registers(products * data, "the window"),),
            }
            rows = laws.memory(line_buffer(layer, node.taken, data, device), LINE_BUFFERS)
            return joined(laws.control("window"), window), {LINE_BUFFERS: rows}
        case "matrix_vector", layer:
            types = quantised.layers[node.name]
            assert types.kernel is not None and types.accumulator is not None
            weights = laws.memory(weight_rom(node.size, fold, types.kernel.width, device), WEIGHTS)
            widths = data, types.kernel.width, types.accumulator.width, result
            logic = matrix_vector(node, fold, widths, packed and max(widths[:2]) <= laws.PACKABLE)
            return joined(laws.control("matrix_vector"), logic, operands(node, fold, data)), {WEIGHTS: weights}
        case "maxpool2d", MaxPool2D() as layer:
            compared = layer.kernel[0] + layer.kernel[1] - 1  # a column of pixels, and the columns before it
            compare = laws.physics(
                2 * data * fold.pe * (compared - 1), "pools", "a LUT a bit to compare, one to select"
            )
            rows = laws.memory(line_buffer(layer, node.taken, data, device), LINE_BUFFERS)
            return joined(serial(compared * data, result, channels, fold.pe), {Metric.LUT: (compare,)}), {
                LINE_BUFFERS: rows
            }
        case (("add" | "relu"), _):
            lanes_of = serial(len(node.sources) * data, result, channels, fold.pe)
            return joined(lanes_of, {Metric.LUT: (laws.requantise(fold.pe),)}), {}
        case "global_average_pool", _:
            accumulator = quantised.layers[node.name].accumulator
            assert accumulator is not None
            adders = laws.physics(fold.pe * accumulator.width, "adders", "an adder a lane")
            sums = laws.held(channels // fold.pe, fold.pe * accumulator.width)
            lanes_of = serial(data, result, channels, fold.pe)
            return joined(lanes_of, {Metric.LUT: (adders, sums, laws.requantise(fold.pe))}), {}
        case (("receive" | "send"), _):
            waiting = laws.registers(channels * quantised.type_of(node.tensor).width, "the bytes or results in hand")
            return joined(laws.control("simple"), {Metric.FF: (waiting,)}), {}
        case _:
            return laws.control("simple"), {}


def serial(given: int, result: int, channels: int, lanes: int) -> Amounts:
    """A stage of so many lanes: `given` and `result` are bits a channel, held while the lanes go over the channels."""
    return joined(
        laws.control("simple"),
        {
            Metric.LUT: (laws.select(lanes * given, channels // lanes),),
            Metric.FF: (laws.registers((given + result) * channels, "the pixels in hand"),),
        },
    )


def operands(node: Node, fold: Fold, data: int) -> Amounts:
    """What keeps the values of `data` bits that the multipliers of a layer with weights read in turn.

    The parts of a window, where more than one group of results needs them; or a whole pixel; or, behind a flattened
    image, all of them.
    """
    steps, groups = node.size[0] // fold.simd, node.size[1] // fold.pe
    if isinstance(node.layer, Conv2D) and slides(node.layer):
        return {Metric.LUT: (laws.held(steps if groups > 1 else 1, fold.simd * data),)}
    channels = node.taken[-1]
    kept = laws.held(tokens(node.taken), channels * data) if isinstance(node.layer, Dense) else laws.held(1, 0)
    return {
        Metric.LUT: (laws.select(fold.simd * data, channels // fold.simd), kept),
        Metric.FF: (laws.registers(channels * data, "the pixel in hand"),),
    }


def matrix_vector(node: Node, fold: Fold, widths: tuple[int, int, int, int], packed: bool) -> Amounts:
    """PE x SIMD multipliers and what stands around them, weights apart.

    `widths` are bits of data, weights, accumulator and result.
    """
    data, weight, accumulator, result = widths
    _, results = node.size
    sums = fold.pe * (2 * accumulator + (fold.simd // 2) * (data + weight))
    bits = 2 * fold.simd * data + sums + results * result
    if packed:
        dsp, adders = laws.packed_multipliers(fold), laws.packed_adders(fold, accumulator)
    else:
        dsp, adders = laws.multipliers(fold, data, weight), laws.adders(fold, data + weight, accumulator)
    return {
        Metric.DSP: (dsp,),
        Metric.LUT: (adders, laws.requantise(fold.pe)),
        Metric.FF: (laws.registers(bits, "operands, sums and the result"),),
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
