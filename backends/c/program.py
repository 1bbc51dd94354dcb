"""The generated program as a value: its calls and buffers, and how wide its integers are."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from backends.c.allocation import Call, TensorBuffer, allocated
from models.fixed import FixedType
from models.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU, Softmax
from models.quantised import QuantisedNetwork

KINDS = frozenset(kind.kind for kind in (Conv2D, Dense, MaxPool2D, GlobalAveragePool, Add, ReLU, Flatten, Softmax))
"""Layers that can be generated as C; for a softmax, the caller takes the largest result."""
NATIVE = (8, 16, 32, 64)
SHORTEST_FACTOR = 16
"""Bits of a code that is multiplied: codes of signed and of unsigned tensors of 8 bits, as NEON multiplies them."""


@dataclass(frozen=True)
class Store:
    """How a sum becomes an element of a tensor: `drop` bits are dropped (zeros are appended where it is negative), the
    sum saturates at the codes `low` and `high`, and `offset` is subtracted."""

    drop: int
    low: int
    high: int
    offset: int


@dataclass(frozen=True)
class Program:
    calls: tuple[Call, ...]
    buffers: tuple[TensorBuffer, ...]
    first: int
    """The buffer of the pixels."""
    value_bits: int
    """Bits of an element of any tensor, which is its code minus the offset of its tensor."""
    factor_bits: int
    """Bits of a code that is multiplied."""
    weight_bits: int
    sum_bits: int
    widest_sum: int
    """Bits that the widest sum takes."""
    window: int
    """Codes of the largest window of a convolution, or of the longest vector that weights are multiplied by."""
    sums: int
    """Most results of one pixel or vector."""

    @property
    def activation_bytes(self) -> int:
        """All memory that is written."""
        elements = sum(buffer.size for buffer in self.buffers)
        return (elements * self.value_bits + self.window * self.factor_bits + self.sums * self.sum_bits) // 8

    def offset(self, type: FixedType) -> int:
        """The difference of a code of `type` and its stored element: 0 where the code itself is stored."""
        half = 1 << self.value_bits - 1
        return half if type.high >= half else 0


def native(bits: int, least: int = NATIVE[0]) -> int:
    """Bits of the shortest native integer that holds `bits`; raises `ValueError` above 64."""
    for width in NATIVE:
        if max(bits, least) <= width:
            return width
    raise ValueError(f"no native integer has {bits} bits")


def signed_bits(low: int, high: int) -> int:
    """Bits of a signed integer that holds both ends.

    >>> signed_bits(0, 255), signed_bits(-128, 127)
    (9, 8)
    """
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + 1


def constant_bytes(quantised: QuantisedNetwork, program: Program) -> int:
    """Weights, biases and the table of pixels, as the program keeps them."""
    bits = 0
    for layer in quantised.computed:
        if isinstance(layer, Conv2D | Dense):
            shapes = layer.weight_shapes(quantised.network.shapes[layer.inputs[0]])
            bits += prod(shapes["kernel"]) * program.weight_bits + prod(shapes["bias"]) * program.sum_bits
    contract = quantised.input
    tables = len(contract.tables) * 256 * program.value_bits if contract.applied_by == "host" else 0
    return (bits + tables) // 8


def program_of(quantised: QuantisedNetwork) -> Program:
    """Raises `ValueError` where a sum takes more than 64 bits."""
    calls, buffers, first = allocated(quantised)
    types = [quantised.input.type, *(quantised.type_of(call.tensor) for call in calls if call.target is not None)]
    kernels = [types.kernel.width for types in quantised.layers.values() if types.kernel]
    widest = max((_sum_bits(quantised, call) for call in calls), default=1)
    factor_bits = native(max(signed_bits(type.low, type.high) for type in types), SHORTEST_FACTOR)
    return Program(
        calls,
        buffers,
        first,
        native(max(type.width for type in types)),
        factor_bits,
        native(max(kernels, default=8)),
        native(widest, max(32, factor_bits)),
        widest,
        max((_window(quantised, call.layer) for call in calls), default=0),
        max((_results(quantised, call.layer) for call in calls), default=0),
    )


def stored(quantised: QuantisedNetwork, program: Program, call: Call) -> Store:
    """How the sums of `call` are stored: with a ReLU, nothing below zero is."""
    type = quantised.type_of(call.tensor)
    rectified = isinstance(call.layer, ReLU) or call.tensor != call.layer.name
    low = max(type.low, 0) if rectified else type.low
    return Store(_drop(quantised, call), low, type.high, program.offset(type))


def _drop(quantised: QuantisedNetwork, call: Call) -> int:
    """Fraction bits that are dropped when `call` stores its result."""
    return _sum_fraction(quantised, call.layer) - quantised.type_of(call.tensor).fraction


def _sum_fraction(quantised: QuantisedNetwork, layer: Layer) -> int:
    """Fraction bits of what `layer` stores."""
    if accumulator := quantised.layers[layer.name].accumulator:
        return accumulator.fraction
    return max(quantised.type_of(name).fraction for name in layer.inputs)


def _sum_bits(quantised: QuantisedNetwork, call: Call) -> int:
    """Bits that hold every sum of `call`, including what rounding adds and zeros that are appended."""
    layer, types = call.layer, quantised.layers[call.layer.name]
    if isinstance(layer, MaxPool2D):
        return 1
    if isinstance(layer, Conv2D | Dense):
        assert types.accumulator
        return types.accumulator.width  # proven for all of it: `layers.arithmetic.reaches`
    drop, sources = _drop(quantised, call), [quantised.type_of(name) for name in layer.inputs]
    fraction = _sum_fraction(quantised, layer)
    times = prod(quantised.network.shapes[layer.inputs[0]][:2]) if isinstance(layer, GlobalAveragePool) else 1
    low, high = (times * sum(_shifted(type, end, fraction) for type in sources) for end in ("low", "high"))
    half = 1 << drop >> 1 if drop > 0 else 0
    more = max(-drop, 0)
    return max(signed_bits(low << more, (high << more) + half), abs(drop) + 1)


def _shifted(type: FixedType, end: str, fraction: int) -> int:
    code: int = getattr(type, end)
    return code << fraction - type.fraction


def _window(quantised: QuantisedNetwork, layer: Layer) -> int:
    before = quantised.network.shapes[layer.inputs[0]]
    if isinstance(layer, Conv2D):
        return prod(layer.kernel) * before[-1]
    return prod(before) if isinstance(layer, Dense) else 0


def _results(quantised: QuantisedNetwork, layer: Layer) -> int:
    summed = isinstance(layer, Conv2D | Dense | GlobalAveragePool)
    return quantised.network.shapes[layer.name][-1] if summed else 0
