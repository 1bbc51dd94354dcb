"""The exact evaluation for many images: integer codes held in floats, convolved by torch. It must equal the oracle.

The largest partial sum that a layer can have is bounded from its kernel codes and from what its input reaches. Single
precision is used where such sums are exact in it (see `models.evaluation.entry`); where they are not, the input may be
split into a high and a low part whose sums are; else double precision. Imported by workers only: it loads torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flows.core.errors import RefusedError
from models.evaluation import oracle
from models.evaluation.entry import SINGLE, Entry, precision
from models.evaluation.reached import Reached
from models.fixed import FixedType, rounded
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
from models.training.torch_network import looked_up

Compute = Callable[..., Tensor]
Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Source:
    """A tensor that a layer reads: its shape for one image, its type, the largest magnitude of its codes."""

    shape: tuple[int, ...]
    type: FixedType
    reach: int


class FastNetwork:
    """A quantised network on its weights, ready for batches.

    Raises `RefusedError` where a layer's numbers may pass what double precision holds exactly.
    """

    def __init__(self, quantised: QuantisedNetwork, weights: Weights) -> None:
        self.quantised = quantised
        contract, shapes = quantised.input, quantised.network.shapes
        tables = contract.tables
        reach = {INPUT: max(abs(code) for table in tables for code in table)}
        with _refusals(INPUT):
            self._pixels = torch.tensor(tables, dtype=precision(reach[INPUT]))
        self._layers: dict[str, Compute] = {}
        for layer in quantised.computed:
            sources = [Source(shapes[name], quantised.type_of(name), reach[name]) for name in layer.inputs]
            with _refusals(layer.name):
                compute, reach[layer.name] = _prepare(layer, quantised.layers[layer.name], sources, weights)
            self._layers[layer.name] = compute

    def __call__(self, pixels: np.ndarray) -> dict[str, Tensor]:
        """uint8 (n, H, W, C) or (n, C) -> the codes of every tensor, float, images as (n, C, H, W)."""
        tensors = {INPUT: looked_up(self._pixels, pixels)}
        with torch.backends.nnpack.flags(enabled=False):  # it convolves by Winograd's transform, which rounds
            for layer in self.quantised.computed:
                tensors[layer.name] = self._layers[layer.name](*(tensors[name] for name in layer.inputs))
        return tensors


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Names the layer (or the input) whose numbers double precision does not hold."""
    try:
        yield
    except ValueError as reason:
        raise RefusedError(f"layer {name}", str(reason), "choose narrower types") from None


def _prepare(layer: Layer, types: Arithmetic, sources: Sequence[Source], weights: Weights) -> tuple[Compute, int]:
    """How to compute a layer, and what its codes then reach."""
    source = sources[0]
    match layer:
        case Conv2D() | GroupedConv2D() | Dense():
            products = _Products(layer, types, source, weights)
            return products, products.output.result
        case GlobalAveragePool():
            return _average(types, source, prod(source.shape[:2]), lambda x: x.sum((2, 3)))
        case AveragePool2D():
            return _average(types, source, prod(layer.kernel), _window_sums(layer, source))
        case Clip():
            return _clip(layer, types, source)
        case LeakyReLU():
            return _leaky(layer, types, source)
        case Concat():
            return _concat(types, sources)
        case Softmax():
            return _softmax(types, source)
        case Flatten():
            return lambda x: x.movedim(1, -1).flatten(1), source.reach
        case ReLU():
            entry = Entry(source.type.fraction, source.reach, types.output)
            return lambda x: entry(x.clamp(min=0)), entry.result
        case MaxPool2D():
            entry = Entry(source.type.fraction, source.reach, types.output)
            pads = _torch_pads(layer, source)
            return (
                lambda x: entry(F.max_pool2d(F.pad(x, pads, value=-torch.inf), layer.kernel, layer.strides)),
                entry.result,
            )
        case Add():
            return _sum(types, sources)
        case GlobalSum():
            entry = Entry(source.type.fraction, source.reach * prod(source.shape[:2]), types.output)
            return lambda x: entry(x.double().sum((2, 3))), entry.result
        case WindowSum():
            most = -(-source.reach * prod(layer.kernel) >> layer.shift)
            entry, add = Entry(source.type.fraction, most, types.output), _window_sums(layer, source)
            return lambda x: entry((add(x.double()) * 2.0**-layer.shift).floor_()), entry.result
        case Threshold():
            ends = layer.low, layer.low + layer.steps
            thresholds, signs = (weights[f"{layer.name}/{role}"] for role in ("thresholds", "signs"))
            return Reached(layer.low, thresholds, signs, source.reach), max(map(abs, ends))
    raise TypeError(f"no exact form of {layer.kind}")


def _torch_pads(layer: Window, source: Source) -> tuple[int, int, int, int]:
    top, bottom, left, right = layer.pads(source.shape)
    return left, right, top, bottom


class _Products:
    """A convolution or a dense layer: kernel and bias codes, and the precision in which their sums are exact."""

    def __init__(
        self, layer: Conv2D | GroupedConv2D | Dense, types: Arithmetic, source: Source, weights: Weights
    ) -> None:
        assert types.kernel and types.bias and types.accumulator
        kernel = oracle.quantise(weights[f"{layer.name}/kernel"], types.kernel)
        bias = oracle.quantise(weights[f"{layer.name}/bias"], types.bias)
        products = source.type.fraction + types.kernel.fraction
        common = max(products, types.bias.fraction)
        kernel, bias = kernel << common - products, bias << common - types.bias.fraction
        columns = abs(kernel).reshape(-1, kernel.shape[-1]).sum(0)
        reach = max(columns * source.reach + abs(bias))
        self.accumulate = Entry(common, reach, types.accumulator)
        self.output = Entry(types.accumulator.fraction, self.accumulate.result, types.output)

        # oneDNN 3.12 convolves wrongly in single precision (AVX-512): one input channel, an output one pixel wide.
        has_single = kernel.shape[-2] == 1
        self.sum_precision = torch.float64 if has_single else precision(reach)
        self.precision, self.low_bits = self.sum_precision, 0
        bits = (source.reach.bit_length() + 1) // 2
        if bits and not has_single and reach >= SINGLE:
            halves = max(1 << bits - 1, (source.reach >> bits) + 1)
            if max(columns) * halves < SINGLE:
                self.low_bits, self.precision = bits, torch.float32

        self.layer = layer
        self.pads = (0, 0, 0, 0) if isinstance(layer, Dense) else _torch_pads(layer, source)
        self.groups = layer.groups if isinstance(layer, GroupedConv2D) else 1
        order = (1, 0) if isinstance(layer, Dense) else (3, 2, 0, 1)
        self.kernel = torch.from_numpy(kernel.astype(np.float64).transpose(order)).to(self.precision)
        if not isinstance(layer, Dense):
            self.kernel = self.kernel.contiguous(memory_format=torch.channels_last)
        self.bias = torch.from_numpy(bias.astype(np.float64)).to(self.sum_precision)
        self.bias = self.bias.reshape(-1, *(1, 1) * (not isinstance(layer, Dense)))

    def __call__(self, x: Tensor) -> Tensor:
        if self.low_bits:
            high = (x * 2.0**-self.low_bits).round_()
            low = x.sub(high, alpha=2**self.low_bits)
            total = self._multiply(high).to(self.sum_precision).mul_(2.0**self.low_bits).add_(self._multiply(low))
        else:
            total = self._multiply(x)
        return self.output(self.accumulate(total.add_(self.bias)))

    def _multiply(self, x: Tensor) -> Tensor:
        x = x.to(self.precision)
        if isinstance(self.layer, Dense):
            return x @ self.kernel.T
        left, right, top, bottom = self.pads
        if top == bottom and left == right:
            return F.conv2d(x, self.kernel, stride=self.layer.strides, padding=(top, left), groups=self.groups)
        return F.conv2d(F.pad(x, self.pads), self.kernel, stride=self.layer.strides, groups=self.groups)


def _sum(types: Arithmetic, sources: Sequence[Source]) -> tuple[Compute, int]:
    common = max(source.type.fraction for source in sources)
    first, second = (2 ** (common - source.type.fraction) for source in sources)
    reach = sources[0].reach * first + sources[1].reach * second
    entry, exact = Entry(common, reach, types.output), precision(reach)
    return lambda x, y: entry((x.to(exact) * first).add_(y.to(exact), alpha=second)), entry.result


def _average(types: Arithmetic, source: Source, area: int, add: Callable[[Tensor], Tensor]) -> tuple[Compute, int]:
    """`add` makes the sums of `area` elements each, in double precision."""
    assert types.accumulator
    within = types.accumulator.fraction
    terms = Entry(source.type.fraction, source.reach, types.accumulator)
    total = Entry(within, terms.result * area, types.accumulator)
    output = Entry(within, total.result // area, types.output)

    def compute(x: Tensor) -> Tensor:
        entered = total(add(terms(x.to(torch.float64, copy=True)).double()))
        return output((entered.double() / area).trunc_())

    return compute, output.result


def _window_sums(layer: AveragePool2D | WindowSum, source: Source) -> Callable[[Tensor], Tensor]:
    pads = _torch_pads(layer, source)
    return lambda x: F.avg_pool2d(F.pad(x, pads), layer.kernel, layer.strides, divisor_override=1)


def _clip(layer: Clip, types: Arithmetic, source: Source) -> tuple[Compute, int]:
    """Rounding never falls where its operand rises: rounded ends confine what was rounded, as ends do before it."""
    output, bits = types.output, source.reach.bit_length() + max(types.output.fraction - source.type.fraction, 0) + 2
    unbounded = FixedType(bits, bits - output.fraction, True, output.rounding)
    low, high = (
        rounded(Fraction(end) * Fraction(2) ** output.fraction, output.rounding) for end in (layer.low, layer.high)
    )
    nearest = Entry(source.type.fraction, source.reach, unbounded)
    entry = Entry(output.fraction, min(max(-low, high), max(nearest.result, low, -high)), output)
    return lambda x: entry(nearest(x.clone()).clamp_(float(low), float(high))), entry.result


def _leaky(layer: LeakyReLU, types: Arithmetic, source: Source) -> tuple[Compute, int]:
    assert types.slope
    slope, more = types.slope.enter(Fraction(layer.slope)), types.slope.fraction
    reach = source.reach << more
    entry, exact = Entry(source.type.fraction + more, reach, types.output), precision(reach)

    def compute(x: Tensor) -> Tensor:
        x = x.to(exact)
        return entry(torch.where(x < 0, x * slope, x * 2.0**more))

    return compute, entry.result


def _concat(types: Arithmetic, sources: Sequence[Source]) -> tuple[Compute, int]:
    first, second = (Entry(source.type.fraction, source.reach, types.output) for source in sources)
    reach = max(first.result, second.result)
    exact = precision(reach)
    return lambda x, y: torch.cat([first(x.clone()).to(exact), second(y.clone()).to(exact)], 1), reach


def _softmax(types: Arithmetic, source: Source) -> tuple[Compute, int]:
    tables = types.softmax
    assert tables
    exponentials = _table(tables, tables.difference, oracle.exponential)
    inverses = _table(tables, tables.divisor, oracle.inverse)
    difference = Entry(source.type.fraction, 2 * source.reach, tables.difference)
    terms = Entry(tables.exponential.fraction, int(exponentials.abs().max()), tables.total)
    most = max(tables.total.high, -tables.total.low)
    pair = Entry(tables.total.fraction, 2 * most, tables.total)
    divisor = Entry(tables.total.fraction, most, tables.divisor)
    fraction = tables.total.fraction + tables.inverse.fraction
    output = Entry(fraction, most * int(inverses.abs().max()), types.output)

    def add(terms: Tensor) -> Tensor:
        count = terms.shape[1]
        if count == 1:
            return terms.clone()
        left = oracle.left_branch(count)
        return pair(add(terms[:, :left]).double() + add(terms[:, left:]))

    def compute(x: Tensor) -> Tensor:
        differences = difference(x.amax(1, keepdim=True).double() - x)
        entered = terms(exponentials[_address(differences, tables.difference, tables)])
        factor = inverses[_address(divisor(add(entered)), tables.divisor, tables)]
        return output(entered.double() * factor)

    return compute, output.result


def _table(tables: SoftmaxTables, type: FixedType, entry: Callable[[SoftmaxTables, int], int]) -> Tensor:
    return torch.tensor([entry(tables, place) for place in range(1 << tables.address_bits(type))], dtype=torch.float64)


def _address(codes: Tensor, type: FixedType, tables: SoftmaxTables) -> Tensor:
    return codes.long().remainder(1 << type.width) >> (type.width - tables.address_bits(type))
