"""Networks in the arithmetic that FINN builds: weights, activations and shared scales at the residual sums."""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path

from backends.dataflow.space import Solved
from backends.finn.design.design import FinnDesign
from backends.finn.design.schedule import Folding
from backends.finn.options import FinnOptions
from backends.finn.resolve import resolve_folding
from backends.protocol import Job
from flows.conformance.networks import TINY as TINY
from flows.core.part import Target, find_part
from models.fixed import FixedType, Overflow, Rounding
from models.network import (
    INPUT,
    Add,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    MaxPool2D,
    Network,
    ReLU,
    Softmax,
)
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.ranges import Ranges
from models.weights import Weights
from models.zoo import ARCH8

MODES = Rounding.RND_CONV, Overflow.SAT
NARROW = Rounding.RND_CONV, Overflow.SAT_SYM

FLAT = Network(
    "flat",
    (8, 8, 3),
    (
        Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 4),
        ReLU("relu", ("conv",)),
        MaxPool2D("pool", ("relu",), (2, 2), (2, 2), "valid"),
        Flatten("flatten", ("pool",)),
        Dense("hidden", ("flatten",), 6),
        ReLU("relu_hidden", ("hidden",)),
        Dense("linear", ("relu_hidden",), 7),  # no ReLU behind it: its sums are quantised themselves
        Dense("dense", ("linear",), 5),
        Softmax("softmax", ("dense",)),
    ),
)
"""An image that is flattened before a dense layer: channels stand last in what that reads."""


def quantised(network: Network, weights: int = 4, activations: int = 4) -> QuantisedNetwork:
    """Unsigned ReLUs, a signed narrow shortcut of a bit more, 8-bit unsigned input; sums and averages exact."""
    kernel = FixedType(weights, 1, True, *NARROW)
    types = {INPUT: FixedType(8, 0, False)}
    layers = {}
    for layer in network.layers:
        source = types[layer.inputs[0]]
        match layer:
            case Conv2D() | Dense():
                terms = prod(layer.weight_shapes(*network.input_shapes(layer))["kernel"][:-1])
                width = source.width + weights + (terms - 1).bit_length()
                total = FixedType(width, width - source.fraction - kernel.fraction)
                inner = isinstance(layer, Dense) or isinstance(network.consumers(layer.name)[0], ReLU)
                output = total if inner else FixedType(activations + 1, 2, True, *NARROW)
                layers[layer.name] = Arithmetic(output, kernel, FixedType(width, total.integer, True, *MODES), total)
            case ReLU():
                layers[layer.name] = Arithmetic(FixedType(activations, 1, False, *MODES))
            case Add():
                layers[layer.name] = Arithmetic(FixedType(activations + 2, 3))
            case GlobalAveragePool():
                bits = source.width + (prod(network.input_shapes(layer)[0][:2]) - 1).bit_length()
                total = FixedType(bits, bits - source.fraction)
                layers[layer.name] = Arithmetic(FixedType(bits, source.integer), accumulator=total)
            case Softmax():
                continue
            case _:
                layers[layer.name] = Arithmetic(source)
        types[layer.name] = layers[layer.name].output
    return QuantisedNetwork(network, "0123456789abcdef", InputContract(types[INPUT]), layers)


def job(arithmetic: QuantisedNetwork, part: str = "xc7z020", **options: str) -> Job[FinnOptions]:
    """A job on weights that exist by name only."""
    weights = Weights(Path("none.safetensors"), arithmetic.weights, None)
    ranges = Ranges(arithmetic.network.digest, arithmetic.weights, "", 0, {})
    return Job(arithmetic.network, weights, ranges, Target(find_part(part)), FinnOptions(**options))


@cache
def solved(network: Network = ARCH8, part: str = "xc7z020", **options: str) -> Solved[FinnDesign]:
    """The design of such a job in four bits, and what the solver says of its folding."""
    arithmetic = quantised(network)
    return resolve_folding(job(arithmetic, part, **options), arithmetic)


def given(arithmetic: QuantisedNetwork, folding: Folding, part: str = "xc7z020") -> Solved[FinnDesign]:
    """The design of such a job with this folding."""
    return Solved(FinnDesign(job(arithmetic, part), arithmetic, folding), None)
