"""Networks in the arithmetic that FINN builds: weights, activations and shared scales at the residual sums."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from backends.protocol import Job
from flows.core.part import Target, find_part
from models.fixed import FixedType, Overflow, Rounding
from models.network import (
    INPUT,
    Add,
    Conv2D,
    Dense,
    GlobalAveragePool,
    MaxPool2D,
    Network,
    ReLU,
    Softmax,
)
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.ranges import Ranges
from models.weights import Weights

MODES = Rounding.RND_CONV, Overflow.SAT
NARROW = Rounding.RND_CONV, Overflow.SAT_SYM

TINY = Network(
    "tiny",
    (8, 8, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 4),
        ReLU("relu1", ("conv1",)),
        Conv2D("conv2", ("relu1",), (3, 3), (1, 1), "same", 4),
        ReLU("relu2", ("conv2",)),
        Conv2D("shortcut", (INPUT,), (1, 1), (1, 1), "same", 4),
        Add("add", ("relu2", "shortcut")),
        MaxPool2D("pool", ("add",), (2, 2), (2, 2), "valid"),
        GlobalAveragePool("gap", ("pool",)),
        Dense("dense", ("gap",), 5),
        Softmax("softmax", ("dense",)),
    ),
)


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


@dataclass(frozen=True)
class Options:
    """The fields of the flow's options that foldings and estimates read."""

    target_fps: str = "none"
    folding: str = "auto"
    weight_memory: str = "internal_decoupled"
    weight_style: str = "auto"
    window_style: str = "distributed"
    fifo_style: str = "auto"


def job(arithmetic: QuantisedNetwork, part: str = "xc7z020", **options: str) -> Job:
    """A job on weights that exist by name only."""
    weights = Weights(Path("none.safetensors"), arithmetic.weights, None)
    target = Target(find_part(part))
    return Job(
        arithmetic.network,
        weights,
        Ranges(arithmetic.network.digest, arithmetic.weights, "", 0, {}),
        target,
        Options(**options),
    )
