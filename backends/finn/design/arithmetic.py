"""The arithmetic of a FINN design: integers of few bits at scales that are powers of two, exactly as they were trained.

The weights of quantisation-aware training lie on a grid, and their ranges file holds what each quantiser represents; so
every type follows from these two files. Nothing rounds but the quantisers behind ReLUs and shortcuts: products, biases,
residual sums and the global average are exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, partial
from math import ceil, log2, prod
from typing import TYPE_CHECKING, Any

from backends.finn.options import FinnOptions
from backends.protocol import Job
from models.fixed import FixedType, Overflow, Rounding, coarsest
from models.grids import Grid, grid
from models.lowering import lowered
from models.network import Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU, Softmax
from models.pixels import RAW, UNIT, scaled
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, channels_of
from models.weights import Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGES = {
    UNIT: InputContract(FixedType(8, 0, signed=False), scaled(Fraction(1, 256)), "design"),
    RAW: InputContract(FixedType(8, 8, signed=False), RAW, "design"),
}
"""How images enter, by what the network reads: a pixel is its own code."""
LEAST, MOST = 2, 8
"""Bits of a quantiser that FINN builds."""


class Ungridded(ValueError):
    """Weights or ranges that no quantiser of `LEAST` to `MOST` bits has left."""


def lower(job: Job[FinnOptions]) -> QuantisedNetwork:
    """Raises `Ungridded` where the weights are not those of quantisation-aware training."""
    grids = _Grids(job)

    def code_bits(layers: Mapping[str, Arithmetic]) -> Mapping[str, int]:
        return {name: bits for name, types in layers.items() if types.kernel and (bits := grids.code_bits(name))}

    arithmetic = partial(_arithmetic, job, grids)
    contract = replace(IMAGES[job.network.pixels], channels=channels_of(job.network))
    return lowered(job.network, job.weights.digest, contract, arithmetic, code_bits=code_bits)


def _arithmetic(job: Job[FinnOptions], grids: _Grids, layer: Layer, sources: Sequence[FixedType]) -> Arithmetic:
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
            output = total if _is_inner(job, layer) else grids.signed(layer.name)
            return Arithmetic(output, kernel, bias, total)
        case ReLU():
            return Arithmetic(grids.unsigned(layer.name))
        case Add():
            integer = max(type.integer + (not type.signed) for type in sources) + 1
            fraction = max(type.fraction for type in sources)
            return Arithmetic(FixedType(integer + fraction, integer))
        case GlobalAveragePool():
            shift = ceil(log2(prod(job.network.input_shapes(layer)[0][:2])))
            # as signed as what it averages: a sign bit more would halve the range of unsigned values
            total = FixedType(source.width + 2 * shift, source.integer + shift, source.signed)
            mean = FixedType(source.width + shift, source.integer, source.signed)
            return Arithmetic(mean, accumulator=total)
        case MaxPool2D() | Flatten():
            return Arithmetic(source)
    raise Ungridded(f"{layer.name}: FINN has no {layer.kind}")


def _is_inner(job: Job[FinnOptions], layer: Layer) -> bool:
    """Whether a ReLU, or nothing but the host, reads its sums: then they are not quantised themselves."""
    return all(isinstance(reader, ReLU | Softmax) for reader in job.network.consumers(layer.name))


@dataclass(frozen=True)
class _Grids:
    """The quantisers of a job, read off its weights and ranges."""

    job: Job[FinnOptions]

    def kernel(self, layer: str) -> FixedType:
        return _kernel(self.job.weights, layer)

    def code_bits(self, layer: str) -> int | None:
        """Of a weight where its grid takes fewer than one of a power of two for all of the kernel; None elsewhere."""
        whole, bits = self.kernel(layer).width, max(grid_of(self.job.weights, layer).bits, LEAST)
        if bits > MOST:
            raise Ungridded(f"the weights of {layer} do not lie on grids of {MOST} bits or fewer")
        return bits if bits < whole else None

    def bias_bits(self, layer: str, fraction: int) -> int:
        """Bits of the largest bias in units of the accumulator."""
        largest = float(abs(_tensors(self.job.weights)[f"{layer}/bias"]).max()) * 2.0**fraction
        return ceil(log2(largest + 1)) + 1

    def unsigned(self, layer: str) -> FixedType:
        bits, fraction = self._magnitude(layer, MOST)
        return FixedType(bits, bits - fraction, False, Rounding.RND_CONV, Overflow.SAT)

    def signed(self, layer: str) -> FixedType:
        """Narrow range, a bit wider than the ReLU's beside it where FINN has that many, so that both have one scale."""
        bits, fraction = self._magnitude(layer, MOST - 1)
        return FixedType(bits + 1, bits + 1 - fraction, True, Rounding.RND_CONV, Overflow.SAT_SYM)

    def _magnitude(self, layer: str, most: int) -> tuple[int, int]:
        """(bits, fraction bits) of a quantiser without its sign: the end of its range is 2^bits - 1, an odd code."""
        import numpy as np

        end = self.job.ranges.reach[layer][1]
        fraction = coarsest(np.array(end))
        bits = int(end * 2.0**fraction).bit_length()
        if end * 2.0**fraction != 2**bits - 1 or not LEAST <= bits <= most:
            raise Ungridded(f"the range of {layer} is not that of a quantiser of {LEAST} to {most} bits")
        return bits, fraction


@lru_cache(maxsize=4)
def _tensors(weights: Weights) -> Mapping[str, NDArray[Any]]:
    """Every trained tensor, read once."""
    return weights.tensors()


@lru_cache(maxsize=256)
def _kernel(weights: Weights, layer: str) -> FixedType:
    """Signed and narrow: the coarsest power of two that holds every weight, the fewest bits that reach all."""
    values = _tensors(weights)[f"{layer}/kernel"]
    fraction = coarsest(values)
    bits = max(int(abs(values).max() * 2.0**fraction).bit_length() + 1, LEAST)
    return FixedType(bits, bits - fraction, True, Rounding.RND_CONV, Overflow.SAT_SYM)


@lru_cache(maxsize=256)
def grid_of(weights: Weights, layer: str) -> Grid:
    """On which the weights of `layer` lie."""
    return grid(_tensors(weights)[f"{layer}/kernel"])
