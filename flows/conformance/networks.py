"""The networks of the conformance suite, and jobs on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from backends.protocol import Job
from flows.core.files import MODEL_LIMIT, digest
from flows.core.part import Target, find_part
from flows.core.plan import Asset
from models.fixed import FixedType, Overflow, Rounding
from models.integer_network import IntegerNetwork
from models.integers import GlobalSum, HostScale, Threshold
from models.layers import (
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
    Shape,
    Softmax,
)
from models.network import INPUT, Network
from models.pixels import RAW
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.ranges import Ranges
from models.weights import open_weights, save_weights

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
"""A residual network that every flow builds."""


TINY_INTEGERS = Network(
    "tiny",
    (8, 8, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 4),
        Threshold("relu1", ("conv1",), 15, 0),
        Conv2D("conv2", ("relu1",), (3, 3), (1, 1), "same", 4),
        Threshold("relu2", ("conv2",), 15, 0),
        Conv2D("shortcut", (INPUT,), (1, 1), (1, 1), "same", 4),
        Threshold("codes", ("shortcut",), 14, -7),
        Add("add", ("relu2", "codes")),
        MaxPool2D("pool", ("add",), (2, 2), (2, 2), "valid"),
        GlobalSum("gap", ("pool",)),
        Dense("dense", ("gap",), 5),
        HostScale("host_scale", ("dense",)),
    ),
)
"""The same network as a QONNX file of four bits leaves it."""


@dataclass(frozen=True, slots=True)
class Sine(Layer):
    """A layer that no backend has heard of."""

    kind: ClassVar[str] = "sine"


def job_on(network: Network, folder: Path, options: Any, part: str = "xc7z020") -> Job[Any]:
    """On seeded weights, some of them above 1, which formats for fractions do not hold as they are."""
    random = np.random.default_rng(3)
    tensors = {}
    for name, shape in network.weight_shapes():
        if name.endswith("bias"):
            tensors[name] = (random.normal(0, 9, shape) / 8).astype(np.float32)
            continue
        codes = random.integers(-7, 8, shape)
        codes.reshape(-1, shape[-1])[0] = 7
        tensors[name] = (codes / 4).astype(np.float32)
    path = folder / f"{network.name}.safetensors"
    save_weights(path, tensors, network)
    weights = open_weights(path, network)
    rectified = {layer.name for layer in network.layers if isinstance(layer, ReLU)}
    reach = {tensor: (0.0, 3.75) if tensor in rectified else (-3.75, 3.75) for tensor in network.shapes}
    ranges = Ranges(network.digest, weights.digest, "images", 10, reach | {INPUT: (0.0, 1.0)})
    return Job(network, weights, ranges, Target(find_part(part)), options)


def quantised_job_on(folder: Path, options: Any, part: str = "xc7z020") -> Job[Any]:
    """`TINY` as trained with quantisers of four bits, for backends that build what a QONNX file says. Its graph is a
    stand-in: no step that reads it can be run."""
    random = np.random.default_rng(3)
    path, graph = folder / "tiny.integers.safetensors", folder / "tiny.onnx"
    tensors = {name: np.ones(shape, np.float32) for name, shape in TINY_INTEGERS.weight_shapes()}
    for name, tensor in tensors.items():
        if name.endswith("kernel"):
            tensors[name] = random.integers(-7, 8, tensor.shape).astype(np.float32)
        elif name.endswith("thresholds"):
            tensors[name] = np.sort(random.integers(-900, 900, tensor.shape)).astype(np.int32)
        elif name.endswith("bias"):
            tensors[name] = np.zeros_like(tensor)
    save_weights(path, tensors, TINY_INTEGERS)
    graph.write_bytes(b"a stand-in for QONNX")
    weights = open_weights(path, TINY_INTEGERS)
    signed, unsigned = (FixedType(4, 4, each, Rounding.RND_CONV, Overflow.SAT_SYM) for each in (True, False))
    types = {"relu1": unsigned, "relu2": unsigned, "codes": signed, "add": FixedType(6, 6), "pool": FixedType(6, 6)}
    layers = {name: Arithmetic(type) for name, type in (types | {"gap": FixedType(10, 10)}).items()}
    for name, width in {"conv1": 17, "conv2": 14, "shortcut": 14, "dense": 16}.items():
        total = FixedType(width, width)
        layers[name] = Arithmetic(total, signed, FixedType(2, 2), total)
    contract = InputContract(FixedType(8, 8, signed=False), RAW, "design")
    quantised = QuantisedNetwork(TINY_INTEGERS, weights.digest, contract, layers)
    asset = Asset(graph, digest(graph, MODEL_LIMIT, "make it again"))
    integer = IntegerNetwork(quantised, weights, asset, 256, False, ())
    return replace(job_on(TINY, folder, options, part), integer=integer)


def odd_networks() -> Iterator[Network]:
    """Networks that can be described, and that not every backend can build."""
    conv = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 4)
    relu = ReLU("relu", ("conv",))
    image: Shape = (8, 8, 3)

    def network(name: str, *layers: Layer, shape: Shape = image) -> Network:
        return Network(name, shape, layers)

    def head(tensor: str) -> tuple[Layer, Layer]:
        return GlobalAveragePool("gap", (tensor,)), Dense("dense", ("gap",), 5)

    yield network("unknown layer", conv, relu, Sine("odd", ("relu",)), *head("odd"))
    yield network("overlapping pool", conv, relu, MaxPool2D("odd", ("relu",), (3, 3), (2, 2), "same"), *head("odd"))
    yield network("oblong pool", conv, relu, MaxPool2D("odd", ("relu",), (2, 1), (2, 1), "valid"), *head("odd"))
    depthwise = GroupedConv2D("odd", ("relu",), (3, 3), (2, 2), "same", 4, 4)
    yield network("depthwise convolution", conv, relu, depthwise, ReLU("relu2", ("odd",)), *head("relu2"))
    yield network("convolution in groups", conv, relu, replace(depthwise, filters=6, groups=2), *head("odd"))
    average = AveragePool2D("odd", ("relu",), (2, 2), (2, 2), "valid")
    yield network("average of windows", conv, relu, average, *head("odd"))
    yield network("average of padded windows", conv, relu, replace(average, padding=(1, 1, 1, 1)), *head("odd"))
    yield network("clip behind a convolution", conv, Clip("odd", ("conv",), 0.0, 3.0), *head("odd"))
    clip = Clip("odd", (INPUT,), 0.25, 0.5)
    yield network("clip of the input", clip, replace(conv, inputs=("odd",)), relu, *head("relu"))
    yield network("leaky relu", conv, LeakyReLU("odd", ("conv",), 0.1), *head("odd"))
    yield network("tensors side by side", conv, relu, Concat("odd", ("relu", INPUT)), *head("odd"))
    yield network("oblong convolution", replace(conv, kernel=(1, 3), strides=(2, 1)), relu, *head("relu"))
    yield network("convolutions in a row", conv, replace(conv, name="odd", inputs=("conv",)), *head("odd"))
    yield network("relu first", ReLU("odd", (INPUT,)), replace(conv, inputs=("odd",)), relu, *head("relu"))
    yield network("narrow image", conv, relu, *head("relu"), shape=(8, 2, 3))
    yield network("image out", conv)
    yield network("softmax inside", conv, GlobalAveragePool("gap", ("conv",)), Softmax("odd", ("gap",)),
                  Dense("dense", ("odd",), 5))  # fmt: skip
    yield network("vector in", Dense("dense", (INPUT,), 5), shape=(12,))
    yield network("flattened input", Flatten("odd", (INPUT,)), Dense("dense", ("odd",), 5))
    yield network("relu of a flattened image", conv, Flatten("odd", ("conv",)), ReLU("relu", ("odd",)),
                  Dense("dense", ("relu",), 5))  # fmt: skip
    yield network("tensor added to itself", conv, relu, Add("odd", ("relu", "relu")), *head("odd"))
    yield network("tensor read three times", conv, relu, Add("add", ("relu", "conv")), ReLU("relu2", ("add",)),
                  Add("odd", ("relu2", "relu")), Add("odd2", ("odd", "relu")), *head("odd2"))  # fmt: skip
    yield network("skip over everything", replace(conv, filters=3), relu, Add("odd", ("relu", INPUT)), *head("odd"))
    yield network("no weights", GlobalAveragePool("odd", (INPUT,)))
    yield network("nothing but a relu", ReLU("odd", (INPUT,)))
    yield network("nothing but a flatten", Flatten("odd", (INPUT,)))
    yield network("nothing but a softmax", Softmax("odd", (INPUT,)), shape=(5,))
