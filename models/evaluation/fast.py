"""The exact evaluation for many images: integer codes held in floats, convolved by torch. Equal to the oracle, bit for bit.

A float holds integers exactly up to 2**24 in single and 2**53 in double precision. So each layer's largest possible
partial sum is bounded first, from its kernel codes and the codes that its input can have: single precision where that
suffices; else, if it helps, the input is split into a high and a low part whose sums do; else double.
Imported by workers only: it loads torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.evaluation import oracle
from models.fixed import FixedType, Overflow, Rounding
from models.network import INPUT, Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU, Softmax
from models.quantised import Arithmetic, QuantisedNetwork, SoftmaxTables

SINGLE, DOUBLE = 2**24, 2**53
"""Integers below these magnitudes are exact in float32 and float64."""


def enter(values: Tensor, fraction: int, type: FixedType) -> Tensor:
    """Integers of `fraction` bits into `type`, in place where it can; float in, float of the same precision out.

    Exact while `values` are exact integers: a shift is a power of two, and rounding is done on the shifted value.
    """
    drop = fraction - type.fraction
    if drop:
        values = values * 2.0**-drop
    if drop > 0:
        _round(values, type.rounding)
    low, high = type.low, type.high
    match type.overflow:
        case Overflow.SAT:
            return values.clamp_(low, high)
        case Overflow.WRAP:
            if bool((values.amin() < low) | (values.amax() > high)):
                values = (values - low).remainder_(2.0**type.width).add_(low)
            return values
        case Overflow.SAT_ZERO:
            return values.masked_fill_((values < low) | (values > high), 0)
        case Overflow.SAT_SYM:
            return values.clamp_(-high if type.signed else 0, high)


def _round(values: Tensor, mode: Rounding) -> None:
    """To integers, in place. A value with bits behind the point is below 2**52, so that adding a half is exact."""
    match mode:
        case Rounding.TRN:
            values.floor_()
        case Rounding.TRN_ZERO:
            values.trunc_()
        case Rounding.RND_CONV:
            values.round_()
        case Rounding.RND:
            values.add_(0.5).floor_()
        case Rounding.RND_MIN_INF:
            values.sub_(0.5).ceil_()
        case Rounding.RND_ZERO:
            values.copy_(values.sign() * (values.abs() - 0.5).ceil_())
        case Rounding.RND_INF:
            values.copy_(values.sign() * (values.abs() + 0.5).floor_())


def codes_of(weights: np.ndarray, type: FixedType) -> np.ndarray:
    """Float32 weights into `type`, exactly as `FixedType.enter`: int64."""
    unique, where = np.unique(weights, return_inverse=True)
    entered = np.array([type.enter(Fraction(float(value))) for value in unique], np.int64)
    return entered[where].reshape(weights.shape)


class FastNetwork:
    """A quantised network on its weights, ready for batches. Raises `ValueError` where a sum may pass 2**53."""

    def __init__(self, quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray]) -> None:
        self.quantised = quantised
        gain, type = quantised.input.gain, quantised.input.type
        self._pixels = torch.tensor([float(type.enter(pixel * gain)) for pixel in range(256)])
        self._layers = {layer.name: self._prepare(layer, weights) for layer in quantised.computed}

    def __call__(self, pixels: np.ndarray) -> dict[str, Tensor]:
        """uint8 (n, H, W, C) -> the codes of every tensor, float, images as (n, C, H, W)."""
        images = self._pixels[torch.from_numpy(pixels).int()].permute(0, 3, 1, 2)
        tensors = {INPUT: images}
        for layer in self.quantised.computed:
            tensors[layer.name] = self._layers[layer.name](*(tensors[name] for name in layer.inputs))
        return tensors

    def _prepare(self, layer: Layer, weights: Mapping[str, np.ndarray]):  # noqa: ANN202
        types = self.quantised.layers[layer.name]
        inputs = [self.quantised.type_of(name) for name in layer.inputs]
        shape = self.quantised.network.shapes[layer.inputs[0]]
        if isinstance(layer, Conv2D | Dense):
            return _Products(layer, types, inputs[0], shape, weights)
        return lambda *tensors: _simple(layer, types, inputs, shape, tensors)


class _Products:
    """A convolution or a dense layer: kernel codes, bias codes, and the precision in which sums are exact."""

    def __init__(
        self, layer: Conv2D | Dense, types: Arithmetic, source: FixedType, shape: tuple[int, ...], weights: Mapping
    ) -> None:
        assert types.kernel and types.bias and types.accumulator
        self.layer, self.types = layer, types
        self.pads = layer.pads(shape) if isinstance(layer, Conv2D) else (0, 0, 0, 0)
        kernel = codes_of(weights[f"{layer.name}/kernel"], types.kernel)
        bias = codes_of(weights[f"{layer.name}/bias"], types.bias)
        self.fraction = max(source.fraction + types.kernel.fraction, types.bias.fraction)
        kernel = kernel << (self.fraction - source.fraction - types.kernel.fraction)
        bias = bias << (self.fraction - types.bias.fraction)
        rows = np.abs(kernel).reshape(-1, kernel.shape[-1]).sum(0)
        half = 1 << max(self.fraction - types.output.fraction, 0)  # what rounding may add
        bound = int((rows * max(-source.low, source.high) + np.abs(bias)).max()) + half
        if bound >= DOUBLE:
            raise ValueError(f"{layer.name}: sums may reach {bound}, beyond 2**53")
        self.low_bits = 0
        self.dtype = torch.float32 if bound < SINGLE else torch.float64
        if bound >= SINGLE:
            self._try_split(source, rows)
        order = (3, 2, 0, 1) if isinstance(layer, Conv2D) else (1, 0)
        self.kernel = torch.from_numpy(kernel.transpose(order).astype(np.float64)).to(self.dtype)
        if isinstance(layer, Conv2D):
            self.kernel = self.kernel.contiguous(memory_format=torch.channels_last)
        self.bias = torch.from_numpy(bias.astype(np.float64)).reshape(-1, *(1, 1) * isinstance(layer, Conv2D))

    def _try_split(self, source: FixedType, rows: np.ndarray) -> None:
        """Splits codes as high * 2**bits + low where both halves' sums stay exact in single precision."""
        for bits in range(source.width // 2 - 1, source.width // 2 + 2):
            low, high = (1 << bits) - 1, max(-source.low >> bits, source.high >> bits)
            if int(rows.max()) * max(low, high) < SINGLE:
                self.low_bits, self.dtype = bits, torch.float32
                return

    def __call__(self, x: Tensor) -> Tensor:
        types = self.types
        assert types.accumulator
        if self.low_bits:
            high = (x * 2.0**-self.low_bits).floor_()
            low = x - high * 2.0**self.low_bits
            total = self._multiply(high).double().mul_(2.0**self.low_bits).add_(self._multiply(low))
        else:
            total = self._multiply(x.to(self.dtype))
        total = total.add_(self.bias.to(total.dtype))
        result = enter(total, self.fraction, types.accumulator)
        return _narrow(enter(result, types.accumulator.fraction, types.output), types.output)

    def _multiply(self, x: Tensor) -> Tensor:
        x = x.to(self.dtype)
        if isinstance(self.layer, Dense):
            return x @ self.kernel.T
        top, bottom, left, right = self.pads
        if top == bottom and left == right:
            return F.conv2d(x, self.kernel, stride=self.layer.strides, padding=(top, left))
        return F.conv2d(F.pad(x, (left, right, top, bottom)), self.kernel, stride=self.layer.strides)


def _simple(
    layer: Layer, types: Arithmetic, inputs: list[FixedType], shape: tuple[int, ...], tensors: tuple[Tensor, ...]
) -> Tensor:
    x, fraction = tensors[0], inputs[0].fraction
    match layer:
        case ReLU():
            return _enter_wide(x.clamp(min=0), fraction, types.output)
        case Add():
            common = max(fraction, inputs[1].fraction)
            total = x.double() * 2.0 ** (common - fraction) + tensors[1].double() * 2.0 ** (common - inputs[1].fraction)
            return _narrow(enter(total, common, types.output), types.output)
        case MaxPool2D():
            top, bottom, left, right = layer.pads(shape)
            padded = F.pad(x, (left, right, top, bottom), value=-torch.inf) if top + bottom + left + right else x
            return _enter_wide(F.max_pool2d(padded, layer.kernel, layer.strides), fraction, types.output)
        case Flatten():
            return x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x.flatten(1)
        case GlobalAveragePool():
            assert types.accumulator
            terms, within = enter(x.double().clone(), fraction, types.accumulator), types.accumulator.fraction
            total = enter(terms.sum((2, 3)), within, types.accumulator)
            quotient = (total / (shape[0] * shape[1])).trunc_()
            return _narrow(enter(quotient, within, types.output), types.output)
        case Softmax():
            assert types.softmax
            return _softmax(x, types.softmax, fraction, types.output)
    raise TypeError(f"no exact form of {layer.kind}")


def _enter_wide(values: Tensor, fraction: int, type: FixedType) -> Tensor:
    """`enter` for codes as wide as they may be: in double where a shift to the left leaves single precision."""
    grows = type.fraction - fraction
    wide = values.double() if values.dtype == torch.float32 and grows > 0 else values
    return _narrow(enter(wide, fraction, type), type)


def _narrow(codes: Tensor, type: FixedType) -> Tensor:
    """Codes of up to 22 bits in single precision, where rounding may still add a half; others in double."""
    return codes.float() if type.width <= 22 else codes.double()


def _softmax(x: Tensor, tables: SoftmaxTables, fraction: int, output: FixedType) -> Tensor:
    places = range(tables.size)
    exponentials = torch.tensor([float(oracle.exponential(tables, place)) for place in places]).double()
    inverses = torch.tensor([float(oracle.inverse(tables, place)) for place in places]).double()
    difference = enter((x.amax(1, keepdim=True) - x).double(), fraction, tables.difference)
    terms = exponentials[_address(difference, tables.difference, tables)]
    total = enter(terms.sum(1, keepdim=True), tables.exponential.fraction, tables.total)
    divisor = enter(total, tables.total.fraction, tables.divisor)
    factor = inverses[_address(divisor, tables.divisor, tables)]
    result = enter(terms * factor, tables.exponential.fraction + tables.inverse.fraction, output)
    return _narrow(result, output)


def _address(codes: Tensor, type: FixedType, tables: SoftmaxTables) -> Tensor:
    return codes.long().remainder(1 << type.width) >> (type.width - tables.address_bits)
