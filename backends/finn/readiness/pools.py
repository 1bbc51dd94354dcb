"""Conditions on pooling: FINN builds windows of a maximum, and a global average as a sum."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, log2

from backends.finn.readiness.graph import TRUNC_2, Graph, GraphNode
from backends.finn.readiness.layers import AVERAGES
from backends.finn.readiness.wording import DONE
from flows.core.readiness import Finding

_WINDOW = "take GlobalAveragePool over the whole image, or TruncAvgPool2d of Brevitas"
Pair = tuple[int, ...]


def poolings(graph: Graph) -> Iterator[Finding]:
    for node in graph.of_kind("MaxPool"):
        where, settings = str(node), node.settings
        if node.inputs[0] not in graph.steps:
            yield Finding(where, "its input is not quantised", "put a quantiser before it")
        if any(node.outputs[1:]):
            yield Finding(where, "it makes indices as well, on which FINN fails", "leave its second output out")
        automatic = settings.get("auto_pad", "NOTSET")
        if automatic not in ("NOTSET", "VALID"):
            yield Finding(where, f"it pads by auto_pad={automatic}", "write the padding out as pads")
        kernel = settings.get("kernel_shape", ())
        if len(kernel) != 2:
            fact = f"its kernel is {kernel}, and FINN pools images alone"
            yield Finding(where, fact, "pool over height and width")
            continue
        for name, meant in (("strides", "[1, 1]"), ("pads", "[0, 0, 0, 0]")):
            if name not in settings:
                fact = f"its attribute {name} is not written, and FINN does not know ONNX' default"
                yield Finding(where, fact, f"write {name} = {meant} {DONE}")
        strides = settings.get("strides", (1, 1))
        if len(strides) != 2 or any(step > side for step, side in zip(strides, kernel, strict=True)):
            fact = f"its stride {strides} is longer than its kernel {kernel}, which FINN does not stream"
            yield Finding(where, fact, "make the stride the kernel's size, or less")
            continue
        if any(step != 1 for step in settings.get("dilations", ())):
            yield Finding(where, "it is dilated, and FINN pools without", "pool without dilation")
        pads = tuple(settings.get("pads", ())) or (0,) * 4
        if pads[: len(pads) // 2] != pads[len(pads) // 2 :]:
            fact = f"its padding {list(pads)} is uneven, which FINN's pooling does not take"
            yield Finding(where, fact, "pad both sides alike")
        elif any(pads) and node.inputs[0] in graph.signed:
            fact = "it pads a signed tensor: with its lowest code, and FINN's padding unit with 0 alone"
            yield Finding(where, fact, "pool without padding, or behind an unsigned quantiser")
        elif settings.get("ceil_mode", 0) and _ragged(graph, node, kernel, strides, pads):
            fact = (
                "its ceil_mode adds a last window that is not whole: finn-plus maps it, but its window unit pads "
                "nothing there, and its hardware nodes fail when they are executed"
            )
            yield Finding(where, fact, "choose a size that the windows fill, or set ceil_mode = 0", taken=True)
        elif any(pads) or tuple(kernel) != tuple(strides):
            fact = f"its kernel is {kernel}, its stride {strides}, its padding {list(pads)}"
            change = "make kernel and stride equal, without padding, to spare a padding unit or a wider window buffer"
            yield Finding(where, fact, change, taken=True)


def _ragged(graph: Graph, node: GraphNode, kernel: Pair, strides: Pair, pads: tuple[int, ...]) -> bool:
    """Whether the windows do not end where the padded image does."""
    match graph.shapes.get(node.inputs[0]):
        case (_, _, int(height), int(width)) if len(pads) == 4 and min(strides) > 0:
            free = (height + pads[0] + pads[2] - kernel[0], width + pads[1] + pads[3] - kernel[1])
            return any(left % step for left, step in zip(free, strides, strict=True))
    return False


def truncated(graph: Graph, node: GraphNode) -> GraphNode | None:
    """The Trunc behind an AveragePool, or in its version 1 behind a Mul there: they become FINN's QuantAvgPool2d."""
    readers = graph.consumers(node.outputs[0])
    scaled = len(readers) == 1 and readers[0].kind == "Mul"
    if scaled:
        readers = graph.consumers(readers[0].outputs[0])
    if len(readers) == 1 and readers[0].kind == "Trunc" and scaled == (len(readers[0].inputs) != TRUNC_2):
        return readers[0]
    return None


def _windows(graph: Graph, node: GraphNode, trunc: GraphNode) -> Iterator[Finding]:
    """What ``infer_quant_avg_pool_2d.py`` asks of the three."""
    where, settings = str(node), node.settings
    kernel, strides = settings.get("kernel_shape", ()), settings.get("strides", ())
    if len(kernel) != 2 or len(strides) != 2 or len(set(kernel)) > 1 or len(set(strides)) > 1:
        fact = f"its kernel is {kernel} and its stride {strides}, and FINN averages squares alone"
        yield Finding(where, fact, "take a square kernel and one stride for both axes")
    elif len(settings.get("pads", ())) != 4 or any(settings["pads"]):
        yield Finding(where, "its padding is not written as zeros", "average without padding, pads = [0, 0, 0, 0]")
    elif len(trunc.inputs) == TRUNC_2:
        yield from _scales(graph, trunc)
    elif graph.scalar(graph.consumers(node.outputs[0])[0]) != kernel[0] ** 2:
        yield Finding(where, f"the Mul behind it is not by {kernel[0] ** 2}, its pixels", "export it by TruncAvgPool2d")
    if str(trunc.settings.get("rounding_mode", "FLOOR")).upper() != "FLOOR":
        yield Finding(str(trunc), "it does not round by FLOOR", "set rounding_mode=FLOOR and train again")


def _scales(graph: Graph, trunc: GraphNode) -> Iterator[Finding]:
    before, bits, after, left = (graph.truncation(trunc, index) for index in (1, 3, 4, 5))
    if not (before and bits and after and left and before > 0 and after > 0):
        yield Finding(str(trunc), "its scales or bits are not single numbers above 0", "export it by TruncAvgPool2d")
    elif log2(after / before) != bits - left:
        fact = f"its scales {before:g} and {after:g} are not {bits - left:g} bits apart, as its bits are"
        yield Finding(str(trunc), fact, "let it drop the bits that its scales say (TruncAvgPool2d of Brevitas)")


def averages(graph: Graph) -> Iterator[Finding]:
    for node in graph.of_kind(*AVERAGES):
        where = str(node)
        if node.kind == "AveragePool" and (trunc := truncated(graph, node)):
            yield from _windows(graph, node, trunc)
            continue
        if node.kind == "AveragePool":
            yield Finding(where, "an average over windows, with no Mul and Trunc behind it", _WINDOW)
            continue
        if node.kind == "ReduceMean":
            axes = _axes(graph, node)
            if {axis % 4 for axis in axes} != {2, 3}:
                change = "average over both axes of the image, and nothing else"
                yield Finding(where, f"a mean over the axes {axes}", change)
                continue
            flat = "" if node.settings.get("keepdims", 1) else " and a Flatten behind it"
            change = f"rewrite it as GlobalAveragePool{flat}, over both axes of the image {DONE}"
            yield Finding(where, "FINN breaks on a ReduceMean: its streamlining fails, or does not end", change)
        area = graph.area(node.inputs[0])
        if area is None:
            yield Finding(where, "the size of its input is not known", "fix the input's shape, and infer shapes")
        elif node.kind == "GlobalAveragePool" and area & (area - 1):
            fact = f"it averages {area} pixels: FINN sums them, and 1/{area} goes into thresholds or to the host"
            yield Finding(where, fact, "average a power of two, which is a shift", taken=True)


def _axes(graph: Graph, node: GraphNode) -> tuple[int, ...]:
    """An attribute before version 18 of ONNX' operators, an input since."""
    constant = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
    values = constant.values or () if constant else node.settings.get("axes", ())
    return tuple(int(axis) for axis in values if isfinite(axis))
