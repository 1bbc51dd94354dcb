"""What a convolution or a dense layer takes once it is routed: multipliers, weights, and units by their structure."""

from __future__ import annotations

from dataclasses import replace
from math import floor, prod

from backends.cost.amounts import Amount, Amounts, joined
from backends.cost.dsp import dsp48
from backends.hls4ml import built, resources, structure
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.ranged import reach_of
from backends.hls4ml.reuse import sizes
from backends.hls4ml.schedule import Block
from backends.hls4ml.structure import Product
from flows.core.evidence import Metric
from models.fixed import FixedType, Overflow, Rounding
from models.layers import CONVOLUTIONS, GroupedConv2D
from models.weights import Weights

LEAST_BUILT = 0.8
"""Of the multipliers that csynth makes: Vivado may build some of LUTs (4 slices for 5, 41 for 45, 205 for 212; in six
designs of two other repositories every one is a slice)."""


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
        not design.job.options.is_parallel,
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
