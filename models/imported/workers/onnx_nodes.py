"""ONNX operators, channels first, as layers of a `Network`, channels last: one function an operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isclose
from pathlib import Path

import numpy as np
from onnx import ModelProto

from models.imported.workers.draft import Tensor
from models.imported.workers.onnx_file import ADVICE, OnnxFile, load_model
from models.imported.workers.onnx_graph import Graph, Node, Value
from models.imported.workers.onnx_layout import LAYOUT
from models.imported.workers.onnx_shapes import SHAPES
from models.network import (
    INPUT,
    Add,
    BatchNorm,
    Conv2D,
    Dense,
    MaxPool2D,
    Network,
    Padding,
    ReLU,
    Softmax,
)


def read_onnx(path: Path, name: str, external: tuple[str, ...] = ()) -> tuple[Network, Mapping[str, Tensor]]:
    """The network in an .onnx file, BatchNorm included; `external` are the files beside it that may be read.

    Raises `InputError` naming what is not supported, and `WantedFiles` where weights stand in a file not given.
    """
    return read_model(load_model(path), path, name, external)


def read_model(
    model: ModelProto, path: Path, name: str, external: tuple[str, ...]
) -> tuple[Network, Mapping[str, Tensor]]:
    """The same for a model that was loaded from `path`."""
    file = OnnxFile(model, path, external)
    graph = Graph(file, name)
    for place, proto in file.nodes:
        try:
            node = Node.of(place, proto)
            if place.kind == "Constant":
                file.add_constant(place, proto)
            elif place.kind == "Identity" and node.inputs[0] in graph.constants:
                graph.constants[node.output] = graph.constants[node.inputs[0]]
            elif place.kind == "Shape" or (place.kind in SHAPES and graph.values.keys().isdisjoint(node.inputs)):
                graph.constants[node.output] = SHAPES[place.kind](graph, node)
            elif place.kind in READERS:
                graph.values[node.output] = READERS[place.kind](graph, node)
            else:
                raise place.refusal("not supported")
        except (KeyError, IndexError, TypeError, ValueError) as reason:
            raise place.refusal(f"damaged ({reason!r})", ADVICE) from None
    return graph.draft.finish(graph.end(file), file.file), graph.draft.tensors


def _conv(graph: Graph, node: Node) -> Value:
    image = graph.image(node)
    node.expect("dilations", [1, 1])
    node.expect("group", 1)
    kernel = graph.weight(node, 1)
    if kernel.ndim != 4 or node.settings.get("kernel_shape", list(kernel.shape[2:])) != list(kernel.shape[2:]):
        raise node.place.refusal(f"a kernel {kernel.shape}", "supported are convolutions of two dimensions")
    weights = {"kernel": kernel.transpose(2, 3, 1, 0)} | _bias(graph, node, 2, len(kernel))
    height, width = kernel.shape[2:]
    strides, padding = _window(graph, node, image, (height, width), ("same", "valid"))
    settings = {"kernel": (height, width), "strides": strides, "padding": padding}
    return graph.add(node, Conv2D, image, weights, filters=len(kernel), **settings)


def _max_pool(graph: Graph, node: Node) -> Value:
    image = graph.image(node)
    node.expect("dilations", [1, 1])
    node.expect("storage_order", 0)
    height, width = node.settings["kernel_shape"]
    strides, padding = _window(graph, node, image, (height, width), ("valid", "same"))
    if node.settings.get("ceil_mode", 0) and padding == "valid":
        rows, columns, _ = graph.shape(image)
        if (rows - height) % strides[0] or (columns - width) % strides[1]:
            raise node.place.refusal("ceil_mode with windows that stick out", "pool without ceil_mode")
    return graph.add(node, MaxPool2D, image, kernel=(height, width), strides=strides, padding=padding)


def _window(
    graph: Graph, node: Node, image: Value, kernel: tuple[int, int], preferred: tuple[Padding, Padding]
) -> tuple[tuple[int, int], Padding]:
    """Strides, and the first of the preferred paddings that is what the node says."""
    down, across = node.settings.get("strides", [1, 1])
    if min(*kernel, down, across) < 1:
        raise node.place.refusal(f"kernel {kernel} and strides {down, across} must be at least 1", ADVICE)
    automatic = node.settings.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "VALID"):
        return (down, across), "same" if automatic == "SAME_UPPER" else "valid"
    node.expect("auto_pad", "NOTSET")
    top, left, bottom, right = node.settings.get("pads", [0, 0, 0, 0])
    legal = {one: MaxPool2D("", (), kernel, (down, across), one).pads(graph.shape(image)) for one in preferred}
    for padding, pads in legal.items():
        if pads == (top, bottom, left, right):
            return (down, across), padding
    shown = " and ".join(str(pads) for pads in dict.fromkeys(legal.values()))
    fact = f"padding {(top, bottom, left, right)} (top, bottom, left, right)"
    raise node.place.refusal(fact, f"supported for this layer is {shown}, that is, none or TensorFlow's 'same'")


def _bias(graph: Graph, node: Node, index: int, units: int) -> dict[str, Tensor]:
    bias = graph.constant(node, index)
    return {} if bias is None else {"bias": _spread(node, graph.weight(node, index), (1, units))}


def _spread(node: Node, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`tensor` broadcast to `shape`, as one value a channel."""
    try:
        return np.broadcast_to(tensor, shape).reshape(-1)
    except ValueError:
        raise node.place.refusal(f"a constant {tensor.shape} where {shape} is needed", ADVICE) from None


def _gemm(graph: Graph, node: Node) -> Value:
    node.expect("transA", 0)
    kernel = graph.weight(node, 1)
    kernel = kernel.T if node.settings.get("transB", 0) else kernel
    value = _dense(graph, node, kernel * np.float32(node.settings.get("alpha", 1.0)))
    if bias := _bias(graph, node, 2, kernel.shape[-1]):
        graph.draft.tensors[f"{value.name}/bias"] = bias["bias"] * np.float32(node.settings.get("beta", 1.0))
    return value


def _matmul(graph: Graph, node: Node) -> Value:
    return _dense(graph, node, graph.weight(node, 1))


def _dense(graph: Graph, node: Node, kernel: Tensor) -> Value:
    value = graph.value(node)
    if value.rank != 2 or kernel.ndim != 2:
        raise node.place.refusal("it multiplies no vector by a matrix", "put a Flatten before it")
    if value.order and len(value.order) == len(kernel):
        kernel = kernel[list(value.order)]
    return graph.add(node, Dense, value, {"kernel": kernel}, units=kernel.shape[1]).as_vector()


def _add(graph: Graph, node: Node) -> Value:
    """A residual join, or the bias of the layer before."""
    for index in (0, 1):
        if node.inputs[index] in graph.constants:
            return _added_bias(graph, node, graph.value(node, 1 - index), graph.weight(node, index))
    first, second = graph.value(node, 0), graph.value(node, 1)
    if (first.rank, first.channels_last, first.order) != (second.rank, second.channels_last, second.order):
        raise node.place.refusal("the elements of its two inputs stand in different orders", ADVICE)
    return replace(first, name=graph.draft.add(node.place, Add, (first.name, second.name)))


def _added_bias(graph: Graph, node: Node, value: Value, constant: Tensor) -> Value:
    bias = f"{value.name}/bias"
    if bias not in graph.draft.tensors or not graph.read_once(value) or value.channels_last:
        raise node.place.refusal("it adds a constant to what is no convolution and no dense layer")
    shape = (1, *graph.shape(value)[-1:], *(1, 1)[: value.rank - 2])
    graph.draft.tensors[bias] = graph.draft.tensors[bias] + _spread(node, constant, shape)
    return value


def _scale(graph: Graph, node: Node) -> Value:
    """The project's images are bytes over 255 already, so that this division is the identity at the entry."""
    value, constant = graph.value(node), graph.weight(node, 1)
    factor = float(constant.ravel()[0]) if constant.size == 1 else 0.0
    wanted = 255.0 if node.place.kind == "Div" else 1 / 255
    if value.name != INPUT or not isclose(factor, wanted, rel_tol=1e-6):
        raise node.place.refusal("it scales a tensor", "supported is a division of the input by 255")
    return value


def _batch_norm(graph: Graph, node: Node) -> Value:
    node.expect("training_mode", 0)
    value = graph.value(node)
    if value.channels_last:
        raise node.place.refusal("its input has its channels last", ADVICE)
    vectors = {role: graph.weight(node, index) for index, role in enumerate(("gamma", "beta", "mean", "variance"), 1)}
    if value.order and all(vector.shape == (len(value.order),) for vector in vectors.values()):
        vectors = {role: vector[list(value.order)] for role, vector in vectors.items()}
    return graph.add(node, BatchNorm, value, vectors, epsilon=float(node.settings.get("epsilon", 1e-5)))


def _softmax(graph: Graph, node: Node) -> Value:
    value = graph.value(node)
    if node.settings.get("axis", 1 if graph.opset < 13 else -1) not in (1, -1) or value.rank != 2:
        raise node.place.refusal("it is not over the classes", "supported is a softmax of a vector, over axis 1")
    return graph.add(node, Softmax, value)


def _dropout(graph: Graph, node: Node) -> Value:
    training = graph.constant(node, 2)
    if training is not None and training.any():
        raise node.place.refusal("it drops in inference too (training_mode)", "export the network in evaluation mode")
    return graph.value(node)


READERS: Mapping[str, Callable[[Graph, Node], Value]] = {
    **LAYOUT,
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "Div": _scale,
    "Dropout": _dropout,
    "Gemm": _gemm,
    "Identity": lambda graph, node: graph.value(node),
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "Mul": _scale,
    "Relu": lambda graph, node: graph.add(node, ReLU, graph.value(node)),
    "Softmax": _softmax,
}
