"""The exact arithmetic of one design, as a value: every tensor's type, every accumulator's width.

A backend's `lower` says with it what it is going to build; `models.evaluation` computes it bit for bit; the run loop
compares what was built with that. It holds no weights: codes come from the float weights through the kernel and bias
types, so the value stays small, printable and comparable.

What a layer computes, on integers, in this order:

conv2d, grouped_conv2d, the accumulator starts at the bias, products are added in it, the sum enters `output`
dense
global_average_pool,    each element enters the accumulator, where they are added; the sum is divided by the area and
averagepool2d           truncated towards zero at its fraction (C++ division); the quotient enters `output`
relu, add, maxpool2d,   the exact result enters `output`; the ends of a clip are exact, too
clip, concat
leaky_relu              an element below zero is multiplied by the slope, as a code of `slope`; the product, or the
                        element, enters `output`
flatten                 codes unchanged
threshold               `low` plus the number of thresholds reached (see `models.integers`), a code of `output`
global_sum              the exact sum enters `output`
window_sum              the sum without its lowest bits (`shift`), rounded down, enters `output`
softmax                 see `SoftmaxTables`; where a design leaves it to the host, the design ends before it

An accumulator wraps at its width. That of products and bias holds all their fraction bits, so that it never rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from flows.core.digest import digest_of
from models.fixed import FixedType, Overflow
from models.integers import GlobalSum, Threshold, WindowSum
from models.layers import Flatten, Layer, LeakyReLU, Softmax
from models.network import INPUT, Network
from models.pixels import UNIT, Pixels

WEIGHTED = ("conv2d", "grouped_conv2d", "dense")
ACCUMULATING = (*WEIGHTED, "global_average_pool", "averagepool2d")


@dataclass(frozen=True, slots=True)
class InputContract:
    """How an image becomes the first tensor: the number that `pixels` makes of each byte enters `type`.

    `applied_by` says who does it ("host" or "design"). Channels stand last, as in `Network`: R, G, B where
    there are three. Padding comes behind it: a padded zero is the number 0, whatever byte that would be.
    """

    type: FixedType
    pixels: Pixels = UNIT
    applied_by: str = "host"
    channels: str = "RGB"

    @property
    def tables(self) -> tuple[tuple[int, ...], ...]:
        """The codes of all bytes, a row a channel, or a single row for all."""
        return tuple(tuple(map(self.type.enter, row)) for row in self.pixels.tables)

    @property
    def identity(self) -> dict[str, Any]:
        """What of it a digest counts."""
        gain, offset = self.pixels.gain, self.pixels.offset
        fields = {"type": self.type, "applied_by": self.applied_by, "channels": self.channels}
        return fields | ({"gain": gain[0]} if self.pixels.plain else {"gain": gain, "offset": offset})


def channels_of(network: Network) -> str:
    """In which order they stand: of three, R, G, B; of others as in the user's images."""
    return "RGB" if network.input_shape[-1] == 3 else "as given"


@dataclass(frozen=True, slots=True)
class SoftmaxTables:
    """hls4ml's "stable" softmax: two lookup tables, each addressed by the top bits of its operand.

    max(x) - x enters `difference`, whose top bits address exp(-difference) in `exponential`; its entries enter `total`,
    where they are added in pairs (a balanced tree, each sum entering it again); the sum enters `divisor`, whose top
    bits address 1 / divisor in `inverse`; the product of entry and inverse enters the layer's `output`. A table has
    `size` entries, a power of two, or as many as its operand has codes. They are computed in single precision.
    """

    size: int
    difference: FixedType
    exponential: FixedType
    total: FixedType
    divisor: FixedType
    inverse: FixedType

    def __post_init__(self) -> None:
        if self.size < 2 or self.size & (self.size - 1):
            raise ValueError(f"a table of {self.size} entries: give a power of two")

    def address_bits(self, operand: FixedType) -> int:
        """Bits of an address into the table that `operand` addresses."""
        return min(self.size.bit_length() - 1, operand.width)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The types of one layer; those that its kind does not have are None.

    Where `bipolar`, codes of its kernel, or of `output` where it has none, are -1 and 1 alone: a bit holds one.
    """

    output: FixedType
    kernel: FixedType | None = None
    bias: FixedType | None = None
    accumulator: FixedType | None = None
    softmax: SoftmaxTables | None = None
    slope: FixedType | None = None
    bipolar: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        """What of it a digest counts: `slope` and `bipolar` only where they say something, as before there were any."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if value or name not in ("slope", "bipolar")}


@dataclass(frozen=True)
class QuantisedNetwork:
    """`network` in the arithmetic of `layers` (by layer name), on the weights of digest `weights`.

    A trailing softmax, or scale of the host's, may be absent from `layers`: the design then ends before it.

    Raises `ValueError` where a layer lacks a type it needs, or an accumulator would round.
    """

    network: Network
    weights: str
    input: InputContract
    layers: Mapping[str, Arithmetic]

    def __post_init__(self) -> None:
        if unknown := self.layers.keys() - {layer.name for layer in self.network.layers}:
            raise ValueError(f"{min(unknown)} is no layer of {self.network.name}")
        for layer in self.network.layers:
            if layer.name in self.layers:
                self._check(layer, self.layers[layer.name])
            elif not (layer.on_host and layer.name == self.network.output):
                raise ValueError(f"{layer.name} has no arithmetic")

    def _check(self, layer: Layer, types: Arithmetic) -> None:
        if (types.accumulator is None) == (layer.kind in ACCUMULATING):
            raise ValueError(f"{layer.name}: an accumulator belongs to {', '.join(ACCUMULATING)}, and to no other")
        if (types.kernel is None or types.bias is None) == (layer.kind in WEIGHTED):
            raise ValueError(f"{layer.name}: kernel and bias types belong to {', '.join(WEIGHTED)}, and to no other")
        if (types.softmax is None) == isinstance(layer, Softmax):
            raise ValueError(f"{layer.name}: tables belong to a softmax, and to no other")
        if (types.slope is None) == isinstance(layer, LeakyReLU):
            raise ValueError(f"{layer.name}: the type of a slope belongs to a leaky_relu, and to no other")
        if isinstance(layer, Threshold) and not types.output.low <= layer.low <= types.output.high - layer.steps:
            raise ValueError(f"{layer.name}: {types.output.name} does not hold its codes")
        if isinstance(layer, Threshold | GlobalSum | WindowSum) and types.output.fraction:
            raise ValueError(f"{layer.name}: its results are integers, and {types.output.name} has a point")
        if isinstance(layer, Flatten) and types.output != self.type_of(layer.inputs[0]):
            raise ValueError(f"{layer.name}: flattening leaves the type as it is")
        if types.accumulator and types.accumulator.overflow is not Overflow.WRAP:
            raise ValueError(f"{layer.name}: a saturating accumulator depends on the order of its terms")
        if types.accumulator and types.kernel and types.bias:
            needed = max(self.type_of(layer.inputs[0]).fraction + types.kernel.fraction, types.bias.fraction)
            if types.accumulator.fraction < needed:
                raise ValueError(f"{layer.name}: {types.accumulator.name} would round terms of {needed} fraction bits")

    def type_of(self, tensor: str) -> FixedType:
        """The type of a tensor, by the name of the layer that makes it or `INPUT`."""
        return self.input.type if tensor == INPUT else self.layers[tensor].output

    @property
    def weight_bits(self) -> dict[str, int]:
        """Bits in which the design keeps a weight, by layer."""
        return {name: 1 if types.bipolar else types.kernel.width for name, types in self.layers.items() if types.kernel}

    def is_bipolar(self, tensor: str) -> bool:
        """Whether the codes of a tensor, by the layer that makes it or `INPUT`, are -1 and 1 alone."""
        return tensor != INPUT and self.layers[tensor].bipolar and not self.layers[tensor].kernel

    @cached_property
    def computed(self) -> tuple[Layer, ...]:
        """The layers that the design computes, in order."""
        return tuple(layer for layer in self.network.layers if layer.name in self.layers)

    @property
    def output(self) -> str:
        """The tensor with which the design ends."""
        return self.computed[-1].name

    @cached_property
    def digest(self) -> str:
        layers = [self.layers[layer.name].identity for layer in self.computed]
        return digest_of([self.network.digest, self.weights, self.input.identity, layers])
