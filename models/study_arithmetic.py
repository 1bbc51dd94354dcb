"""A network with every tensor at one width: the arithmetic of a study's last column, exact as any design's.

Kernels and biases have the format's types. Every tensor that is stored has as many bits as the format and a power of
two of its own for a scale: the smallest that is at least the tensor's largest magnitude on training images (`Ranges`);
it is unsigned where the tensor is never negative; it rounds to nearest, ties to even, and saturates. Not stored, and so
as wide as their accumulator, are sums that only an activation reads, and the logits. Accumulators never wrap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

from models.fixed import FixedType
from models.formats import Format, stored_type
from models.layers import (
    ACTIVATIONS,
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
)
from models.lowering import lowered
from models.network import INPUT, Network
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, channels_of
from models.ranges import Ranges

if TYPE_CHECKING:
    from models.weights import Tensors


def weight_types(format: Format, tensors: Tensors) -> dict[str, FixedType]:
    """The type of every kernel and bias, by tensor name."""
    return {name: format.type_for(float(abs(tensor).max())) for name, tensor in tensors.items()}


def at_one_width(
    network: Network, weights: str, ranges: Ranges, bits: int, types: Mapping[str, FixedType]
) -> QuantisedNetwork:
    """`network`, folded, on the weights of this digest, in the arithmetic that the top of this module describes.

    `types` has those of kernels and biases, by tensor name.
    """
    contract = InputContract(stored_type(bits, *ranges.reach[INPUT]), network.pixels, channels=channels_of(network))

    def arithmetic(layer: Layer, sources: Sequence[FixedType]) -> Arithmetic:
        return _arithmetic(network, layer, sources[0], stored_type(bits, *ranges.reach[layer.name]), types)

    return lowered(network, weights, contract, arithmetic)


def _arithmetic(
    network: Network, layer: Layer, source: FixedType, stored: FixedType, types: Mapping[str, FixedType]
) -> Arithmetic:
    match layer:
        case Conv2D() | GroupedConv2D() | Dense():
            terms = prod(layer.weight_shapes(*network.input_shapes(layer))["kernel"][:-1])
            kernel, bias = types[f"{layer.name}/kernel"], types[f"{layer.name}/bias"]
            integer = max(source.integer + kernel.integer + terms.bit_length(), bias.integer) + 1
            fraction = max(source.fraction + kernel.fraction, bias.fraction)
            total = FixedType(integer + fraction, integer)
            return Arithmetic(total if _passes(network, layer) else stored, kernel, bias, total)
        case GlobalAveragePool() | AveragePool2D():
            area = prod(layer.kernel if isinstance(layer, AveragePool2D) else network.input_shapes(layer)[0][:2])
            bits = area.bit_length()
            total = FixedType(source.width + 2 * bits + 1, source.integer + bits + 1)
            return Arithmetic(stored, accumulator=total)
        case ReLU() | Clip() | Add() | Concat():
            return Arithmetic(stored)
        case LeakyReLU():
            return Arithmetic(stored, slope=stored_type(stored.width, 0.0, layer.slope))
        case MaxPool2D() | Flatten():
            return Arithmetic(source)
    raise ValueError(f"{layer.name}: no fixed-point form of {layer.kind} inside a network")


def _passes(network: Network, layer: Layer) -> bool:
    """Whether the sums of `layer` go straight into an activation, or are the logits."""
    readers = network.consumers(layer.name)
    return all(isinstance(reader, (*ACTIVATIONS, Softmax)) for reader in readers)
