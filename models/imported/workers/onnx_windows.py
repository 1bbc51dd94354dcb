"""ONNX operators with a window that slides over an image, and the padding that may stand before a convolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf

import numpy as np

from models.imported.workers.onnx_file import ADVICE
from models.imported.workers.onnx_graph import Graph, Node, Value
from models.imported.workers.onnx_quant import note_kernel
from models.imported.workers.unbuilt import UNEVEN, refuse
from models.layers import AveragePool2D, Conv2D, Dense, GlobalAveragePool, GroupedConv2D, MaxPool2D, Padding, Pads

SAME = ("SAME_UPPER", "SAME_LOWER")


def _conv(graph: Graph, node: Node) -> Value:
    kernel = graph.weight(node, 1)
    node.expect("dilations", [1, 1])
    groups = node.settings.get("group", 1)
    if kernel.ndim != 4 or node.settings.get("kernel_shape", list(kernel.shape[2:])) != list(kernel.shape[2:]):
        raise node.place.refusal(f"a kernel {kernel.shape}", "supported are convolutions of two dimensions")
    weights = {"kernel": kernel.transpose(2, 3, 1, 0)} | graph.bias(node, 2, len(kernel))
    height, width = kernel.shape[2:]
    value, pads = graph.value(node), node.settings.get("pads", [])
    if value.rank == 4 and len(graph.shape(value)) == 1 and (height, width, groups) == (1, 1, 1) and not any(pads):
        dense = graph.add(node, Dense, value, weights | {"kernel": weights["kernel"][0, 0]}, units=len(kernel))
        note_kernel(graph, node, dense.name, 0)
        return dense
    image = graph.image(node)
    strides, padding = _window(graph, node, image, (height, width), Conv2D.spellings)
    settings = {"kernel": (height, width), "strides": strides, "padding": padding}
    kind, grouped = (Conv2D, {}) if groups == 1 else (GroupedConv2D, {"groups": groups})
    result = graph.add(node, kind, image, weights, filters=len(kernel), **settings, **grouped)
    note_kernel(graph, node, result.name, 0)
    return result


def _max_pool(graph: Graph, node: Node) -> Value:
    image = graph.image(node)
    node.expect("dilations", [1, 1])
    node.expect("storage_order", 0)
    height, width = node.settings["kernel_shape"]
    strides, padding = _window(graph, node, image, (height, width), MaxPool2D.spellings)
    pool = MaxPool2D("", (), (height, width), strides, padding)
    _whole_windows(graph, node, image, pool)
    return graph.add(node, MaxPool2D, image, kernel=pool.kernel, strides=strides, padding=padding)


def _whole_windows(graph: Graph, node: Node, image: Value, pool: MaxPool2D) -> None:
    """Raises `InputError` where windows stick out of the image and its padding."""
    if not node.settings.get("ceil_mode", 0) or node.settings.get("auto_pad", "NOTSET") in SAME:
        return
    rows, columns, _ = graph.shape(image)
    top, bottom, left, right = pool.pads(graph.shape(image))
    (height, width), strides = pool.kernel, pool.strides
    if (top + rows + bottom - height) % strides[0] or (left + columns + right - width) % strides[1]:
        raise node.place.refusal("ceil_mode with windows that stick out", "pool without ceil_mode")


def _average_pool(graph: Graph, node: Node) -> Value:
    """Of the whole image, or of windows."""
    image = graph.image(node)
    node.expect("dilations", [1, 1])
    height, width = node.settings["kernel_shape"]
    strides, padding = _window(graph, node, image, (height, width), MaxPool2D.spellings)
    pool = MaxPool2D("", (), (height, width), strides, padding)
    _whole_windows(graph, node, image, pool)
    around, area = pool.pads(graph.shape(image)), graph.shape(image)[:2]
    if around != (image.pads or (0, 0, 0, 0)) and not node.settings.get("count_include_pad", 0):
        raise refuse(node.place, UNEVEN, f"count_include_pad is 0, with padding {around} (top, bottom, left, right)")
    if (height, width) == area and not any(around):
        return graph.add(node, GlobalAveragePool, image)
    return graph.add(node, AveragePool2D, image, kernel=pool.kernel, strides=strides, padding=padding)


def _window(
    graph: Graph, node: Node, image: Value, kernel: tuple[int, int], spellings: tuple[Padding, ...]
) -> tuple[tuple[int, int], Padding]:
    """Strides, and the padding that the node says: by name, the first of the spellings, where it has one."""
    down, across = node.settings.get("strides", [1, 1])
    if min(*kernel, down, across) < 1:
        raise node.place.refusal(f"kernel {kernel} and strides {down, across} must be at least 1", ADVICE)
    automatic = node.settings.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "VALID") and not image.pads:
        return (down, across), "same" if automatic == "SAME_UPPER" else "valid"
    node.expect("auto_pad", "NOTSET", "VALID", *SAME)
    before = image.pads or (0, 0, 0, 0)
    top, left, bottom, right = [0] * 4 if automatic == "VALID" else node.settings.get("pads", [0] * 4)
    if automatic in SAME:
        rows, columns, channels = graph.shape(image)
        padded = rows + before[0] + before[1], columns + before[2] + before[3], channels
        top, bottom, left, right = MaxPool2D("", (), kernel, (down, across), "same").pads(padded)
        if automatic == "SAME_LOWER":  # the odd row and column stand first
            top, bottom, left, right = bottom, top, right, left
    filling = -inf if node.place.kind == "MaxPool" else 0.0
    if image.pads and image.filling != filling:
        raise node.place.refusal(f"its padding is filled with {image.filling}", f"pad with {filling}")
    border = (top + before[0], bottom + before[1], left + before[2], right + before[3])
    for named in spellings:
        if MaxPool2D("", (), kernel, (down, across), named).pads(graph.shape(image)) == border:
            return (down, across), named
    return (down, across), border


def _pad(graph: Graph, node: Node) -> Value:
    """The convolution or average behind it takes over zeros around an image; max pooling the lowest number, or repeated
    edges, as Keras writes it on torch, which are in every window beside them anyway."""
    value = graph.value(node)
    constant, filling = graph.constant(node, 1), graph.constant(node, 2)
    pads = node.settings["pads"] if constant is None else constant.tolist()
    number = node.settings.get("value", 0.0) if filling is None else filling.item()
    node.expect("mode", "constant", "edge")
    if value.rank != 4 or len(graph.shape(value)) != 3 or len(pads) != 8 or graph.constant(node, 3) is not None:
        raise node.place.refusal("it pads no image, or some axes only", ADVICE)
    (rows, columns), others = ((1, 2), (0, 3)) if value.channels_last else ((2, 3), (0, 1))
    around: Pads = (pads[rows], pads[rows + 4], pads[columns], pads[columns + 4])
    if min(around) < 0 or any(pads[axis] or pads[axis + 4] for axis in others):
        raise node.place.refusal(f"it pads by {pads}", "pad height and width only")
    low = number <= np.finfo(np.float32).min or node.settings.get("mode") == "edge"
    return replace(value, pads=around, filling=-inf if low else number) if any(around) else value


WINDOWS: Mapping[str, Callable[[Graph, Node], Value]] = {
    "AveragePool": _average_pool,
    "Conv": _conv,
    "MaxPool": _max_pool,
    "Pad": _pad,
}
