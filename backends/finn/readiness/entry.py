"""The condition on the input: what quantises it, and how FINN builds that.

An unsigned 8-bit quantiser of one scale does nothing to pixels: they enter as bytes, and its scale moves on. For any
other FINN builds a Thresholding, which also takes in constant arithmetic before it (2x - 1, mean and deviation).
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.finn.readiness.graph import ARITHMETIC, LAYOUT, Graph, GraphNode, Quantiser
from backends.finn.readiness.wording import number
from flows.core.readiness import Finding

AFFINE = (*ARITHMETIC, "BatchNormalization")
BYTES = "8 bits, unsigned, one scale (1/255), zero point 0"
SPARE = f"quantise pixels by a Quant of {BYTES}, to spare that unit"


def entry(graph: Graph) -> Iterator[Finding]:
    if len(graph.inputs) != 1:
        yield Finding("the graph", f"it has {len(graph.inputs)} inputs", "give it one, the image")
        return
    (name,) = graph.inputs
    kind = graph.types.get(name, "of no known type")
    if kind != "FLOAT":
        yield Finding(f"input {name!r}", f"it is {kind}", "declare it as float32: a quantiser behind it makes it UINT8")
    for node, before in _readers(graph, name):
        quantiser = graph.quantiser(node)
        moved = [each for each in before if each.kind == "Transpose"]
        if moved:
            fact = f"it stands between the input {name!r} and {node}: FINN takes its thresholds for the other layout's"
            yield Finding(str(moved[0]), fact, "give the graph images as (N, C, H, W), or quantise before it")
        elif quantiser is not None:
            yield from _quantised(quantiser, before)
        elif before:
            message = f"{node} reads the input behind {before[-1]}, and nothing quantises it"
            yield Finding(str(before[-1]), message, f"put a Quant behind it ({BYTES})")
        else:
            fact = f"it reads the input {name!r}, which is not quantised: the host computes it in float"
            yield Finding(str(node), fact, f"quantise the input by a Quant ({BYTES})", taken=True)


def _quantised(quantiser: Quantiser, before: tuple[GraphNode, ...]) -> Iterator[Finding]:
    """What is refused of any activation's quantiser is reported in `quantisers.activations`."""
    wrong = [*_not_uint8(quantiser)]
    if before:
        wrong.append(f"stands behind {', '.join(map(str, before))}")
    if wrong:
        fact = f"the input's quantiser {' and '.join(wrong)}: FINN builds a Thresholding for it"
        yield Finding(str(quantiser.node), fact, SPARE, taken=True)


def _readers(graph: Graph, name: str) -> list[tuple[GraphNode, tuple[GraphNode, ...]]]:
    """What reads the input, with the constant arithmetic and transpositions before it."""
    waiting: list[tuple[str, tuple[GraphNode, ...]]] = [(name, ())]
    readers = []
    while waiting:
        tensor, before = waiting.pop()
        for node in graph.consumers(tensor):
            if node.kind in LAYOUT and node.kind != "Transpose":
                waiting.append((node.outputs[0], before))
            elif node.kind == "Transpose" or (node.kind in AFFINE and len(graph.computed(node)) == 1):
                waiting.append((node.outputs[0], (*before, node)))
            else:
                readers.append((node, before))
    return readers


def _not_uint8(quantiser: Quantiser) -> Iterator[str]:
    if quantiser.node.kind == "BipolarQuant":
        yield "is bipolar"
    elif quantiser.signed:
        yield "is signed"
    if quantiser.bits != 8 and quantiser.node.kind != "BipolarQuant":
        yield f"has {number(quantiser.bits)} bits"
    if quantiser.narrow and not quantiser.signed:
        yield "is narrow"
