"""ONNX operators that scale or shift a tensor by constants, one a channel: batch normalisation, whole or in pieces.

Exporters often leave a batch normalisation as a multiplication and an addition. A bias joins the layer before it, and
what scales or shifts behind a batch normalisation joins that; elsewhere a batch normalisation of its own is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isclose

import numpy as np

from models.imported.workers.draft import Tensor
from models.imported.workers.onnx_file import ADVICE
from models.imported.workers.onnx_graph import Graph, Node, Value
from models.imported.workers.unbuilt import PRODUCT, refuse
from models.layers import Add, BatchNorm
from models.network import INPUT

ONE, NOTHING = np.ones(1, np.float32), np.zeros(1, np.float32)


def _batch_norm(graph: Graph, node: Node) -> Value:
    node.expect("training_mode", 0)
    value = graph.value(node)
    if value.channels_last:
        raise node.place.refusal("its input has its channels last", ADVICE)
    vectors = {role: graph.weight(node, index) for index, role in enumerate(("gamma", "beta", "mean", "variance"), 1)}
    if value.order and all(vector.shape == (len(value.order),) for vector in vectors.values()):
        vectors = {role: vector[list(value.order)] for role, vector in vectors.items()}
    return graph.add(node, BatchNorm, value, vectors, epsilon=float(node.settings.get("epsilon", 1e-5)))


def _add(graph: Graph, node: Node) -> Value:
    """A residual join, a bias, or a shift."""
    if len(node.inputs) != 2:
        raise node.place.refusal(f"it adds {len(node.inputs)} tensors", "add two at a time")
    if (index := _constant_index(graph, node)) is not None:
        return _changed(graph, node, graph.value(node, 1 - index), offset=graph.weight(node, index))
    first, second = graph.value(node, 0), graph.value(node, 1)
    if (first.rank, first.channels_last, first.order) != (second.rank, second.channels_last, second.order):
        raise node.place.refusal("the elements of its two inputs stand in different orders", ADVICE)
    return replace(first, name=graph.draft.add(node.place, Add, (first.name, second.name)))


def _subtract(graph: Graph, node: Node) -> Value:
    return _changed(graph, node, graph.value(node), offset=-graph.weight(node, 1))


def _multiply(graph: Graph, node: Node) -> Value:
    index = _constant_index(graph, node)
    if index is None:
        raise refuse(node.place, PRODUCT, "it multiplies two tensors")
    return _changed(graph, node, graph.value(node, 1 - index), gain=graph.weight(node, index))


def _divide(graph: Graph, node: Node) -> Value:
    divisor = graph.weight(node, 1)
    if not divisor.all():
        raise node.place.refusal("it divides by zero", ADVICE)
    return _changed(
        graph, node, graph.value(node), gain=np.reciprocal(divisor.astype(np.float64 if graph.exact else np.float32))
    )


def _constant_index(graph: Graph, node: Node) -> int | None:
    """Which of the two inputs is a constant."""
    return next((index for index in (0, 1) if node.inputs[index] in graph.constants), None)


def _changed(graph: Graph, node: Node, value: Value, gain: Tensor = ONE, offset: Tensor = NOTHING) -> Value:
    """``gain * value + offset``."""
    gains, offsets = (graph.by_channel(node, value, tensor) for tensor in (gain, offset))
    if value.name == INPUT and graph.exact:
        if _divides(gain, offset):
            graph.divided |= not bool((gain == 1).all())
            return value
    elif value.name == INPUT:
        if not graph.read_once(value):
            raise node.place.refusal("it scales the image for some of its readers only", "scale it first, for all")
        graph.draft.normalise(node.place, gains, offsets)
        return value
    tensors, name = graph.draft.tensors, value.name
    if not (np.isfinite(gains).all() and np.isfinite(offsets).all()):
        raise node.place.refusal("its constant holds NaN or infinity", "train the network again")
    if graph.exact:
        return _norm(graph, node, value, gains, offsets)
    if f"{name}/beta" in tensors and graph.read_once(value):
        tensors[f"{name}/gamma"] = tensors[f"{name}/gamma"] * gains
        tensors[f"{name}/beta"] = tensors[f"{name}/beta"] * gains + offsets
        return value
    if f"{name}/bias" in tensors and graph.read_once(value) and (gains == 1).all():
        tensors[f"{name}/bias"] = tensors[f"{name}/bias"] + offsets
        return value
    return _norm(graph, node, value, gains, offsets)


def _norm(graph: Graph, node: Node, value: Value, gains: Tensor, offsets: Tensor) -> Value:
    none = np.zeros_like(offsets)
    vectors = {"gamma": gains, "beta": offsets, "mean": none, "variance": none}
    return graph.add(node, BatchNorm, value, vectors, epsilon=1.0)


def _divides(gain: Tensor, offset: Tensor) -> bool:
    """Whether it is a division by 255, or nothing at all."""
    factor, shift = (float(tensor.ravel()[0]) if tensor.size == 1 else None for tensor in (gain, offset))
    return factor is not None and (factor == 1 or isclose(factor, 1 / 255, rel_tol=1e-6)) and shift == 0


AFFINE: Mapping[str, Callable[[Graph, Node], Value]] = {
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Div": _divide,
    "Mul": _multiply,
    "Sub": _subtract,
    "Sum": _add,
}
