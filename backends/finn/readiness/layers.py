"""Conditions on layers: what stands behind a ReLU and a convolution, what a sum, a pooling and an average read."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, prod

from backends.finn.readiness.graph import ARITHMETIC, LAYOUT, PRODUCTS, Graph, GraphNode
from flows.core.readiness import Finding


def relus(graph: Graph) -> Iterator[Finding]:
    change = "let an unsigned Quant, not narrow, read it and nothing else (QuantReLU in Brevitas)"
    for node in graph.of_kind("Relu"):
        if node.outputs[0] in graph.outputs or not graph.consumers(node.outputs[0]):
            yield Finding(str(node), "its result leaves the graph in float", change)
        for reader in graph.consumers(node.outputs[0]):
            one = graph.quantiser(reader)
            if one is None:
                yield Finding(str(node), f"{reader} reads it, which is no quantiser", change)
            elif one.signed:
                yield Finding(str(node), f"its quantiser {reader} is signed", change)
            elif one.narrow:
                yield Finding(str(node), f"its quantiser {reader} is narrow", change)


def sums(graph: Graph) -> Iterator[GraphNode]:
    """Additions of two computed tensors."""
    return (node for node in graph.of_kind("Add") if len(graph.computed(node)) == 2)


def additions(graph: Graph) -> Iterator[Finding]:
    for node in sums(graph):
        bare = [name for name in node.inputs if name not in graph.steps]
        for name in bare:
            yield Finding(str(node), f"its input {name!r} is not quantised", "put a Quant on both inputs, of one scale")
        steps = [graph.steps.get(name) for name in node.inputs]
        if not bare and None in steps:
            fact = "an input has no scalar scale, or none that is known"
            yield Finding(str(node), fact, "quantise both inputs with one scale a tensor")
        elif not bare and steps[0] != steps[1]:
            fact = f"its inputs have the scales {steps[0]!r} and {steps[1]!r}"
            yield Finding(str(node), fact, "let both quantisers share one scale, equal to the last bit")


def poolings(graph: Graph) -> Iterator[Finding]:
    for node in graph.of_kind("MaxPool"):
        settings = node.settings
        if node.inputs[0] not in graph.steps:
            yield Finding(str(node), "its input is not quantised", "put a quantiser before it")
        pads, automatic = settings.get("pads", ()), settings.get("auto_pad", "NOTSET")
        if any(pads) or automatic not in ("NOTSET", "VALID"):
            yield Finding(str(node), f"it pads ({list(pads) if any(pads) else automatic})", "pool without padding")
        kernel = settings.get("kernel_shape", ())
        strides = settings.get("strides", (1,) * len(kernel))
        if not kernel or kernel != strides:
            yield Finding(str(node), f"its kernel is {kernel} and its stride {strides}", "make the two equal")
        if any(step != 1 for step in settings.get("dilations", ())) or settings.get("ceil_mode", 0):
            yield Finding(str(node), "it is dilated, or has ceil_mode", "pool without dilation and ceil_mode")


AVERAGES = ("GlobalAveragePool", "ReduceMean", "AveragePool")


def averages(graph: Graph) -> Iterator[Finding]:
    for node in graph.of_kind(*AVERAGES):
        area = graph.area(node.inputs[0])
        if node.kind == "AveragePool":
            yield Finding(str(node), "an average over windows", "take GlobalAveragePool over the whole image")
            continue
        if node.kind == "ReduceMean":
            axes = _axes(graph, node)
            if {axis % 4 for axis in axes} != {2, 3}:
                fact = f"a mean over the axes {axes}"
                yield Finding(str(node), fact, "average over both axes of the image, and nothing else")
                continue
            flat = "" if node.settings.get("keepdims", 1) else " and a Flatten behind it"
            change = f"rewrite it as GlobalAveragePool{flat}, over both axes of the image; a run of the file does so"
            yield Finding(str(node), "FINN knows no ReduceMean", change)
        if area is None:
            yield Finding(str(node), "the size of its input is not known", "fix the input's shape, and infer shapes")


def _axes(graph: Graph, node: GraphNode) -> tuple[int, ...]:
    """An attribute before version 18 of ONNX' operators, an input since."""
    given = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
    values = given.values or () if given else node.settings.get("axes", ())
    return tuple(int(axis) for axis in values if isfinite(axis))


def biases(graph: Graph) -> Iterator[Finding]:
    """What a convolution or dense layer leads to, its bias and ReLU included, before anything quantises it."""
    for node in graph.of_kind(*PRODUCTS):
        for reader in stops(graph, node):
            if reader.kind not in (*PRODUCTS, *AVERAGES, "Add", "MaxPool"):
                continue  # a float operator: told there
            fact = f"{reader} reads its result, bias included, before anything quantises it"
            yield Finding(str(node), fact, "put a Quant behind its bias and activation")
        yield from _extracted(graph, node)


def _extracted(graph: Graph, node: GraphNode) -> Iterator[Finding]:
    """A quantised bias of a convolution: qonnx' ExtractBiasFromConv brings its scale to the shape of the channels."""
    one = graph.quantisers.get(node.inputs[2]) if node.kind == "Conv" and len(node.inputs) > 2 else None
    if one is None:
        return
    given = dict(zip(("scale", "zero point"), map(graph.constants.get, one.node.inputs[1:3]), strict=False))
    shapes = {role: constant.shape for role, constant in given.items() if constant}
    channels = graph.shapes.get(node.inputs[2])
    wrong = [f"{role} of shape {its}" for role, its in shapes.items() if its != (1,) and (prod(its),) != channels]
    if wrong:
        fact = f"this bias has a {' and a '.join(wrong)}, and FINN fails to take it out of {node}"
        yield Finding(str(one.node), fact, "give them the shape (1,), or leave the bias in float")


def stops(graph: Graph, start: GraphNode) -> list[GraphNode]:
    """The first nodes behind `start` that are neither a quantiser nor what a quantiser's thresholds take in."""
    waiting, seen = list(start.outputs), set(start.outputs)
    found: dict[int, GraphNode] = {}
    while waiting:
        for node in graph.consumers(waiting.pop()):
            if graph.quantiser(node):
                continue
            if absorbed(graph, node):
                waiting += [name for name in node.outputs if name not in seen]
                seen.update(node.outputs)
            else:
                found[node.index] = node
    return list(found.values())


def absorbed(graph: Graph, node: GraphNode) -> bool:
    """Whether the thresholds of a quantiser behind it take it in: an affine function of one tensor, or a ReLU."""
    constant = node.kind in ARITHMETIC and len(graph.computed(node)) == 1
    return constant or node.kind in (*LAYOUT, "Relu", "BatchNormalization")
