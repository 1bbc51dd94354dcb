"""Conditions on the quantisers of weights, as FINN folds them (``transformation/qonnx/fold_quant_weights.py``).

It executes the quantiser, divides by the scale and moves the scale behind the layer. So a scale may be the tensor's or
an output channel's; any rounding will do; and each layer needs a quantiser of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from backends.finn.readiness.graph import PRODUCTS, Constant, Graph, GraphNode, Quantiser
from backends.finn.readiness.wording import number, size
from flows.core.readiness import Finding

RTL_BITS = 8
"""Of weights that FINN's matrix unit in RTL takes on DSP48E1."""


def weight_quantisers(graph: Graph) -> Iterator[tuple[GraphNode, Quantiser | None]]:
    """Every convolution and dense layer with what quantises its weights; None where nothing does."""
    for node in graph.of_kind(*PRODUCTS):
        for name in node.inputs[:2]:
            if name in graph.fixed:
                yield node, graph.quantisers.get(graph.behind_layout(name))


def has_weights(graph: Graph) -> bool:
    return any(True for _ in weight_quantisers(graph))


def weights(graph: Graph) -> Iterator[Finding]:
    change = "quantise its weights by a Quant, zero point 0"
    for layer, quantiser in weight_quantisers(graph):
        if layer.inputs[0] in graph.fixed:
            fact = "its weights are its first input, and FINN has a unit for those in the second alone"
            yield Finding(str(layer), fact, "transpose both, and let the weights come second")
        if quantiser is None:
            yield Finding(str(layer), "its weights are not quantised", change)
            continue
        where = str(quantiser.node)
        if quantiser.bits is None or not 1 <= quantiser.bits <= 32:
            yield Finding(where, f"the weights of {layer} have {number(quantiser.bits)} bits", change)
        elif quantiser.bits > RTL_BITS:
            fact = f"the weights of {layer} have {number(quantiser.bits)} bits: FINN takes its matrix unit in HLS"
            yield Finding(where, fact, f"take at most {RTL_BITS} bits, for the one in RTL", taken=True)
        if quantiser.zero_point != 0:
            yield Finding(where, f"the weights of {layer} have zero point {number(quantiser.zero_point)}", change)
        if len(graph.consumers(quantiser.node.outputs[0])) > 1:
            yield Finding(where, "more than one node reads it", "give each layer a quantiser of its own")
        yield from _scale(graph, layer, quantiser)


def _scale(graph: Graph, layer: GraphNode, quantiser: Quantiser) -> Iterator[Finding]:
    where, scale = str(quantiser.node), quantiser.scale
    change = "take one scale a tensor, or one an output channel"
    if scale is None:
        yield Finding(where, f"the scale of the weights of {layer} is computed", "export constant scales (eval mode)")
        return
    if scale.values is not None and not all(isfinite(value) and value != 0 for value in scale.values):
        yield Finding(where, f"the weights of {layer} have a scale that is zero or no number", "train again")
    if _count(scale) > 1 and not _by_output(graph, layer, scale):
        unit = "an input channel or an element" if layer.kind == "Conv" else "an input or an element"
        fact = f"the weights of {layer} have a scale of shape {size(scale.shape)}, one {unit}"
        yield Finding(where, f"{fact}: FINN cannot move it behind the layer", change)


def _count(scale: Constant) -> int:
    count = 1
    for axis in scale.shape:
        count *= axis
    return count


def _by_output(graph: Graph, layer: GraphNode, scale: Constant) -> bool:
    """Whether the scale, aligned with the weights from the last axis on, differs along their output axis alone."""
    shape = _weight_shape(graph, layer)
    if shape is None or len(scale.shape) > len(shape):
        return False
    last = len(shape) - 1
    if layer.kind == "Conv" or layer.settings.get("transB", 0):
        output = 0
    else:
        output = last - 1 if _transposed(graph, layer) else last
    aligned = (1,) * (len(shape) - len(scale.shape)) + scale.shape
    return all(axis == 1 or place == output for place, axis in enumerate(aligned))


def _weight_shape(graph: Graph, layer: GraphNode) -> tuple[int, ...] | None:
    """Of the constant that is quantised."""
    constant = graph.constant(layer.inputs[1]) if len(layer.inputs) > 1 else None
    return constant.shape if constant else None


def _transposed(graph: Graph, layer: GraphNode) -> bool:
    """Whether a Transpose stands between the quantiser and the layer."""
    producer = graph.producers.get(layer.inputs[1])
    return producer is not None and producer.kind == "Transpose"


def narrow(graph: Graph) -> Iterator[Finding]:
    """FINN looks at the weights themselves; where none is the lowest code, its RTL unit stays."""
    for layer, quantiser in weight_quantisers(graph):
        if quantiser is None or quantiser.bits is None or not 1 <= quantiser.bits <= RTL_BITS:
            continue
        if not quantiser.signed:
            fact = f"the weights of {layer} are unsigned: FINN takes its matrix unit in HLS"
            yield Finding(str(quantiser.node), fact, "quantise them by a signed Quant, for the one in RTL", taken=True)
        elif not quantiser.narrow:
            lowest = f"{-(2 ** (quantiser.bits - 1)):g}"
            fact = f"the weights of {layer} may be {lowest}: if any is, FINN takes its matrix unit in HLS on DSP48E1"
            change = "set narrow=1 (narrow_range=True in Brevitas) and train again, for the one in RTL"
            yield Finding(str(quantiser.node), fact, change, taken=True)
