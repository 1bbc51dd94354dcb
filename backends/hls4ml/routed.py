"""What a design takes once Vivado has placed and routed it: every unit by its structure and how far that is off.

It does not pass by csynth's counts (`backends.hls4ml.estimate`), which add up operators before logic is optimised: no
single ratio leads from them to what is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import floor, prod

from backends.cost import shell
from backends.cost.amounts import Amount, Amounts, exact, joined, readings, summed
from backends.cost.dsp import dsp48
from backends.dataflow.buffers import BRAM, SRL, Buffer
from backends.hls4ml import built, resources, structure
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.options import TOOL
from backends.hls4ml.ranged import reach_of
from backends.hls4ml.reuse import sizes
from backends.hls4ml.schedule import Block, tokens
from backends.hls4ml.structure import REGISTERS, Product
from flows.core.evidence import TOTAL, Metric, Reading, Tier
from models.fixed import FixedType, Overflow, Rounding
from models.network import CONVOLUTIONS, GroupedConv2D, MaxPool2D
from models.weights import Weights

FIFO = "fifo"

PARALLEL = ("dense", "relu", "softmax")
"""What is known of io_parallel: designs of dense layers. Of its convolutions and pools no built unit was found."""


LEAST_BUILT = 0.8
"""Of the multipliers that csynth makes: Vivado may build some of LUTs (4 slices for 5, 41 for 45, 205 for 212; in six
designs of two other repositories every one is a slice)."""


def is_modelled(design: Hls4mlDesign) -> bool:
    """Whether something is known of all its blocks."""
    return is_streamed(design) or all(block.kind in PARALLEL for block in design.blocks)


def is_streamed(design: Hls4mlDesign) -> bool:
    return design.job.options.io_type == "io_stream"


def costs(design: Hls4mlDesign) -> Iterator[tuple[str, Amounts]]:
    """(scope, amounts) of all that the design and its shell are made of."""
    for block in design.blocks:
        yield block.scope, block_cost(block, design)
    for buffer in design.buffers:
        yield FIFO, fifo_cost(buffer, has_free_fifos(design))
    if not is_streamed(design) and design.reuse.keys() - design.unrolled:
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
        interval = built.told_of_whole(reading.metric)
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
            streamed, elements = is_streamed(design), channels if is_streamed(design) else prod(block.shape)
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


def product_cost(block: Block, design: Hls4mlDesign, factor: int) -> Amounts:
    """A convolution or a dense layer at a reuse factor."""
    quantised, layer = design.quantised, block.layer
    types = quantised.layers[block.name]
    assert types.kernel is not None and types.accumulator is not None
    n_in, n_out = sizes(quantised.network)[block.name]
    data, accumulator = quantised.type_of(layer.inputs[0]).width, types.accumulator.width
    window = (*layer.kernel, block.taken[-1]) if isinstance(layer, CONVOLUTIONS) else None
    depthwise = isinstance(layer, GroupedConv2D)
    row = block.taken[1] if window else 1
    weight = effective_bits(design.job.weights, block.name, types.kernel)
    if block.name in design.unrolled or factor == 1:
        dsp = _constant_dsp(design, block, factor, data)
        memory = structure.line_buffer(window, row, data) if window else 0
        products = n_in * n_out, max(n_in * n_out - dsp.value, 0)
        inputs = n_in * (n_out if depthwise else 1)
        counts = structure.constants(products, inputs, data, weight, accumulator, memory)
        return {**built.amounts("depthwise" if depthwise else "constants", counts), Metric.DSP: (dsp,)}
    in_luts = structure.in_luts(data, types.kernel.width, design.tool)
    output = types.output
    product = Product(
        n_in,
        n_out,
        factor,
        data,
        weight,
        accumulator,
        output.width,
        loses_bits(types.accumulator, output),
        window,
        row,
        in_luts,
        is_streamed(design),
        depthwise,
    )
    unit = "depthwise" if depthwise else "product" if product.streamed else "product_parallel"
    return joined(
        built.amounts(unit, product.counts),
        _weights(product, types.kernel.width, design.tool),
        {Metric.DSP: (_multipliers(product, types.kernel.width),)},
    )


def _constant_dsp(design: Hls4mlDesign, block: Block, factor: int, data: int) -> Amount:
    size, kernel = sizes(design.quantised.network)[block.name], design.quantised.layers[block.name].kernel
    assert kernel is not None
    if factor > 1:
        return resources.shared_dsp(size, factor, data, kernel.width, isinstance(block.layer, GroupedConv2D))
    return resources.constant_dsp(prod(size), data, kernel.width)


def _multipliers(product: Product, weight: int) -> Amount:
    most = product.multipliers * dsp48(product.data, weight)
    if product.in_luts:
        return Amount(
            0,
            0,
            most,
            "multipliers",
            "products of at most 8 by 8 bits in LUTs, 56 of 57 multipliers of two repositories",
        )
    counted = resources.multiplier_dsp(product.multipliers, product.data, weight)
    source = f"{counted.source}; of nine built designs three have 3 to 20 % fewer"
    return replace(counted, low=min(counted.low, LEAST_BUILT * counted.value), source=source)


def _weights(product: Product, width: int, tool: str) -> Amounts:
    """Weights and the numbers of results in block RAM, or in LUTs where they are few words."""
    words, table = product.factor, product.table_bram18
    most = replace(product, weight=width).weights_bram18 + table
    source = "bits that tell the weights apart, in the best shape of a RAMB18: 15 of 16 built memories within 1 in 8"
    if structure.in_lut_rom(words, tool):
        held = float(product.multipliers * product.weight)
        return {
            Metric.LUT: (Amount(held, 0, held, "weights", "a LUT for 64 words of a bit"),),
            Metric.BRAM18: (Amount(table, table, most, "weights", source),),
        }
    value = product.weights_bram18 + table
    low = table if words <= structure.SMALL_DEPTH else value * 7 / 8
    return {Metric.BRAM18: (Amount(value, low, most, "weights", source),)}


def effective_bits(weights: Weights | None, layer: str, kernel: FixedType) -> int:
    """Bits that tell the weights of a layer apart: those above the largest only repeat the sign, and Vivado leaves them
    out. Of a design without weights, all."""
    if weights is None:
        return kernel.width
    low, high = reach_of(weights)[f"{layer}/kernel"]
    scale = 2.0**kernel.fraction
    ends = (min(max(floor(end * scale), kernel.low), kernel.high) for end in (low, high))
    return max(1, *((-end - 1 if end < 0 else end).bit_length() + 1 for end in ends))


def loses_bits(source: FixedType, output: FixedType, positive: bool = False) -> bool:
    """Whether a value of `source`, `positive` where what is below zero is masked, is rounded or saturated into
    `output`: where no bit is cut off, the HLS compiler leaves both out, whatever the type says."""
    rounds = source.fraction > output.fraction and output.rounding is not Rounding.TRN
    low = 0 if positive else source.low
    beyond = source.value(source.high) > output.value(output.high) or source.value(low) < output.value(output.low)
    return rounds or (beyond and output.overflow is not Overflow.WRAP)


def fifo_cost(buffer: Buffer, as_the_tool_likes: bool = False) -> Amounts:
    """One FIFO; Vivado HLS makes one for every channel. Where nothing is said of its storage, Vivado has the last
    word."""
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
