"""What a design takes once Vivado has placed and routed it: every unit by its structure and how far that is off.

It does not start from csynth's counts (`backends.hls4ml.estimate`), which add up operators before logic is optimised:
no single ratio converts them to what is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from backends.cost import shell
from backends.cost.amounts import Amounts, exact, joined, readings, summed
from backends.dataflow.buffers import BRAM, SRL, Buffer
from backends.hls4ml import built, resources, structure
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.options import TOOL
from backends.hls4ml.routed_products import loses_bits, product_cost
from backends.hls4ml.schedule import Block, tokens
from backends.hls4ml.structure import REGISTERS
from flows.core.evidence import TOTAL, Metric, Reading, Tier
from models.fixed import FixedType
from models.layers import MaxPool2D

FIFO = "fifo"

PARALLEL = ("dense", "relu", "softmax")
"""What is known of io_parallel: designs of dense layers. Of its convolutions and pools no built unit was found."""


def is_modelled(design: Hls4mlDesign) -> bool:
    """Whether something is known of all its blocks."""
    return not design.job.options.is_parallel or all(block.kind in PARALLEL for block in design.blocks)


def costs(design: Hls4mlDesign) -> Iterator[tuple[str, Amounts]]:
    """(scope, amounts) of all that the design and its shell are made of."""
    for block in design.blocks:
        yield block.scope, block_cost(block, design)
    for buffer in design.buffers:
        yield FIFO, fifo_cost(buffer, has_free_fifos(design))
    if design.job.options.is_parallel and design.reuse.keys() - design.unrolled:
        yield from ((FIFO, amounts) for amounts in _handed_on(design))
    yield shell.SCOPE, design.shell.amounts()


def _handed_on(design: Hls4mlDesign) -> Iterator[Amounts]:
    """The registers between the processes of io_parallel: two words of the image, and of every element of a result.

    With the Latency strategy alone the design is one pipeline and has none.
    """
    image = prod(design.quantised.network.input_shape) * design.quantised.input.type.width
    yield built.amounts(REGISTERS, structure.fifo(2, image, REGISTERS))
    for block in design.blocks:
        counts = structure.fifo(2, design.quantised.type_of(block.tensor).width, REGISTERS)
        count = prod(block.shape)
        yield built.amounts(REGISTERS, structure.Counts(counts.logic * count, 0, counts.ff * count))


def resource_readings(design: Hls4mlDesign, on: str) -> dict[str, list[Reading]]:
    """By scope, the whole first: its interval is that of whole designs."""
    parts = list(costs(design))
    by_scope = readings(parts, on, Tier.ROUTED, "layers and FIFOs")
    charged = {reading.metric: reading.value for reading in by_scope[shell.SCOPE]}
    whole = joined(*(amounts for _, amounts in parts))
    for place, reading in enumerate(by_scope[TOTAL]):
        total = built.whole(reading.metric, summed(whole[reading.metric]), charged[reading.metric])
        interval = built.interval_source(reading.metric)
        source = f"{reading.source}; interval: {interval}" if interval else reading.source
        low, high = float(round(total.low)), float(round(total.high))
        by_scope[TOTAL][place] = replace(reading, low=low, high=high, source=source)
    return by_scope


def block_cost(block: Block, design: Hls4mlDesign) -> Amounts:
    """What one block takes, its FIFOs apart; its process in the dataflow is started by a token."""
    return joined(_unit(block, design), built.amounts("start", structure.start()))


def _unit(block: Block, design: Hls4mlDesign) -> Amounts:
    quantised = design.quantised
    if block.name in design.reuse:
        return product_cost(block, design, design.reuse[block.name])
    channels, output, taken = block.shape[-1], quantised.type_of(block.tensor), quantised.type_of(block.layer.inputs[0])
    match block.kind:
        case "clone":
            return built.amounts("clone", structure.clone())
        case "padding":
            return built.amounts("padding", structure.padding(channels, output.width))
        case "relu":
            rounded = loses_bits(taken, output, positive=True)
            streamed = not design.job.options.is_parallel
            elements = channels if streamed else prod(block.shape)
            counts = structure.relu(elements, taken.width, output.width, rounded, streamed)
            return built.amounts("relu" if streamed else "relu_parallel", counts)
        case "clip":
            counts = structure.relu6(channels, taken.width, output.width, loses_bits(taken, output, positive=True))
            return built.amounts("relu6", counts)
        case "maxpool2d":
            assert isinstance(block.layer, MaxPool2D)
            counts = structure.pool((*block.layer.kernel, channels), block.taken[1], taken.width)
            return built.amounts("pool", counts)
        case "add":
            terms = [quantised.type_of(name) for name in block.layer.inputs]
            fraction, integer = max(term.fraction for term in terms), 1 + max(term.integer for term in terms)
            total = FixedType(integer + fraction, integer, any(term.signed for term in terms))
            return built.amounts("add", structure.add(channels, total.width, loses_bits(total, output)))
        case "global_average_pool":
            return _average(block, design)
        case "softmax":
            tables: Amounts = {
                Metric.BRAM18: (resources.softmax_bram(design.tool, channels),),
                Metric.DSP: (resources.softmax_dsp(channels),),
            }
            return joined(built.amounts("softmax", structure.softmax(channels)), tables)
    return {Metric.LUT: (None,), Metric.FF: (None,)}


def _average(block: Block, design: Hls4mlDesign) -> Amounts:
    """The division is a shift only where the area is a power of two."""
    accumulator, area = design.quantised.layers[block.name].accumulator, tokens(block.taken)
    assert accumulator is not None
    if area & area - 1:
        return {Metric.LUT: (None,), Metric.FF: (None,)}
    return built.amounts("average", structure.average(block.shape[-1], accumulator.width))


def fifo_cost(buffer: Buffer, as_the_tool_likes: bool = False) -> Amounts:
    """One FIFO; Vivado HLS makes one for every channel. Where its storage is not set, Vivado chooses."""
    if as_the_tool_likes:
        small = buffer.depth * buffer.bits <= structure.SHIFTED_BITS
        buffer = replace(buffer, storage=SRL if small else BRAM)
    return {
        **built.amounts(structure.fifo_kind(buffer), structure.fifos(buffer)),
        Metric.BRAM18: (exact(buffer.bram18, FIFO, resources.FIFO_BRAM_SOURCE),),
    }


def has_free_fifos(design: Hls4mlDesign) -> bool:
    """Whether the storage of its FIFOs is left to the tools."""
    return design.job.options.fifo_storage == TOOL


def settled(amounts: Amounts) -> Amounts:
    """The same for a solver that keeps to the interval of the whole: LUTs and FFs with no bounds of their own."""
    return {
        metric: tuple(
            replace(amount, low=amount.value, high=amount.value) if amount and metric in built.SPREAD else amount
            for amount in known
        )
        for metric, known in amounts.items()
    }
