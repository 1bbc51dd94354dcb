"""Networks in the arithmetic that FINN builds: weights, activations and shared scales at the residual sums."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from backends.dataflow.space import Solved
from backends.finn.design.design import FinnDesign
from backends.finn.design.schedule import Folding
from backends.finn.options import FinnOptions
from backends.finn.resolve import resolve_folding
from backends.protocol import Job
from flows.conformance.networks import TINY as TINY
from flows.core.part import Target, find_part
from flows.core.plan import Asset
from models.fixed import FixedType, Overflow, Rounding
from models.integer_network import IntegerNetwork
from models.integers import GlobalSum, HostScale, Threshold
from models.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU, Softmax
from models.network import INPUT, Network
from models.pixels import RAW
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
    """The integers that FINN builds of it: thresholds in place of ReLUs, and behind sums that no ReLU reads, a bit
    wider and narrow; 8-bit unsigned input."""
    kernel, unsigned = whole(weights, *NARROW), whole(activations, *MODES, signed=False)
    layers, types, texts = list[Layer](), {INPUT: whole(8, signed=False)}, {INPUT: INPUT}
    arithmetic = dict[str, Arithmetic]()

    def put(layer: Layer, each: Arithmetic | FixedType, of: str) -> None:
        layers.append(layer)
        arithmetic[layer.name] = each if isinstance(each, Arithmetic) else Arithmetic(each)
        types[layer.name], texts[of] = arithmetic[layer.name].output, layer.name

    for layer in network.layers:
        inputs = tuple(texts[name] for name in layer.inputs)
        source, readers = types[inputs[0]], network.consumers(layer.name)
        match layer:
            case Conv2D() | Dense():
                terms = prod(layer.weight_shapes(*network.input_shapes(layer))["kernel"][:-1])
                total = whole(source.width + weights + (terms - 1).bit_length())
                put(replace(layer, inputs=inputs), Arithmetic(total, kernel, whole(2), total), layer.name)
                if not all(isinstance(reader, ReLU | Softmax) for reader in readers):
                    high = 2**activations - 1
                    codes = Threshold(f"{layer.name}_codes", (layer.name,), 2 * high, -high)
                    put(codes, whole(activations + 1, *NARROW), layer.name)
            case ReLU():
                put(Threshold(layer.name, inputs, 2**activations - 1, 0), unsigned, layer.name)
            case Add():
                put(Add(layer.name, inputs), whole(activations + 2), layer.name)
            case GlobalAveragePool():
                area = prod(network.input_shapes(layer)[0][:2])
                total = whole(source.width + (area - 1).bit_length(), signed=source.signed)
                put(GlobalSum(layer.name, inputs), total, layer.name)
            case Softmax():
                continue
            case _:
                put(replace(layer, inputs=inputs), source, layer.name)
    layers.append(HostScale("host_scale", (layers[-1].name,)))
    of_integers = Network(network.name, network.input_shape, tuple(layers))
    return QuantisedNetwork(of_integers, "0123456789abcdef", InputContract(types[INPUT], RAW, "design"), arithmetic)


def whole(bits: int, *modes: Any, signed: bool = True) -> FixedType:
    return FixedType(bits, bits, signed, *modes)


def job(arithmetic: QuantisedNetwork, part: str = "xc7z020", **options: str) -> Job[FinnOptions]:
    """A job on weights that exist by name only."""
    weights = Weights(Path("none.safetensors"), arithmetic.weights, None)
    ranges = Ranges(arithmetic.network.digest, arithmetic.weights, "", 0, {})
    graph = Asset(Path("none.onnx"), arithmetic.weights)
    integer = IntegerNetwork(arithmetic, weights, graph, 256, False, ())
    return Job(arithmetic.network, weights, ranges, Target(find_part(part)), FinnOptions(**options), integer)


@cache
def solved(network: Network = ARCH8, part: str = "xc7z020", **options: str) -> Solved[FinnDesign]:
    """The design of such a job in four bits, and what the solver says of its folding."""
    arithmetic = quantised(network)
    return resolve_folding(job(arithmetic, part, **options), arithmetic)


def with_folding(arithmetic: QuantisedNetwork, folding: Folding, part: str = "xc7z020") -> Solved[FinnDesign]:
    """The design of such a job with this folding."""
    return Solved(FinnDesign(job(arithmetic, part), arithmetic, folding), None)
