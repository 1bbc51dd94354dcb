"""The arithmetic of a FINN design: integers of few bits at scales that are powers of two, exactly as they were trained.

The weights of quantisation-aware training lie on a grid, and their ranges file holds what each quantiser represents; so
every type follows from these two files. Nothing rounds but the quantisers behind ReLUs and shortcuts: products, biases,
residual sums and the global average are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log2, prod

from backends.protocol import Job
from models.fixed import FixedType, Overflow, Rounding
from models.network import INPUT, Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU, Softmax
from models.quantised import Arithmetic, InputContract, QuantisedNetwork

IMAGE = FixedType(8, 0, signed=False)
"""A pixel is its own code."""
GAIN = Fraction(1, 256)
FINEST = 40
"""Fraction bits at which the search for the weights' grid ends."""


class Ungridded(ValueError):
    """Weights or ranges that no quantiser of these bits has left."""


def lower(job: Job) -> QuantisedNetwork:
    """Raises `Ungridded` where the weights are not those of quantisation-aware training at the bits asked for."""
    grids = _Grids(job)
    types = {INPUT: IMAGE}
    layers: dict[str, Arithmetic] = {}
    for layer in job.network.layers:
        if isinstance(layer, Softmax):
            continue
        layers[layer.name] = _arithmetic(job, layer, [types[name] for name in layer.inputs], grids)
        types[layer.name] = layers[layer.name].output
    return QuantisedNetwork(job.network, job.weights.digest, InputContract(IMAGE, GAIN, "design"), layers)


def _arithmetic(job: Job, layer: Layer, sources: list[FixedType], grids: _Grids) -> Arithmetic:
    source = sources[0]
    match layer:
        case Conv2D() | Dense():
            kernel = grids.kernel(layer.name)
            terms = prod(layer.weight_shapes(*job.network.input_shapes(layer))["kernel"][:-1])
            fraction = source.fraction + kernel.fraction
            products = source.integer + kernel.integer + ceil(log2(terms)) + fraction
            bias = FixedType(
                max(products, grids.bias_bits(layer.name, fraction)), 0, True, Rounding.RND_CONV, Overflow.SAT
            )
            bias = FixedType(bias.width, bias.width - fraction, True, bias.rounding, bias.overflow)
            total = FixedType(bias.width + 1, bias.width + 1 - fraction)
            return Arithmetic(total if _is_inner(job, layer) else grids.signed(layer.name), kernel, bias, total)
        case ReLU():
            return Arithmetic(grids.unsigned(layer.name))
        case Add():
            integer = max(type.integer + (not type.signed) for type in sources) + 1
            fraction = max(type.fraction for type in sources)
            return Arithmetic(FixedType(integer + fraction, integer))
        case GlobalAveragePool():
            shift = ceil(log2(prod(job.network.input_shapes(layer)[0][:2])))
            total = FixedType(source.width + 2 * shift, source.integer + shift)
            return Arithmetic(FixedType(source.width + shift, source.integer), accumulator=total)
        case MaxPool2D() | Flatten():
            return Arithmetic(source)
    raise Ungridded(f"{layer.name}: FINN has no {layer.kind}")


def _is_inner(job: Job, layer: Layer) -> bool:
    """Whether a ReLU, or nothing but the host, reads its sums: then they are not quantised themselves."""
    return all(isinstance(reader, ReLU | Softmax) for reader in job.network.consumers(layer.name))


@dataclass(frozen=True)
class _Grids:
    """The quantisers of a job, read off its weights and ranges."""

    job: Job

    def kernel(self, layer: str) -> FixedType:
        """Signed, narrow range, of the coarsest grid that holds every weight."""
        import numpy as np

        weights = self.job.weights.tensors()[f"{layer}/kernel"].astype(np.float64)
        bits = self.job.options.weight_bits
        highest = 2 ** (bits - 1) - 1
        for fraction in range(-FINEST, FINEST):
            codes = weights * 2.0**fraction
            if np.array_equal(codes, np.rint(codes)):
                if abs(codes).max() <= highest:
                    return FixedType(bits, bits - fraction, True, Rounding.RND_CONV, Overflow.SAT_SYM)
                break
        raise Ungridded(f"the weights of {layer} do not lie on a grid of {bits} bits")

    def bias_bits(self, layer: str, fraction: int) -> int:
        """Bits of the largest bias in units of the accumulator."""
        largest = float(abs(self.job.weights.tensors()[f"{layer}/bias"]).max()) * 2.0**fraction
        return ceil(log2(largest + 1)) + 1

    def unsigned(self, layer: str) -> FixedType:
        bits = self.job.options.activation_bits
        return FixedType(bits, bits - self._fraction(layer, 2**bits - 1), False, Rounding.RND_CONV, Overflow.SAT)

    def signed(self, layer: str) -> FixedType:
        """Narrow range, a bit wider than the ReLU's beside it, so that both have one scale."""
        bits = self.job.options.activation_bits + 1
        fraction = self._fraction(layer, 2 ** (bits - 1) - 1)
        return FixedType(bits, bits - fraction, True, Rounding.RND_CONV, Overflow.SAT_SYM)

    def _fraction(self, layer: str, highest: int) -> int:
        """Of the scale at which the code `highest` is the end of the range."""
        scale = self.job.ranges.reach[layer][1] / highest
        fraction = -log2(scale) if scale > 0 else 0.5
        if fraction != int(fraction):
            raise Ungridded(f"the range of {layer} is not that of a quantiser of these bits and a power of two")
        return int(fraction)
