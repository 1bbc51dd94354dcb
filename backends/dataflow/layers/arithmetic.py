"""The arithmetic that is built: short weights, wide accumulators that cannot overflow, short activations.

Weights have the requested format, scaled by a power of two for each layer or as they were trained. They round to
nearest, ties to even, and saturate. A bias has the binary point of the accumulator that it initialises. Every tensor
between layers has `activation_bits`, scaled by the smallest power of two that covers its range. It rounds halves up,
which in hardware is an addition and a shift, and saturates. Sums that only an activation reads, and the logits, are not
stored and so are as wide as their accumulator. The slope of a leaky ReLU has `SLOPE_BITS`. A pixel is its own code:
p / 256 where training read p / 255, p where it read bytes. For any other scaling, the host looks each byte up in a
table of 256 codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import ceil, frexp, log2, prod
from typing import TYPE_CHECKING, TypeVar

from backends.dataflow.layers.options import BY_LAYER, FormatOptions, parse_formats
from backends.protocol import Job
from models.fixed import FixedType, Overflow, Rounding
from models.formats import stored_type
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
from models.network import Network
from models.pixels import RAW, UNIT, scaled
from models.profile import confined, nearest_codes
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, channels_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Options = TypeVar("Options", bound=FormatOptions)

BYTE = 8
"""Bits of a pixel on the stream."""
SLOPE_BITS = 8
"""Bits of the slope of a leaky ReLU: rounding changes it by at most 1/512."""


def lower(job: Job[Options]) -> QuantisedNetwork:
    """The exact arithmetic of `job`."""
    return lowered(job.network, job.weights.digest, image_contract(job.network), partial(_arithmetic, job))


def image_contract(network: Network) -> InputContract:
    """How a byte becomes the code of a pixel, which is a byte as well."""
    channels = channels_of(network)
    if network.pixels == UNIT:
        return InputContract(FixedType(BYTE, 0, signed=False), scaled(Fraction(1, 256)), "design", channels)
    if network.pixels == RAW:
        return InputContract(FixedType(BYTE, BYTE, signed=False), RAW, "design", channels)
    low, high = map(float, network.pixels.ends)
    return InputContract(stored_type(BYTE, low, high), network.pixels, channels=channels)


def _arithmetic(job: Job[Options], layer: Layer, sources: Sequence[FixedType]) -> Arithmetic:
    source = sources[0]
    stored = replace(stored_type(job.options.activation_bits, *job.ranges.reach[layer.name]), rounding=Rounding.RND)
    match layer:
        case Conv2D() | GroupedConv2D() | Dense():
            kernel = _kernel(job, layer)
            fraction, width = source.fraction + kernel.fraction, job.options.accumulator_bits
            sums = FixedType(width, width - fraction)
            return Arithmetic(sums if is_sum(job.network, layer) else stored, kernel, _bias(job, layer, fraction), sums)
        case GlobalAveragePool() | AveragePool2D():
            area = prod(layer.kernel if isinstance(layer, AveragePool2D) else job.network.input_shapes(layer)[0][:2])
            more = ceil(log2(area))  # extra bits for the sum of an area, and as many fraction bits for its average
            return Arithmetic(stored, accumulator=FixedType(source.width + 2 * more + 1, source.integer + more + 1))
        case MaxPool2D() | Flatten():
            return Arithmetic(source)
        case ReLU() | Clip() | Add() | Concat():
            return Arithmetic(stored)
        case LeakyReLU():
            return Arithmetic(stored, slope=stored_type(SLOPE_BITS, 0.0, layer.slope))
    raise ValueError(f"{layer.name}: there is no stage for {layer.kind}")


def is_sum(network: Network, layer: Layer) -> bool:
    """Whether the sums of `layer` go directly into an activation, or are the logits."""
    return all(isinstance(consumer, (*ACTIVATIONS, Softmax)) for consumer in network.consumers(layer.name))


def _kernel(job: Job[Options], layer: Layer) -> FixedType:
    usual, layers = parse_formats(job.options.weight_format)
    asked = layers.get(layer.name, usual)
    if job.options.weight_scale != BY_LAYER:
        return asked
    largest = float(abs(job.weights.tensors()[f"{layer.name}/kernel"]).max())
    mantissa, exponent = frexp(largest)  # mantissa * 2**exponent, the mantissa at least a half
    return replace(asked, integer=exponent - (mantissa == 0.5) + 1)


def _bias(job: Job[Options], layer: Layer, fraction: int) -> FixedType:
    """The type of the biases, just wide enough for the largest."""
    largest = float(abs(job.weights.tensors()[f"{layer.name}/bias"]).max()) * 2.0**fraction
    width = ceil(log2(largest + 1)) + 2
    return FixedType(width, width - fraction, True, Rounding.RND_CONV, Overflow.SAT)


@dataclass(frozen=True)
class Reach:
    """The range of the accumulator of `layer` over all images, as integers; `holds` is the type it has."""

    layer: str
    low: int
    high: int
    holds: FixedType

    @property
    def fits(self) -> bool:
        return self.holds.low <= self.low and self.high <= self.holds.high

    @property
    def bits(self) -> int:
        """Bits that hold the range."""
        return max(self.high.bit_length(), (-self.low - 1).bit_length()) + 1


def reaches(job: Job[Options], quantised: QuantisedNetwork) -> Iterator[Reach]:
    """The reach of every layer with weights. It is a proof: each weight is multiplied by the input code that moves the
    sum furthest.

    It holds for partial sums too, with or without the bias, in any order. It includes what rounding adds before bits
    are dropped, and the zeros that are appended where the result has more fraction bits.
    """
    tensors = job.weights.tensors()
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        if types.kernel is None or types.bias is None or types.accumulator is None:
            continue
        if types.bias.width > 64:  # wider than `codes` can be: the bias alone exceeds every accumulator
            yield Reach(layer.name, types.bias.low, types.bias.high, types.accumulator)
            continue
        kernel = codes(tensors[f"{layer.name}/kernel"], types.kernel)
        bias = codes(tensors[f"{layer.name}/bias"], types.bias)
        source = quantised.type_of(layer.inputs[0])
        flat = kernel.reshape(-1, kernel.shape[-1])
        above, below = flat.clip(min=0).sum(0), flat.clip(max=0).sum(0)
        high = (bias.clip(min=0) + above * source.high + below * source.low).max()
        low = (bias.clip(max=0) + above * source.low + below * source.high).min()
        drop = types.accumulator.fraction - _read_as(quantised, layer).fraction
        half, more = (1 << drop >> 1 if drop > 0 else 0), max(-drop, 0)
        yield Reach(layer.name, int(low) << more, (int(high) << more) + half, types.accumulator)


def _read_as(quantised: QuantisedNetwork, layer: Layer) -> FixedType:
    """The type that the sums of `layer` are converted to: that of their only reader, an activation, or its own."""
    readers = [reader for reader in quantised.computed if layer.name in reader.inputs]
    is_read = len(readers) == 1 and isinstance(readers[0], ACTIVATIONS)
    return quantised.layers[readers[0].name if is_read else layer.name].output


def codes(weights: NDArray[np.float32], type: FixedType) -> NDArray[np.int64]:
    """Trained numbers as codes of `type`."""
    numbers = weights.astype("float64") * 2.0**type.fraction
    return confined(nearest_codes(numbers, type.rounding), type).astype("int64")
