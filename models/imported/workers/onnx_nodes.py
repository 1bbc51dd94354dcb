"""ONNX operators, channels first, as layers of a `Network`, channels last: one function an operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto

from models.imported.workers.draft import Tensor
from models.imported.workers.onnx_affine import AFFINE
from models.imported.workers.onnx_constants import computed
from models.imported.workers.onnx_domains import KINDS, TRUNC
from models.imported.workers.onnx_file import ADVICE, OnnxFile, load_model, text_of, type_name
from models.imported.workers.onnx_graph import Graph, Node, Value
from models.imported.workers.onnx_layout import LAYOUT
from models.imported.workers.onnx_quant import note_kernel, quantise, turned
from models.imported.workers.onnx_trunc import truncate
from models.imported.workers.onnx_windows import WINDOWS
from models.imported.workers.unbuilt import refuse_kind
from models.layers import Clip, Dense, LeakyReLU, ReLU, Softmax
from models.network import INPUT, Network


def read_onnx(path: Path, name: str, external: tuple[str, ...] = ()) -> tuple[Network, Mapping[str, Tensor]]:
    """The network in an .onnx file, BatchNorm included; `external` are the files beside it that may be read.

    Raises `InputError` naming what is not supported, and `WantedFiles` where weights stand in a file not given.
    """
    return read_model(load_model(path), path, name, external)


def read_model(
    model: ModelProto, path: Path, name: str, external: tuple[str, ...]
) -> tuple[Network, Mapping[str, Tensor]]:
    """The same for a model that was loaded from `path`."""
    network, graph = read_graph(model, path, name, external)
    return network, graph.draft.tensors


def read_graph(model: ModelProto, path: Path, name: str, external: tuple[str, ...]) -> tuple[Network, Graph]:
    """The same with all that is known of the graph; quantisers of activations are layers of the network."""
    file = OnnxFile(model, path, external)
    graph = Graph(file, name)
    for place, proto in file.nodes:
        try:
            node = Node.of(place, proto)
            if place.kind == "Constant":
                file.add_constant(place, node.settings, node.output)
            elif place.kind == TRUNC:
                truncate(graph, node)
            elif place.kind in KINDS:
                quantise(graph, node)
            elif (constant := computed(graph, node)) is not None:
                graph.constants[node.output] = constant
                turned(graph, node)
            elif place.kind in READERS:
                graph.values[node.output] = READERS[place.kind](graph, node)
            else:
                raise refuse_kind(place)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as reason:
            raise place.refusal(f"damaged ({str(reason)[:80]!r})", ADVICE) from None
    graph.draft.absorb(text_of(file.input), INPUT)
    for place, proto in file.nodes:
        if proto.output and proto.output[0] in graph.values:
            graph.draft.absorb(place.name, graph.values[proto.output[0]].name)
    return graph.draft.finish(graph.end(file), file.file), graph


def _gemm(graph: Graph, node: Node) -> Value:
    node.expect("transA", 0)
    kernel = graph.weight(node, 1)
    kernel = kernel.T if node.settings.get("transB", 0) else kernel
    alpha = node.settings.get("alpha", 1.0)
    value = _dense(graph, node, kernel * np.float32(alpha))
    note_kernel(graph, node, value.name, 0 if node.settings.get("transB", 0) else 1, alpha)
    if bias := graph.bias(node, 2, kernel.shape[-1]):
        graph.draft.tensors[f"{value.name}/bias"] = bias["bias"] * np.float32(node.settings.get("beta", 1.0))
    return value


def _matmul(graph: Graph, node: Node) -> Value:
    value = _dense(graph, node, graph.weight(node, 1))
    note_kernel(graph, node, value.name, 1)
    return value


def _dense(graph: Graph, node: Node, kernel: Tensor) -> Value:
    value = graph.value(node)
    if value.rank != 2 or kernel.ndim != 2:
        raise node.place.refusal("it multiplies no vector by a matrix", "put a Flatten before it")
    if value.order and len(value.order) == len(kernel):
        kernel = kernel[list(value.order)]
    return graph.add(node, Dense, value, {"kernel": kernel}, units=kernel.shape[1]).as_vector()


def _clip(graph: Graph, node: Node) -> Value:
    """A ReLU, where it cuts off at 0 below and nothing above."""
    ends: list[Any] = [node.settings.get("min"), node.settings.get("max")]
    for index in (0, 1):
        if (bound := graph.constant(node, 1 + index)) is not None:
            ends[index] = bound.item()
    low, high = (default if end is None else end for end, default in zip(ends, (-inf, inf), strict=True))
    if low == 0 and high >= np.finfo(np.float32).max:
        return graph.add(node, ReLU, graph.value(node))
    if low <= np.finfo(np.float32).min or not high < np.finfo(np.float32).max:
        fact = f"it clips to {low:g} .. {high:g}"
        raise node.place.refusal(fact, "supported are a ReLU, and a clip with two ends, as ReLU6 and HardTanh are")
    return graph.add(node, Clip, graph.value(node), low=float(low), high=float(high))


def _leaky(graph: Graph, node: Node) -> Value:
    slope = float(node.settings.get("alpha", 0.01))
    if slope == 0:
        return graph.add(node, ReLU, graph.value(node))
    return graph.add(node, LeakyReLU, graph.value(node), slope=slope)


def _maximum(graph: Graph, node: Node) -> Value:
    """A ReLU, where it takes the larger of a tensor and 0."""
    constants = [index for index, name in enumerate(node.inputs) if name in graph.constants]
    if len(node.inputs) != 2 or len(constants) != 1 or graph.weight(node, constants[0]).any():
        raise node.place.refusal("a maximum of tensors", "supported is max(x, 0), that is, a ReLU")
    return graph.add(node, ReLU, graph.value(node, 1 - constants[0]))


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


def _cast(graph: Graph, node: Node) -> Value:
    if node.settings["to"] != TensorProto.FLOAT:
        fact = f"it casts the network's numbers to {type_name(node.settings['to'])}"
        raise node.place.refusal(fact, "export the float network")
    return graph.value(node)


READERS: Mapping[str, Callable[[Graph, Node], Value]] = {
    **AFFINE,
    **LAYOUT,
    **WINDOWS,
    "Cast": _cast,
    "Clip": _clip,
    "Dropout": _dropout,
    "Gemm": _gemm,
    "LeakyRelu": _leaky,
    "Identity": lambda graph, node: graph.value(node),
    "MatMul": _matmul,
    "Max": _maximum,
    "Relu": lambda graph, node: graph.add(node, ReLU, graph.value(node)),
    "Softmax": _softmax,
}
