"""Conditions on what joins two streams: sums, products, concatenations."""

from __future__ import annotations

from collections.abc import Iterator

from backends.finn.readiness.graph import Graph, GraphNode
from backends.finn.readiness.layers import stops
from flows.core.readiness import Finding

BOTH = "put a Quant on both inputs"
TWO_READS = "it reads one tensor twice, on which FINN breaks"
TWICE = "let a constant factor say the same"


def sums(graph: Graph) -> Iterator[GraphNode]:
    """Additions of two computed tensors."""
    return (node for node in graph.of_kind("Add") if len(graph.computed(node)) == 2)


def in_float(graph: Graph, node: GraphNode) -> bool:
    """Whether FINN can add what is not of one scale in float units: a quantiser's thresholds take the sum in."""
    return node.outputs[0] not in graph.outputs and not stops(graph, node)


def additions(graph: Graph) -> Iterator[Finding]:
    for node in sums(graph):
        taken = in_float(graph, node)
        cost = ": FINN scales and adds in float units" if taken else ", and the scales strand there"
        if node.inputs[0] == node.inputs[1]:
            yield Finding(str(node), TWO_READS, TWICE)
        bare = [name for name in node.inputs if name not in graph.steps]
        for name in bare:
            fact = f"its input {name!r} is not quantised{cost}"
            yield Finding(str(node), fact, f"{BOTH}, of one scale", taken)
        steps = [graph.steps.get(name) for name in node.inputs]
        if not bare and None in steps:
            fact = f"an input has no scalar scale, or none that is known{cost}"
            yield Finding(str(node), fact, "quantise both inputs with one scale a tensor", taken)
        elif not bare and steps[0] != steps[1]:
            fact = f"its inputs have the scales {steps[0]!r} and {steps[1]!r}{cost}"
            yield Finding(str(node), fact, "let both quantisers share one scale, equal to the last bit", taken)


def products(graph: Graph) -> Iterator[GraphNode]:
    """Multiplications of two computed tensors."""
    return (node for node in graph.of_kind("Mul") if len(graph.computed(node)) == 2)


def multiplications(graph: Graph) -> Iterator[Finding]:
    """FINN has hardware for them (ElementwiseMul): scales move through, whatever they are."""
    for node in products(graph):
        if node.inputs[0] == node.inputs[1]:
            yield Finding(str(node), TWO_READS, "multiply two tensors")
        for name in node.inputs:
            if name not in graph.steps:
                yield Finding(str(node), f"its input {name!r} is not quantised", BOTH)
            elif graph.steps[name] is None:
                fact = f"its input {name!r} has no scalar scale, or none that is known"
                yield Finding(str(node), fact, "quantise both inputs with one scale a tensor")


def concats(graph: Graph) -> Iterator[GraphNode]:
    """Those of the image's tensors, not of constants or shapes."""
    aside = graph.fixed | graph.sizes
    return (node for node in graph.of_kind("Concat") if not aside.issuperset(node.outputs))


def concatenations(graph: Graph) -> Iterator[Finding]:
    for node in concats(graph):
        computed = graph.computed(node)
        if len(computed) < len(node.inputs):
            yield Finding(str(node), "it appends a constant", "append it elsewhere: FINN joins streams alone")
        shape = graph.shapes.get(node.inputs[0])
        axis = node.settings.get("axis", 1)
        if shape is not None and axis % max(len(shape), 1) != 1:
            fact = f"it joins along the axis {axis}, and FINN joins channels"
            yield Finding(str(node), fact, "concatenate channels (axis 1)")
        if len(set(node.inputs)) < len(node.inputs):
            yield Finding(str(node), TWO_READS, "join two tensors")
        if bare := [name for name in computed if name not in graph.steps]:
            yield Finding(str(node), f"its input {bare[0]!r} is not quantised", f"{BOTH}, of one scale")
        elif len({graph.steps[name] for name in computed}) > 1 or None in {graph.steps[name] for name in computed}:
            scales = ", ".join(repr(graph.steps[name]) for name in computed)
            change = "let the quantisers share one scale, equal to the last bit"
            yield Finding(str(node), f"its inputs have the scales {scales}", change)
