"""Reuse factors: how many products each multiplier computes in turn.

Only some are legal for a layer. The rules and the way to the nearest are those of hls4ml 1.3.0,
``backends/fpga/fpga_backend.py``: `_validate_reuse_factor`, `get_closest_reuse_factor`. We snap every factor ourselves
and hand hls4ml legal ones only, since its pass for pointwise convolutions reads the user's value a second time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod

from backends.cost.amounts import Amount
from backends.dataflow.divisors import divisors
from backends.hls4ml import resources
from models.layers import Layer
from models.network import Network
from models.quantised import QuantisedNetwork


@cache
def legal(n_in: int, n_out: int) -> tuple[int, ...]:
    """The reuse factors of a layer with `n_in` products for each of `n_out` results, ascending.

    >>> legal(3, 28)
    (1, 3, 6, 12, 21, 42, 84)
    """
    return tuple(factor for factor in divisors(n_in * n_out) if _is_legal(n_in, n_out, factor))


def depthwise(n_in: int, n_out: int) -> tuple[int, ...]:
    """The same of a depthwise convolution of `n_out` channels: up to one multiplier for all its products.

    hls4ml takes it for a convolution over all channels, and so for legal what repeats that one multiplier's turns.

    >>> depthwise(9, 4)
    (1, 2, 3, 4, 6, 9, 12, 18, 36)
    """
    return divisors(n_in * n_out)


def nearest(factors: Sequence[int], wanted: int) -> int:
    """The one of these ascending `factors` nearest to `wanted`, the smaller of two that are equally near.

    >>> [nearest(legal(3, 28), wanted) for wanted in (20, 9, 1000)]
    [21, 6, 84]
    """
    place = bisect_left(factors, wanted)
    if place == len(factors):
        return factors[-1]
    if place == 0 or factors[place] - wanted < wanted - factors[place - 1]:
        return factors[place]
    return factors[place - 1]


def multipliers(n_in: int, n_out: int, factor: int) -> int:
    """Multipliers that hls4ml's Resource strategy builds (``DIV_ROUNDUP(n_in * n_out, reuse_factor)``).

    >>> multipliers(252, 28, 252)
    28
    """
    return -(-n_in * n_out // factor)


def sizes(network: Network) -> Mapping[str, tuple[int, int]]:
    """(n_in, n_out) of every layer that has weights: products per result, and results per position."""
    every = {layer.name: size_of(network, layer) for layer in network.layers}
    return {name: size for name, size in every.items() if size}


def size_of(network: Network, layer: Layer) -> tuple[int, int] | None:
    """As in `sizes`; None of a layer without weights."""
    kernel = layer.weight_shapes(*network.input_shapes(layer)).get("kernel")
    return (prod(kernel[:-1]), kernel[-1]) if kernel else None


def multiplier_dsp(quantised: QuantisedNetwork, name: str, factor: int) -> Amount:
    """DSP48E1 of the multipliers of the layer `name` at reuse factor `factor`."""
    kernel, layer = quantised.layers[name].kernel, quantised.network[name]
    size = size_of(quantised.network, layer)
    assert kernel and size, f"{name} has no weights"
    data = quantised.type_of(layer.inputs[0]).width
    return resources.multiplier_dsp(multipliers(*size, factor), data, kernel.width)


def _is_legal(n_in: int, n_out: int, factor: int) -> bool:
    per_round = -(-n_in * n_out // min(n_in, factor))
    whole_outputs = per_round % n_out == 0 or factor >= n_in
    whole_inputs = factor % n_in == 0 or factor < n_in
    return whole_outputs and whole_inputs
