"""Types that hold the measured ranges: a default type widened where it must be, or a number of bits placed by range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from math import frexp
from typing import TYPE_CHECKING, Protocol

from backends.hls4ml.option_texts import FEWEST_BITS, RESULT, WIDEST, TypesByPlace, precision_text
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.places import bits_of
from backends.protocol import Job, Precisions
from models.fixed import FixedType, Overflow, Rounding
from models.layers import WEIGHTED, Clip, Flatten, Layer, MaxPool2D, ReLU, Softmax
from models.network import INPUT, Network
from models.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.weights import Tensors

NARROWER = 4
"""Integer bits fewer than the largest weight needs, at most."""

FEWEST = 4
"""Bits, but at most half of those of a type, that the largest number of a tensor takes up at least: where it takes up
fewer, most of the tensor would be rounded to zero, and the point is moved."""

LOGIT_BITS = 16

RECTIFIERS = ReLU, Clip
"""What takes away all below zero; a clip of another low end is not built."""

LONGEST = 1024
"""More integer bits than any number of single precision has."""

UNIT_RANGE = (0.0, 1.0)
"""What a softmax reaches."""


class TypeChoice(Protocol):
    """How types are chosen for a job."""

    @property
    def image(self) -> FixedType: ...

    def result(self, layer: Layer) -> FixedType: ...

    def weights(self, layer: Layer) -> tuple[FixedType, FixedType]:
        """Types of the kernel and the bias."""
        ...


@dataclass(frozen=True)
class Widened:
    """`base` everywhere, with more integer bits where the range of a tensor needs them."""

    job: Job[Hls4mlOptions]
    base: FixedType

    @property
    def image(self) -> FixedType:
        return replace(self.base, integer=max(self.base.integer, integer_bits(*self.job.network.pixels.ends)))

    def result(self, layer: Layer) -> FixedType:
        if isinstance(layer, Softmax):
            return careful(self.base)
        return careful(moved(self.base, *self.job.ranges.reach[layer.name]))

    def weights(self, layer: Layer) -> tuple[FixedType, FixedType]:
        """`base`, its point where it holds every trained weight; a bias no finer than the products that it joins."""
        reach = reach_of(self.job.weights)
        kernel, bias = (careful(moved(self.base, *reach[f"{layer.name}/{role}"])) for role in ("kernel", "bias"))
        finest = min(bias.width - self.base.fraction - kernel.fraction, self.base.integer)
        return kernel, replace(bias, integer=max(bias.integer, finest))


@dataclass(frozen=True)
class ByRange:
    """`bits` for every tensor but those in `named_types`; as many integer bits as its range or its weights need."""

    job: Job[Hls4mlOptions]
    bits: int
    named_types: TypesByPlace = field(default_factory=dict)

    def named(self, layer: Layer) -> dict[str, FixedType]:
        """The types of `layer` of which the bits are given, by role."""
        kernel, bias = f"{layer.name}/kernel", f"{layer.name}/bias"
        return {
            role: self.result(layer) if role == RESULT else self._fitting(kernel if role == "weight" else bias, bits)
            for role, bits in bits_of(self.job.network, self.named_types, layer.name).items()
        }

    @property
    def image(self) -> FixedType:
        """The brightest byte may saturate to the largest code: it costs that less than a bit would cost all others."""
        low, high = self.job.network.pixels.ends
        signed = low < 0
        integer = max(ceil_log2(high), ceil_log2(-low)) + signed
        bits = bits_of(self.job.network, self.named_types, INPUT).get(RESULT, self.bits)
        return careful(FixedType(bits, integer, signed))

    def result(self, layer: Layer) -> FixedType:
        """What a ReLU, or ReLU6, alone reads has its type and a sign: what lies below zero does not matter.

        Logits keep `LOGIT_BITS`: they are few, and coarse ones tie.
        """
        readers = self.job.network.consumers(layer.name)
        own = bits_of(self.job.network, self.named_types, layer.name).get(RESULT)
        bits = own or self.bits
        if own is None and len(readers) == 1 and isinstance(readers[0], RECTIFIERS):
            passed = self.result(readers[0])
            return replace(passed, width=passed.width + 1, integer=passed.integer + 1, signed=True)
        low, high = UNIT_RANGE if isinstance(layer, Softmax) else self.job.ranges.reach[layer.name]
        integer = moved(FixedType(bits, integer_bits(low, high)), low, high).integer
        if own is None and all(isinstance(reader, Softmax) for reader in readers) and not isinstance(layer, Softmax):
            return careful(FixedType(max(bits, LOGIT_BITS), integer))
        return careful(FixedType(bits, integer) if low < 0 else FixedType(bits, integer - 1, signed=False))

    def weights(self, layer: Layer) -> tuple[FixedType, FixedType]:
        return self._fitting(f"{layer.name}/kernel", self.bits), self._fitting(f"{layer.name}/bias", self.bits)

    def _fitting(self, tensor: str, bits: int) -> FixedType:
        """The type of the least squared error: an outlier may be worth less than a bit of all the others."""
        trained = self._trained[tensor]
        low, high = float(trained.min()), float(trained.max())
        widest = integer_bits(low, high)
        if is_coarse(FixedType(bits, widest - NARROWER + 1), low, high):
            widest = moved(FixedType(bits, widest), low, high).integer
        types = [careful(FixedType(bits, integer)) for integer in range(widest, widest - NARROWER, -1)]
        return min(types, key=lambda type: float(((entered(trained, type) - trained) ** 2).sum()))

    @cached_property
    def _trained(self) -> Tensors:
        return self.job.weights.tensors()


def tensors(network: Network) -> list[str]:
    """What has bits of its own: pixels, weights, and results but those of which the type follows from others (what only
    a ReLU reads, what a pooling or a flattening passes on) and the logits."""
    names = [f"{INPUT}.{RESULT}"]
    for layer in network.layers:
        readers = network.consumers(layer.name)
        names += [f"{layer.name}.weight"] if isinstance(layer, WEIGHTED) else []
        passed = isinstance(layer, MaxPool2D | Flatten | Softmax) or all(
            isinstance(reader, Softmax) for reader in readers
        )
        if not passed and not (len(readers) == 1 and isinstance(readers[0], RECTIFIERS)):
            names.append(f"{layer.name}.{RESULT}")
    return names


def with_bits(options: Hls4mlOptions, bits: Mapping[str, int]) -> Hls4mlOptions:
    """`options` with so many bits for each of `tensors`; biases have those of the widest."""
    widest = max(bits.values())
    others = [f"{name}={count}" for name, count in bits.items() if count != widest]
    return replace(options, precision=precision_text(",".join([str(widest), *others])))


PRECISIONS = Precisions(tensors, FEWEST_BITS, WIDEST, with_bits)


def moved(type: FixedType, low: float, high: float) -> FixedType:
    """`type` with the point where it holds `low` to `high`, and their larger takes up `FEWEST` bits of it at least.

    >>> [moved(FixedType(16, 6), -high, high).name for high in (31.0, 40.0, 0.02, 0.01, 0.0)]
    ['ap_fixed<16,6>', 'ap_fixed<16,7>', 'ap_fixed<16,6>', 'ap_fixed<16,-5>', 'ap_fixed<16,6>']
    """
    integer = type.integer
    while low < -(2.0 ** (integer - 1)) or high >= 2.0 ** (integer - 1):
        integer += 1
    if is_coarse(type, low, high):
        integer = frexp(max(-low, high))[1] + 1
        if low >= -(2.0 ** (integer - 2)) and high < 2.0 ** (integer - 2):  # the lowest code is a power of two
            integer -= 1
    return replace(type, integer=integer)


def is_coarse(type: FixedType, low: float, high: float) -> bool:
    """Whether the larger of the two takes up fewer bits of `type` than it must."""
    return 0 < max(-low, high) < 2.0 ** (min(FEWEST, (type.width - 1) // 2) - type.fraction)


@lru_cache(maxsize=16)
def reach_of(weights: Weights) -> Mapping[str, tuple[float, float]]:
    """The lowest and the highest number of every trained tensor."""
    return {name: (min(numbers), max(numbers)) for name, numbers in numbers_of(weights).items()}


@lru_cache(maxsize=4)
def numbers_of(weights: Weights) -> Mapping[str, Sequence[float]]:
    """Every trained tensor, read once."""
    return weights.numbers()


def entered(numbers: NDArray[np.float32], type: FixedType) -> NDArray[np.float64]:
    """What rounding and saturation make of `numbers`."""
    import numpy as np

    codes = np.floor(numbers.astype(np.float64) * 2.0**type.fraction + 0.5)
    return np.clip(codes, type.low, type.high) / 2.0**type.fraction


def careful(type: FixedType) -> FixedType:
    """The same numbers, entered by rounding and saturation."""
    return replace(type, rounding=Rounding.RND, overflow=Overflow.SAT)


def ceil_log2(number: Fraction) -> int:
    """The exponent of the smallest power of two that is at least `number`; very low for 0 and below.

    >>> ceil_log2(Fraction(1)), ceil_log2(Fraction(255)), ceil_log2(Fraction(1, 3))
    (0, 8, -1)
    """
    if number <= 0:
        return -LONGEST
    exponent = number.numerator.bit_length() - number.denominator.bit_length() - 1
    while Fraction(2) ** exponent < number:
        exponent += 1
    return exponent


def integer_bits(low: float | Fraction, high: float | Fraction) -> int:
    """Integer bits, sign included, of the narrowest signed type that holds `low` to `high`.

    >>> integer_bits(-32, 31.9), integer_bits(-32.1, 0), integer_bits(0, 1.0)
    (6, 7, 2)
    """
    bits = 1
    while low < -(2.0 ** (bits - 1)) or high >= 2.0 ** (bits - 1):
        bits += 1
    return bits
