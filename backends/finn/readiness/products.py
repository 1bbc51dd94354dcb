"""Conditions on convolutions and dense layers: what FINN reads of their attributes, and what stands behind them.

FINN lowers a convolution by qonnx' ``lower_convs_to_matmul.py``, which reads the attributes of a convolution over
images as they are written, with no regard to ONNX' defaults, and a Gemm by ``gemm_to_matmul.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from backends.finn.readiness.graph import PRODUCTS, Graph, GraphNode
from backends.finn.readiness.joins import in_float
from backends.finn.readiness.layers import AVERAGES, stops
from backends.finn.readiness.wording import DONE, size
from flows.core.readiness import Finding

DEFAULTS = {"group": "1", "pads": "[0, 0, 0, 0]", "strides": "[1, 1]"}
"""What ONNX lets a file leave out of a Conv and FINN does not, and the value that is meant."""


def convolutions(graph: Graph) -> Iterator[Finding]:
    for node in graph.of_kind("Conv"):
        if (rank := _rank(graph, node)) not in (None, 4):
            axes = "1 axis" if rank == 3 else f"{(rank or 2) - 2} axes"
            fact = f"it runs over {axes}, and FINN takes convolutions over images alone"
            change = "make it H x 1 (qonnx' Change3DTo4DTensors)" if rank == 3 else "make it a 2D convolution"
            yield Finding(str(node), fact, change)
            continue
        yield from _attributes(node)
        yield from _groups(graph, node)
        yield from _bipolar_borders(graph, node)


def _rank(graph: Graph, node: GraphNode) -> int | None:
    """Axes of the weights, as the convolution reads them, or of the input."""
    shape = graph.shapes.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if shape is None:
        shape = graph.shapes.get(node.inputs[0])
    return len(shape) if shape is not None else None


def _attributes(node: GraphNode) -> Iterator[Finding]:
    settings = node.settings
    automatic = settings.get("auto_pad", "NOTSET")
    if automatic not in ("NOTSET", "VALID") and not _every_pixel(node):
        fact = f"it pads by auto_pad={automatic}, which qonnx works out for stride 1 and dilation 1 alone"
        yield Finding(str(node), fact, "write the padding out as pads")
    for name, meant in DEFAULTS.items():
        if name not in settings and not (name == "pads" and automatic != "NOTSET"):
            fact = f"its attribute {name} is not written, and FINN does not know ONNX' default"
            yield Finding(str(node), fact, f"write {name} = {meant} {DONE}")
    if "kernel_shape" not in settings:
        fact = "its attribute kernel_shape is not written: finn-plus fills it in, AMD's FINN stops there"
        yield Finding(str(node), fact, f"write kernel_shape = the kernel's height and width {DONE}", taken=True)


def _every_pixel(node: GraphNode) -> bool:
    return all(step == 1 for name in ("strides", "dilations") for step in node.settings.get(name, ()))


def _groups(graph: Graph, node: GraphNode) -> Iterator[Finding]:
    groups, channels = node.settings.get("group", 1), graph.channels(node.inputs[0])
    constant = graph.constant(node.inputs[1]) if len(node.inputs) > 1 else None
    filters = constant.shape[0] if constant and constant.shape else None
    if groups == 1 or (groups == channels == filters):
        return
    if groups == channels and filters:
        fact = f"a depthwise convolution with {filters // groups} filters a channel"
        change = "give each channel one filter, and widen by a 1x1 convolution"
    else:
        fact = f"a convolution of {groups} groups, and FINN takes 1, or as many as channels"
        change = "take group=1, or a depthwise convolution and a 1x1 one"
    yield Finding(str(node), fact, change)


def _bipolar_borders(graph: Graph, node: GraphNode) -> Iterator[Finding]:
    quantiser = graph.quantisers.get(graph.behind_layout(node.inputs[0]))
    if quantiser and quantiser.node.kind == "BipolarQuant" and any(node.settings.get("pads", ())):
        fact = f"it pads with 0, and {quantiser.node} before it makes -1 and 1 alone"
        yield Finding(str(node), fact, "convolve without padding, or quantise to 2 bits, signed")


def dense(graph: Graph) -> Iterator[Finding]:
    for node in graph.of_kind("Gemm"):
        for name in ("alpha", "beta"):
            if (value := node.settings.get(name, 1.0)) != 1:
                fact = f"its {name} is {value:g}: qonnx makes a double of it, beside floats, and FINN cannot go on"
                yield Finding(str(node), fact, f"multiply it into the {'weights' if name == 'alpha' else 'bias'}")


def biases(graph: Graph) -> Iterator[Finding]:
    """What a convolution or dense layer leads to, its bias and ReLU included, before anything quantises it."""
    for node in graph.of_kind(*PRODUCTS):
        for reader in stops(graph, node):
            if reader.kind not in (*PRODUCTS, *AVERAGES, "Add", "Mul", "Concat", "MaxPool"):
                continue  # a float operator: reported there
            if reader.kind == "Add" and in_float(graph, reader):
                continue  # reported at the sum
            fact = f"{reader} reads its result, bias included, before anything quantises it"
            yield Finding(str(node), fact, "put a Quant behind its bias and activation")
        yield from _extracted(graph, node)


def _extracted(graph: Graph, node: GraphNode) -> Iterator[Finding]:
    """A quantised bias of a convolution: qonnx' ExtractBiasFromConv brings its scale to the shape of the channels."""
    quantiser = graph.quantisers.get(node.inputs[2]) if node.kind == "Conv" and len(node.inputs) > 2 else None
    if quantiser is None:
        return
    constants = dict(zip(("scale", "zero point"), map(graph.constants.get, quantiser.node.inputs[1:3]), strict=False))
    shapes = {role: constant.shape for role, constant in constants.items() if constant}
    channels = graph.shapes.get(node.inputs[2])
    wrong = [f"{role} of shape {size(its)}" for role, its in shapes.items() if its != (1,) and (prod(its),) != channels]
    if wrong:
        fact = f"this bias has a {' and a '.join(wrong)}, and FINN fails to take it out of {node}"
        yield Finding(str(quantiser.node), fact, "give them the shape (1,), or leave the bias in float")
