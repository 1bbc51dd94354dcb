"""QONNX graphs for tests: a FINN-ready one of any network of the project's kind, and what changes one thing in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from models.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU, Softmax
from models.network import INPUT, Network

QONNX = "qonnx.custom_op.general"
SCALE = 0.125


def small() -> Network:
    """A residual block on 8x8 images, its ReLU before the sum: every condition applies to it."""
    return Network(
        "small",
        (8, 8, 3),
        (
            Conv2D("c1", (INPUT,), (3, 3), (1, 1), "same", 4),
            ReLU("r1", ("c1",)),
            Conv2D("c2", ("r1",), (3, 3), (1, 1), "same", 4),
            ReLU("r2", ("c2",)),
            Conv2D("c3", (INPUT,), (1, 1), (1, 1), "same", 4),
            Add("a1", ("r2", "c3")),
            MaxPool2D("p1", ("a1",), (2, 2), (2, 2), "valid"),
            GlobalAveragePool("gap", ("p1",)),
            Dense("d1", ("gap",), 10),
            Softmax("softmax", ("d1",)),
        ),
    )


class Build:
    """Nodes and constants so far; `made` is the tensor that each layer leaves."""

    def __init__(self, network: Network, domain: str, kind: str) -> None:
        self.network, self.domain, self.kind = network, domain, kind
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.random = np.random.default_rng(1)
        self.made = {INPUT: self.quant("q_in", "x", scale=1 / 255, bits=8, signed=0)}

    def node(self, kind: str, name: str, inputs: list[str], **settings: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}_out"], name=name, **settings))
        return f"{name}_out"

    def constant(self, name: str, value: Any) -> str:
        self.constants[name] = np.asarray(value, np.float32)
        return name

    def quant(self, name: str, of: str, bits: int = 4, signed: int = 1, narrow: int = 0, scale: Any = SCALE) -> str:
        content = {"scale": scale, "zero": 0.0, "bits": bits}
        inputs = [of, *(self.constant(f"{name}_{role}", value) for role, value in content.items())]
        settings = {"signed": signed, "narrow": narrow, "rounding_mode": "ROUND"}
        return self.node(self.kind, name, inputs, domain=self.domain, **settings)

    def weights(self, layer: Layer, shape: tuple[int, ...]) -> list[str]:
        weight = self.constant(f"{layer.name}_w", self.random.normal(0, 0.3, shape))
        bias = self.constant(f"{layer.name}_b", self.random.normal(0, 0.3, shape[0]))
        return [self.quant(f"{layer.name}_wq", weight, narrow=1), bias]

    def add(self, layer: Layer) -> None:
        inputs = [self.made[name] for name in layer.inputs]
        channels = self.network.input_shapes(layer)[0][-1]
        name = layer.name
        match layer:
            case Conv2D():
                top, bottom, left, right = layer.pads(self.network.input_shapes(layer)[0])
                inputs += self.weights(layer, (layer.filters, channels, *layer.kernel))
                settings = {"kernel_shape": list(layer.kernel), "strides": list(layer.strides), "group": 1}
                out = self.node("Conv", name, inputs, pads=[top, left, bottom, right], **settings)
                if not isinstance(self.network.consumers(name)[0], ReLU):
                    out = self.quant(f"{name}_q", out, bits=5, narrow=1)
            case ReLU():
                out = self.quant(f"{name}_q", self.node("Relu", name, inputs), signed=0)
            case MaxPool2D():
                out = self.node(
                    "MaxPool", name, inputs, kernel_shape=list(layer.kernel), strides=list(layer.strides), pads=[0] * 4
                )
            case GlobalAveragePool():
                out = self.node("Flatten", f"{name}_flat", [self.node("GlobalAveragePool", name, inputs)])
            case Dense():
                out = self.node("Gemm", name, inputs + self.weights(layer, (layer.units, channels)), transB=1)
            case Add() | Flatten():
                out = self.node(type(layer).__name__, name, inputs)
            case _:
                raise NotImplementedError(layer.kind)
        self.made[name] = out


def ready(network: Network | None = None, domain: str = QONNX, kind: str = "Quant", batch: Any = 1) -> ModelProto:
    """A FINN-ready graph of `network`, its softmax left out, from "x" to the last layer's tensor."""
    network = network or small()
    build = Build(network, domain, kind)
    layers = [layer for layer in network.layers if not isinstance(layer, Softmax)]
    for layer in layers:
        build.add(layer)
    height, width, channels = network.input_shape
    graph = helper.make_graph(
        build.nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (batch, channels, height, width))],
        [helper.make_tensor_value_info(build.made[layers[-1].name], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in build.constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def find(model: ModelProto, name: str) -> NodeProto:
    return next(node for node in model.graph.node if node.name == name)


def settle(model: ModelProto, name: str, **settings: Any) -> None:
    """Sets attributes of the node called `name`."""
    node = find(model, name)
    kept = [each for each in node.attribute if each.name not in settings]
    del node.attribute[:]
    node.attribute.extend([*kept, *(helper.make_attribute(key, value) for key, value in settings.items())])


def put(model: ModelProto, name: str, value: Any) -> None:
    """Sets, or adds, the constant called `name`."""
    array = np.asarray(value)
    tensor = numpy_helper.from_array(array if array.dtype == np.int64 else array.astype(np.float32), name)
    for each in model.graph.initializer:
        if each.name == name:
            each.CopyFrom(tensor)
            return
    model.graph.initializer.append(tensor)


def take_out(model: ModelProto, name: str) -> None:
    """Removes a node; what read it reads its first input."""
    node = find(model, name)
    source, gone = node.input[0], node.output[0]
    model.graph.node.remove(node)
    for each in model.graph.node:
        each.input[:] = [source if tensor == gone else tensor for tensor in each.input]
    for value in model.graph.output:
        value.name = source if value.name == gone else value.name


def put_behind(
    model: ModelProto, name: str, kind: str, more: tuple[str, ...] = (), domain: str = "", **settings: Any
) -> None:
    """Puts a node of `kind` on the result of the node called `name`; the inputs `more` are its others."""
    node = find(model, name)
    tensor, place = node.output[0], list(model.graph.node).index(node) + 1
    for each in model.graph.node:
        each.input[:] = [f"{name}_then" if item == tensor else item for item in each.input]
    for value in model.graph.output:
        value.name = f"{name}_then" if value.name == tensor else value.name
    new = helper.make_node(kind, [tensor, *more], [f"{name}_then"], name=f"{name}_{kind}", domain=domain, **settings)
    model.graph.node.insert(place, new)
