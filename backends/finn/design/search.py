"""FINN's own folding search, ``SetFolding`` of finn-plus 1.6.1, for a number of cycles a frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil

from backends.dataflow.divisors import divisors
from backends.finn.design.nodes import HardwareNode, Join, MatrixVector, NodeFold, Pool, VectorVector, Window
from backends.finn.design.schedule import Folding

WIDEST_WEIGHTS = 36
"""Bits of the weights of one PE that the search does not pass (``mvau_wwidth_max``) unless the target is then met."""
WIDEST_STREAM = 8191
"""Bits of a weight stream of the HLS unit (``MAX_ALLOWED_AP_INT_W``)."""


def set_folding(nodes: Sequence[HardwareNode], target: float) -> Folding:
    """Each node as little parallel as `target` cycles allow; a second pass where one node cannot, at what it can."""
    folding = _pass(nodes, target)
    reached = slowest(nodes, folding)
    return _pass(nodes, reached) if reached > target else folding


def slowest(nodes: Iterable[HardwareNode], folding: Folding) -> int:
    """Cycles of the busiest node, FINN's estimate of the interval."""
    return max(node.cycles(folding[node.name]) for node in nodes)


def _pass(nodes: Sequence[HardwareNode], target: float) -> Folding:
    folding: dict[str, NodeFold] = {}
    for node in nodes:
        match node:
            case Pool() | VectorVector():
                folding |= _channels(node, nodes, target)
            case MatrixVector():
                folding[node.name] = _unit(node, target)
            case Window():
                folding[node.name] = _least(node, target, [fold for fold in node.folds if not fold.parallel])
                if node.cycles(folding[node.name]) > target and any(fold.parallel for fold in node.folds):
                    folding[node.name] = replace(folding[node.name], parallel=True)
            case Join():  # FINN asks for fewer cycles than the target, not as many
                folding[node.name] = _least(node, ceil(target) - 1, node.folds)
            case _:
                folding[node.name] = _least(node, target, node.folds)
    return folding


def _least(node: HardwareNode, target: float, folds: Sequence[NodeFold]) -> NodeFold:
    return next((fold for fold in folds if node.cycles(fold) <= target), folds[-1])


def _unit(node: MatrixVector, target: float) -> NodeFold:
    """SIMD first, while the weights of a PE stay narrow, then PE."""
    simd = 1
    for divisor in divisors(node.inputs):
        if node.cycles(NodeFold(1, divisor)) <= target:
            simd = divisor
            break
        if divisor * node.weight > WIDEST_WEIGHTS:
            break
        simd = divisor
    best = NodeFold(1, simd)
    for pe in divisors(node.channels):
        fold = NodeFold(pe, simd)
        if not node.rtl and pe * simd * node.weight > WIDEST_STREAM:
            break
        best = fold
        if node.cycles(fold) <= target:
            break
    return best


def _channels(node: Pool | VectorVector, nodes: Sequence[HardwareNode], target: float) -> Folding:
    """A pooling or a vector unit, and the window before it, fold alike."""
    window = next(source for source in nodes if source.name == node.sources[0])
    folds = divisors(node.channels)
    fits = [pe for pe in folds if node.cycles(NodeFold(pe=pe)) <= target and window.cycles(NodeFold(simd=pe)) <= target]
    pe = fits[0] if fits else folds[-1]
    return {node.name: NodeFold(pe=pe), window.name: NodeFold(simd=pe)}
