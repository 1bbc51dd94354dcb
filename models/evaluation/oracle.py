"""The exact evaluation in its plainest form, one result at a time. Slow, and easy to believe.

`models.evaluation.fast` must equal it; what a layer computes is written at the top of `models.quantised`. Codes are
Python's integers, without limit (in numpy arrays of objects, for their shapes), and every number enters its type
through `FixedType.enter`, the exact fraction arithmetic that the types are documented with.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache
from math import exp, inf, prod
from struct import pack, unpack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.fixed import FixedType
from models.integers import GlobalSum, Threshold, WindowSum
from models.layers import (
    Add,
    AveragePool2D,
    Clip,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Softmax,
    Window,
)
from models.network import INPUT
from models.quantised import Arithmetic, QuantisedNetwork, SoftmaxTables

Codes = NDArray[np.object_]
"""Python integers: a tensor of one image, (height, width, channels) or (features,)."""

HUGE = 700.0
"""Its exponential is still a double, and far beyond single precision."""
SINGLE_END = 2.0**128 - 2.0**103
"""From here on, a number rounds to infinity in single precision."""


def codes(values: Iterable[int], shape: tuple[int, ...]) -> Codes:
    return np.array(list(values), object).reshape(shape)


def enter(numbers: Codes, fraction: int, type: FixedType) -> Codes:
    """Integers of `fraction` bits behind the point into `type`, one by one."""

    @cache
    def entered(code: int) -> int:
        return type.enter(Fraction(code) / Fraction(2) ** fraction)

    return codes(map(entered, numbers.ravel()), numbers.shape)


def quantise(weights: NDArray[np.float32], type: FixedType) -> Codes:
    """Trained floats into `type`, one by one."""
    return codes((type.enter(Fraction(value)) for value in weights.ravel().tolist()), weights.shape)


def evaluate(
    quantised: QuantisedNetwork, weights: Mapping[str, NDArray[np.float32]], image: NDArray[np.uint8]
) -> Mapping[str, Codes]:
    """The codes of every tensor for one `image` (height, width, channels) or (features,)."""
    contract, channels = quantised.input, image.shape[-1]
    enter = cache(lambda byte, channel: contract.type.enter(contract.pixels.number(byte, channel)))
    pixels = (enter(byte, place % channels) for place, byte in enumerate(image.ravel().tolist()))
    tensors = {INPUT: codes(pixels, image.shape)}
    for layer in quantised.computed:
        inputs = [tensors[name] for name in layer.inputs]
        fractions = [quantised.type_of(name).fraction for name in layer.inputs]
        tensors[layer.name] = _layer(layer, quantised.layers[layer.name], weights, inputs, fractions)
    return tensors


def _layer(
    layer: Layer,
    types: Arithmetic,
    weights: Mapping[str, NDArray[np.float32]],
    inputs: list[Codes],
    fractions: list[int],
) -> Codes:
    x, fraction = inputs[0], fractions[0]
    match layer:
        case ReLU():
            return enter(np.maximum(x, 0), fraction, types.output)
        case Clip():
            return _clipped(layer, x, fraction, types.output)
        case LeakyReLU():
            assert types.slope
            slope, more = types.slope.enter(Fraction(layer.slope)), types.slope.fraction
            return enter(np.where(x < 0, x * slope, x << more), fraction + more, types.output)
        case Add():
            common = max(fractions)
            total = (inputs[0] << common - fractions[0]) + (inputs[1] << common - fractions[1])
            return enter(total, common, types.output)
        case Concat():
            parts = [enter(operand, its, types.output) for operand, its in zip(inputs, fractions, strict=True)]
            return np.concatenate(parts, axis=-1)
        case Flatten():
            return x.ravel()
        case MaxPool2D():
            return enter(_slide(layer, x, lambda window: window.max((0, 1)), outside=x.min()), fraction, types.output)
        case Conv2D() | GroupedConv2D() | Dense():
            return _weighted(layer, types, weights, x, fraction)
        case GlobalAveragePool():
            assert types.accumulator
            terms = enter(x, fraction, types.accumulator)
            return _averages(terms.sum((0, 1)), prod(x.shape[:2]), types)
        case AveragePool2D():
            assert types.accumulator
            terms = enter(x, fraction, types.accumulator)
            sums = _slide(layer, terms, lambda window: window.sum((0, 1)), outside=0)
            return _averages(sums, prod(layer.kernel), types)
        case GlobalSum():
            return enter(x.sum((0, 1)), fraction, types.output)
        case WindowSum():
            sums = _slide(layer, x, lambda window: window.sum((0, 1)), outside=0)
            return enter(sums >> layer.shift, fraction, types.output)
        case Threshold():
            return _reached(layer, weights[f"{layer.name}/thresholds"], weights[f"{layer.name}/signs"], x)
        case Softmax():
            assert types.softmax
            return _softmax(x, types.softmax, fraction, types.output)
    raise TypeError(f"no exact form of {layer.kind}")


def _averages(totals: Codes, area: int, types: Arithmetic) -> Codes:
    """Sums in the accumulator become averages, rounded towards zero as a division in C++ is."""
    assert types.accumulator
    within = types.accumulator.fraction
    sums = enter(totals, within, types.accumulator)
    quotients = (int(Fraction(total, area)) for total in sums.ravel())
    return enter(codes(quotients, sums.shape), within, types.output)


def _clipped(layer: Clip, x: Codes, fraction: int, output: FixedType) -> Codes:
    low, high = Fraction(layer.low), Fraction(layer.high)

    @cache
    def entered(code: int) -> int:
        return output.enter(min(max(Fraction(code) / Fraction(2) ** fraction, low), high))

    return codes(map(entered, x.ravel()), x.shape)


def _weighted(
    layer: Conv2D | GroupedConv2D | Dense,
    types: Arithmetic,
    weights: Mapping[str, NDArray[np.float32]],
    x: Codes,
    fraction: int,
) -> Codes:
    """Bias plus kernel times input, in the accumulator. It wraps, so wrapping once at the end is the same."""
    assert types.kernel and types.bias and types.accumulator
    kernel = quantise(weights[f"{layer.name}/kernel"], types.kernel)
    bias = quantise(weights[f"{layer.name}/bias"], types.bias)
    products = fraction + types.kernel.fraction
    common = max(products, types.bias.fraction)
    kernel, bias = kernel << common - products, bias << common - types.bias.fraction

    def weigh(window: Codes) -> Codes:
        if not isinstance(layer, GroupedConv2D):
            return window.ravel() @ kernel.reshape(-1, kernel.shape[-1]) + bias
        seen, filters = kernel.shape[-2], layer.filters // layer.groups
        groups = [
            window[..., group * seen : (group + 1) * seen].ravel()
            @ kernel[..., group * filters : (group + 1) * filters].reshape(-1, filters)
            for group in range(layer.groups)
        ]
        return np.concatenate(groups) + bias

    total = weigh(x) if isinstance(layer, Dense) else _slide(layer, x, weigh, outside=0)
    return enter(enter(total, common, types.accumulator), types.accumulator.fraction, types.output)


def _reached(layer: Threshold, thresholds: NDArray[Any], signs: NDArray[np.float32], x: Codes) -> Codes:
    """`low` plus the number of thresholds of its channel that each element of `x`, times its sign, has reached."""
    ladders = thresholds.tolist()
    channels = range(x.shape[-1])
    reached = (
        layer.low + bisect_right(ladders[channel], int(signs[channel]) * row[channel])
        for row in x.reshape(-1, x.shape[-1]).tolist()
        for channel in channels
    )
    return codes(reached, x.shape)


def _slide(layer: Window, x: Codes, compute: Callable[[Codes], Codes], outside: int) -> Codes:
    """`compute` on the window (height, width, channels) of every output pixel; beyond the image stands `outside`."""
    top, bottom, left, right = layer.pads(x.shape)
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)), constant_values=outside)
    height, width = layer.kernel
    rows, columns = layer.window_output(x.shape)
    down, across = layer.strides
    return np.array(
        [
            [compute(padded[y * down : y * down + height, z * across : z * across + width]) for z in range(columns)]
            for y in range(rows)
        ]
    )


def _softmax(x: Codes, tables: SoftmaxTables, fraction: int, output: FixedType) -> Codes:
    differences = enter(x.max() - x, fraction, tables.difference)
    entries = (exponential(tables, address(tables.difference, tables, difference)) for difference in differences)
    terms = enter(codes(entries, x.shape), tables.exponential.fraction, tables.total)
    total = _add(terms, tables.total)
    (divisor,) = enter(total, tables.total.fraction, tables.divisor)
    factor = inverse(tables, address(tables.divisor, tables, divisor))
    return enter(terms * factor, tables.total.fraction + tables.inverse.fraction, output)


def _add(terms: Codes, type: FixedType) -> Codes:
    """The one sum of `terms`, in pairs; every sum of a pair enters `type`."""
    if len(terms) == 1:
        return terms
    left = left_branch(len(terms))
    return enter(_add(terms[:left], type) + _add(terms[left:], type), type.fraction, type)


def left_branch(count: int) -> int:
    """How many of `count` terms stand in the left branch of an adder tree: a power of two (``nnet::reduce``)."""
    return 1 << (count - 1).bit_length() - 1


def address(type: FixedType, tables: SoftmaxTables, code: int) -> int:
    """The top bits of `code`, read as an unsigned number."""
    return (code % (1 << type.width)) >> (type.width - tables.address_bits(type))


def exponential(tables: SoftmaxTables, place: int) -> int:
    """Entry `place` of the exponential table."""
    return tables.exponential.enter(_single(exp(min(-_operand(tables.difference, tables, place), HUGE))))


def inverse(tables: SoftmaxTables, place: int) -> int:
    """Entry `place` of the inverse table."""
    divisor = _operand(tables.divisor, tables, place)
    return tables.inverse.enter(_single(1 / divisor if divisor else inf))


def _operand(type: FixedType, tables: SoftmaxTables, place: int) -> float:
    """The number whose top bits are `place` and whose other bits are 0."""
    code = place << (type.width - tables.address_bits(type))
    return float(type.value(code if code <= type.high else code - (1 << type.width)))


def _single(value: float) -> Fraction:
    """`value` rounded to single precision; C++'s infinity enters a type as 2**1024 does (``ap_fixed_base.h``)."""
    return Fraction(unpack("f", pack("f", value))[0]) if value < SINGLE_END else Fraction(2) ** 1024
