"""The resource model of stages and FIFOs; `resources` has that of their parts."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from backends.cost.amounts import Amount, Amounts, exact, joined, within
from backends.cost.dsp import dsp48
from backends.dataflow.buffers import Buffer
from backends.dataflow.layers.memories import kept, rows, shared, weight_rom
from backends.dataflow.layers.nodes import Lanes, Node, Parts, merged_activation, parts, parts_read
from backends.dataflow.layers.schedule import fresh
from backends.hls.design import resources
from flows.core.evidence import Metric
from flows.core.part import Device
from models.layers import AveragePool2D, LeakyReLU, MaxPool2D
from models.quantised import QuantisedNetwork

WEIGHTS, LINE_BUFFERS = "weights", "line buffers"


def fifo_cost(buffer: Buffer) -> Amounts:
    """One FIFO: its control logic, and the memory of its words."""
    in_bram = buffer.bram18 > 0
    flags = (resources.FIFO_FF + resources.FIFO_FF_BRAM * in_bram) / resources.COUNTED_FF
    control = resources.FIFO_LUT / resources.COUNTED_LUT
    return {
        Metric.LUT: (
            within(control, resources.LUT_SPREAD, "fifo", f"{control:.0f} LUT a FIFO, {resources.ROWS}"),
            exact(buffer.luts, "fifo", f"its words in {buffer.storage} (UG474)"),
        ),
        Metric.FF: (within(flags, resources.FF_SPREAD, "fifo", f"{flags:.0f} FF a FIFO, {resources.ROWS}"),),
        Metric.BRAM18: (exact(buffer.bram18, "fifo", "RAMB18 read 18 bits wide (UG473)"),),
    }


def node_cost(
    node: Node, quantised: QuantisedNetwork, wide: Lanes, unit: tuple[int, int], device: Device
) -> tuple[Amounts, dict[str, Amounts]]:
    """What one stage takes: (its logic, its memories by their scopes).

    `unit` is (bits of an accumulator, results that share a DSP48E1).
    """
    data, result, fold = quantised.type_of(node.layer.inputs[0]).width, quantised.type_of(node.tensor).width, wide.fold
    arithmetic = quantised.layers.get(node.layer.name)
    match node.kind, node.layer:
        case "window", _:
            logic = window(wide.takes, parts(node, wide), data)
            return logic, {LINE_BUFFERS: resources.memory(rows(node, wide, data, device), LINE_BUFFERS)}
        case "matrix_vector", _:
            assert arithmetic and arithmetic.kernel
            widths, sharing = (data, arithmetic.kernel.width, unit[0], result), shared(unit[1], fold)
            weights = resources.memory(weight_rom(node, fold, widths[1], device, sharing), WEIGHTS)
            is_reread = fold.pe < node.size[1] or fresh(node, wide) < parts_read(node, fold)
            memory = resources.memory(kept(node, fold, data, device), "windows") if is_reread else {}
            logic = joined(matrix_vector(wide, widths, fold.simd, sharing), memory, _sloped(node, quantised, fold.pe))
            return logic, {WEIGHTS: weights}
        case "depthwise", _:
            assert arithmetic and arithmetic.kernel
            widths = data, arithmetic.kernel.width, unit[0], result
            weights = resources.memory(weight_rom(node, fold, widths[1], device), WEIGHTS)
            is_reread = fresh(node, wide) < parts_read(node, fold)
            memory = resources.memory(kept(node, fold, data, device), "windows") if is_reread else {}
            rounds = resources.delay(node.size[1] * widths[2], node.size[1] // fold.pe)
            logic = joined(matrix_vector(wide, widths, fold.pe), memory, rounds, _sloped(node, quantised, fold.pe))
            return logic, {WEIGHTS: weights}
        case "maxpool2d", MaxPool2D() as layer:
            compared = layer.kernel[0] + layer.kernel[1] - 1  # a column of values, and the columns before it
            compare = resources.physics(
                2 * data * wide.takes * (compared - 1), "pools", "a LUT a bit to compare, one to select"
            )
            before = (layer.kernel[1] - 1) * node.taken[-1] * data
            delay = resources.delay(before, node.taken[-1] // wide.takes)
            logic = joined(serial(compared * data, result, wide), {Metric.LUT: (compare,)}, delay)
            return logic, {LINE_BUFFERS: resources.memory(rows(node, wide, data, device), LINE_BUFFERS)}
        case "averagepool2d", AveragePool2D() as layer:
            assert arithmetic and arithmetic.accumulator
            added, width = sum(layer.kernel) - 1, arithmetic.accumulator.width
            adders = resources.physics(
                wide.puts * (added - 1) * width, "adders", "an adder for each two that are added"
            )
            before = (layer.kernel[1] - 1) * node.taken[-1] * width
            logic = joined(
                serial(added * data, result, wide),
                {Metric.LUT: (adders, resources.requantise(wide.puts))},
                resources.delay(before, node.taken[-1] // wide.takes),
            )
            return logic, {LINE_BUFFERS: resources.memory(rows(node, wide, data, device), LINE_BUFFERS)}
        case (("add" | "relu" | "clip" | "leaky_relu"), _):
            logic = joined(serial(len(node.sources) * data, result, wide), _sloped(node, quantised, wide.puts))
            return joined(logic, {Metric.LUT: (resources.requantise(wide.puts),)}), {}
        case "concat", _:
            channels = node.taken[-1], node.shape[-1] - node.taken[-1]
            types = [quantised.type_of(name) for name in node.layer.inputs]
            moved = sum(n for n, type in zip(channels, types, strict=True) if type != quantised.type_of(node.tensor))
            logic = joined(serial(0, result, wide), split(node.shape[-1], wide.puts, result))
            return joined(logic, {Metric.LUT: (resources.requantise(moved),)}), {}
        case "global_average_pool", _:
            assert arithmetic and arithmetic.accumulator
            sums = node.shape[-1] * arithmetic.accumulator.width
            adders = resources.physics(wide.puts * arithmetic.accumulator.width, "adders", "an adder a lane")
            logic = joined(
                serial(data, result, wide),
                resources.delay(sums, node.shape[-1] // wide.puts),
                {Metric.LUT: (adders, resources.requantise(wide.puts))},
            )
            return logic, {}
        case "send", _:
            return joined(resources.control("simple"), split(wide.takes, 1, result)), {}
        case _:
            return serial(result, 0, wide), {}


def _sloped(node: Node, quantised: QuantisedNetwork, lanes: int) -> Amounts:
    """The products by the slope of a leaky ReLU, in a stage of its own or as part of `node`, in DSP48E1 or LUTs."""
    layer = merged_activation(quantised, node.layer) or node.layer
    if not isinstance(layer, LeakyReLU):
        return {}
    slope, bits = quantised.layers[layer.name].slope, quantised.type_of(layer.inputs[0]).width
    assert slope
    adders, source = max(slope.enter(Fraction(layer.slope)).bit_count() - 1, 0), "a product by a constant a lane"
    return {
        Metric.DSP: (Amount(0, 0, lanes * dsp48(bits, slope.width), "multipliers", f"{source}: at worst in DSP48E1"),),
        Metric.LUT: (
            resources.physics(lanes * adders * (bits + slope.width), "adders", f"{source}: an adder a bit set"),
        ),
    }


def serial(source: int, result: int, wide: Lanes) -> Amounts:
    """A stage that takes a word a turn; `source` and `result` are the bits of values in its pipeline."""
    held = resources.registers(wide.puts * (source + result), "the words in hand")
    return joined(resources.control("simple"), {Metric.FF: (held,)})


def split(taken: int, lanes: int, bits: int) -> Amounts:
    """What splits words of `taken` values of `bits` bits into `lanes` at a time: a loadable shift register."""
    moving = taken * bits if taken > lanes else 0  # a whole word passes directly
    return {
        Metric.LUT: (resources.physics(moving, "multiplexers", "a LUT a bit that is loaded or moves up"),),
        Metric.FF: (resources.registers(moving, "the word in hand"),),
    }


@lru_cache(maxsize=4096)
def window(taken: int, cut: Parts, bits: int) -> Amounts:
    """What puts windows in the parts `cut`, without its memory, from words of `taken` values of `bits` bits."""
    return joined(
        resources.control("window"),
        split(taken, cut.stored, bits),
        resources.delay((cut.across - 1) * cut.column * cut.lanes * bits, cut.column),
        {Metric.FF: (resources.registers(cut.lanes * bits, "a part of a window"),)},
    )


@lru_cache(maxsize=4096)
def matrix_vector(wide: Lanes, widths: tuple[int, int, int, int], part: int, sharing: int = 1) -> Amounts:
    """PE x SIMD products and the logic around them, without memories. They read `part` values at a time; products of
    `sharing` results share a multiplier.

    `widths` are the bits of data, weights, accumulator and result. The result is cached for searches on several parts.
    """
    data, weight, accumulator, result = widths
    fold = wide.fold
    sums = fold.pe * (2 * accumulator + (fold.simd // 2) * (data + weight))
    bits = 2 * part * data + sums + wide.puts * result
    multiplied: Amounts = {
        Metric.DSP: (resources.multipliers(fold, data, weight, sharing),),
        Metric.LUT: (
            resources.products(fold, data, weight),
            resources.adders(fold, data + weight, accumulator, sharing),
            resources.requantise(fold.pe),
        ),
        Metric.FF: (resources.registers(bits, "operands, sums and results"),),
    }
    return joined(resources.control("matrix_vector"), split(wide.takes, part, data), multiplied)
