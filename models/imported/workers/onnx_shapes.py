"""Shapes that an ONNX graph computes for itself: ``x.view(x.size(0), -1)`` is six nodes in what torch's exporter wrote.

They are computed here, for a batch of one, into constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.imported.workers.onnx_graph import Graph, Node, Value


def _dimensions(graph: Graph, value: Value) -> list[int]:
    """The shape that ONNX gives a tensor, for a batch of one."""
    shape = graph.shape(value)
    if value.rank == 2:
        return [1, *shape]
    *area, channels = shape if len(shape) == 3 else (1, 1, *shape)
    return [1, *area, channels] if value.channels_last else [1, channels, *area]


def _shape(graph: Graph, node: Node) -> NDArray[Any]:
    end = node.settings.get("end")
    return np.array(_dimensions(graph, graph.value(node))[node.settings.get("start", 0) : end])


def _operand(graph: Graph, node: Node, index: int) -> NDArray[Any]:
    constant = graph.constant(node, index)
    if constant is None or constant.size > len("NCHW"):
        raise node.place.refusal("it computes something else than a shape")
    return constant


def _gather(graph: Graph, node: Node) -> NDArray[Any]:
    node.expect("axis", 0)
    return np.asarray(_operand(graph, node, 0)[_operand(graph, node, 1)])


def _unsqueeze(graph: Graph, node: Node) -> NDArray[Any]:
    axes = node.settings["axes"] if "axes" in node.settings else _operand(graph, node, 1).ravel().tolist()
    return np.expand_dims(_operand(graph, node, 0), tuple(axes))


def _concat(graph: Graph, node: Node) -> NDArray[Any]:
    node.expect("axis", 0)
    if len(node.inputs) > len("NCHW"):
        raise node.place.refusal("it computes something else than a shape")
    return np.concatenate([_operand(graph, node, index) for index in range(len(node.inputs))])


SHAPES: Mapping[str, Callable[[Graph, Node], NDArray[Any]]] = {
    "Shape": _shape,
    "Gather": _gather,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
}
