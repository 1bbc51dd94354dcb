"""ONNX operators that change the order or the number of axes: averages, flatten and its like, transpositions, joins.

ONNX counts channels first and a `Network` last, so that a flattened image has its elements in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from models.imported.workers.onnx_file import ADVICE, TO_FIRST
from models.imported.workers.onnx_graph import Graph, Node, Value
from models.layers import Concat, Flatten, GlobalAveragePool

TO_LAST = [0, 2, 3, 1]


def _average(graph: Graph, node: Node) -> Value:
    return graph.add(node, GlobalAveragePool, graph.image(node))


def _reduce_mean(graph: Graph, node: Node) -> Value:
    value = graph.value(node)
    axes = node.settings.get("axes")
    if (constant := graph.constant(node, 1)) is not None:
        axes = constant.ravel().tolist()
    spatial = {1, 2} if value.channels_last else {2, 3}
    if value.rank != 4 or {axis % 4 for axis in axes or ()} != spatial:
        raise node.place.refusal(f"a mean over axes {axes}", "supported is the mean of an image over both spatial axes")
    mean = graph.add(node, GlobalAveragePool, value)
    return mean if node.settings.get("keepdims", 1) else mean.as_vector()


def _flatten(graph: Graph, node: Node) -> Value:
    node.expect("axis", 1, 1 - graph.value(node).rank)
    return _flattened(graph, node)


def _reshape(graph: Graph, node: Node) -> Value:
    shape = graph.constant(node, 1)
    total = prod(graph.shape(graph.value(node)))
    batch = {1, graph.batch} if node.settings.get("allowzero", 0) else {0, 1, graph.batch}
    match shape.tolist() if shape is not None else None:
        case [-1] if len(graph.shape(graph.value(node))) == 1 and not graph.value(node).order:
            return replace(graph.value(node), rank=1)
        case [first, rest] if (first in batch and rest in (-1, total)) or (first == -1 and rest == total):
            return _flattened(graph, node)
        case other:
            raise node.place.refusal(f"a reshape to {other}", f"supported is one to (batch, {total}), that is, flatten")


def _squeeze(graph: Graph, node: Node) -> Value:
    axes = node.settings.get("axes")
    if (constant := graph.constant(node, 1)) is not None:
        axes = constant.ravel().tolist()
    return _dropped(graph, node, axes or [])


def _gather(graph: Graph, node: Node) -> Value:
    """``x[:, :, 0, 0]`` behind an average, or what torch makes of AdaptiveAvgPool2d: all averages of a batch in a row,
    and from there by their places."""
    value, places = graph.value(node), graph.constant(node, 1)
    if value.rank != 1:
        if places is None or places.size != 1 or places.any():
            raise node.place.refusal("it picks elements", "supported is [:, :, 0, 0] after an average")
        return _dropped(graph, node, [node.settings.get("axis", 0)], remaining=places.ndim)
    (channels,) = graph.shape(value)
    for batch in {1, graph.batch}:
        shapes = [(batch, channels, *ones) for ones in ((), (1,), (1, 1))]
        if places is not None and places.shape in shapes and (places.ravel() == np.arange(places.size)).all():
            return replace(value, rank=places.ndim)
    raise node.place.refusal("it picks elements", "supported is a global average, as torch writes it")


def _dropped(graph: Graph, node: Node, axes: list[int], remaining: int = 0) -> Value:
    """The result of an average without these axes, of one pixel each; `remaining` of them stay."""
    value = graph.value(node)
    dropped = {axis % max(value.rank, 1) for axis in axes}
    channels = value.rank - 1 if value.channels_last else 1
    if len(graph.shape(value)) != 1 or not dropped or dropped & {0, channels}:
        raise node.place.refusal(f"it drops axes {axes}", "supported is to drop the spatial axes after an average")
    return replace(value, rank=value.rank - (0 if remaining else len(dropped)))


def _flattened(graph: Graph, node: Node) -> Value:
    value = graph.value(node)
    shape = graph.shape(value)
    if len(shape) == 1:
        return value if value.rank == 2 else value.as_vector()
    flat = graph.add(node, Flatten, value)
    if value.channels_last or 1 in (shape[2], shape[0] * shape[1]):
        return flat.as_vector()
    height, width, channels = shape
    order = np.arange(prod(shape)).reshape(channels, height, width).transpose(1, 2, 0).ravel()
    return flat.as_vector(tuple(order.tolist()))


def _transpose(graph: Graph, node: Node) -> Value:
    value, axes = graph.value(node), node.settings.get("perm")
    if value.rank == 4 and axes == (TO_FIRST if value.channels_last else TO_LAST):
        return replace(value, channels_last=not value.channels_last)
    raise node.place.refusal(f"a transposition {axes}", "supported is one between channels first and channels last")


def _concat(graph: Graph, node: Node) -> Value:
    """Two at a time, along the channels; of flattened images the orders go one behind the other, too."""
    joined = graph.value(node)
    axis = node.settings["axis"] % joined.rank
    if axis != (joined.rank - 1 if joined.channels_last else 1):
        raise node.place.refusal(f"it joins along axis {node.settings['axis']}", "supported is to join channels")
    for index in range(1, len(node.inputs)):
        value = graph.value(node, index)
        if (joined.rank, joined.channels_last) != (value.rank, value.channels_last):
            raise node.place.refusal("the elements of its inputs stand in different orders", ADVICE)
        order = None
        if joined.order or value.order:
            first, second = (operand.order or tuple(range(graph.shape(operand)[-1])) for operand in (joined, value))
            order = (*first, *(len(first) + place for place in second))
        name = graph.draft.add(node.place, Concat, (joined.name, value.name))
        joined = replace(joined, name=name, order=order)
    return joined


LAYOUT: Mapping[str, Callable[[Graph, Node], Value]] = {
    "Concat": _concat,
    "Flatten": _flatten,
    "Gather": _gather,
    "GlobalAveragePool": _average,
    "ReduceMean": _reduce_mean,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
}
