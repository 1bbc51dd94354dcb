"""What stands behind a layer: its ReLU, and what the thresholds of a quantiser take in."""

from __future__ import annotations

from collections.abc import Iterator

from backends.finn.readiness.graph import ARITHMETIC, LAYOUT, Graph, GraphNode
from flows.core.readiness import Finding

AVERAGES = ("GlobalAveragePool", "ReduceMean", "AveragePool")


def relus(graph: Graph) -> Iterator[Finding]:
    change = "let an unsigned Quant, not narrow, read it and nothing else (QuantReLU in Brevitas)"
    for node in graph.of_kind("Relu"):
        if node.outputs[0] in graph.outputs or not graph.consumers(node.outputs[0]):
            yield Finding(str(node), "its result leaves the graph in float", change, taken=True)
        for reader in graph.consumers(node.outputs[0]):
            quantiser = graph.quantiser(reader)
            if quantiser is None:
                yield Finding(str(node), f"{reader} reads it, which is no quantiser", change)
            elif quantiser.signed:
                yield Finding(str(node), f"its quantiser {reader} is signed", change)
            elif quantiser.narrow:
                yield Finding(str(node), f"its quantiser {reader} is narrow", change)


def stops(graph: Graph, start: GraphNode) -> list[GraphNode]:
    """The first nodes behind `start` that are neither a quantiser nor what a quantiser's thresholds take in."""
    waiting, seen = list(start.outputs), set(start.outputs)
    by_index: dict[int, GraphNode] = {}
    while waiting:
        for node in graph.consumers(waiting.pop()):
            if graph.quantiser(node):
                continue
            if absorbed(graph, node):
                waiting += [name for name in node.outputs if name not in seen]
                seen.update(node.outputs)
            else:
                by_index[node.index] = node
    return list(by_index.values())


def absorbed(graph: Graph, node: GraphNode) -> bool:
    """Whether the thresholds of a quantiser behind it take it in: an affine function of one tensor, or a ReLU."""
    constant = node.kind in ARITHMETIC and len(graph.computed(node)) == 1
    return constant or node.kind in (*LAYOUT, "Relu", "BatchNormalization")
