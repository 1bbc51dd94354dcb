"""FINN's nodes as stages of the stream simulation: a token is a pixel with all its channels, or a whole window.

The cycles of a frame are those of `nodes`, and so FINN's own. Converters and FIFOs are no stages: words pass them at
the pace of their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from math import prod

from backends.dataflow.stages import Run, Stage, merged
from backends.finn.design.nodes import (
    GlobalSum,
    HardwareNode,
    MatrixVector,
    NodeFold,
    Padding,
    Pool,
    Thresholds,
    VectorVector,
    Window,
)

Folding = Mapping[str, NodeFold]
"""The fold of every node, by name."""

DELAYS = {Pool: 8, MatrixVector: 10, VectorVector: 10, Thresholds: 8}
"""Cycles from a token to its result. The matrix unit's is csynth's of the HLS unit (Vitis HLS 2022.2: 338,698 cycles
where FINN counts 338,688), the others' the depth of their pipelines (a stage and a half a bit of a result)."""
DELAY = 3


def stages(nodes: Iterable[HardwareNode], folding: Folding) -> tuple[Stage, ...]:
    """A stage for every node, in order."""
    return tuple(stage(node, folding[node.name]) for node in nodes)


@lru_cache(maxsize=512)
def stage(node: HardwareNode, fold: NodeFold) -> Stage:
    return Stage(node.name, node.sources, merged(_pattern(node, fold)), DELAYS.get(type(node), DELAY))


def _pattern(node: HardwareNode, fold: NodeFold) -> Iterator[Run]:
    """One frame; its cycles add up to those of the node."""
    tokens = prod(node.taken[:-1])
    match node:
        case Padding():
            yield from _padded(node, node.channels // fold.simd)
        case Window():
            yield from _windows(node, fold)
        case GlobalSum():
            folds = node.channels // fold.pe
            yield Run(tokens - 1, folds, puts=False)
            yield Run(1, 2 * folds)
        case MatrixVector() if tokens > node.pixels:  # a flattened image: its vector is read in the first round
            reading = node.taken[-1] // min(fold.simd, node.taken[-1])
            spared = min(node.cycles(fold), reading * (tokens - 1))
            yield Run(tokens - 1, spared // max(tokens - 1, 1), puts=False)
            yield Run(1, node.cycles(fold) - spared // max(tokens - 1, 1) * (tokens - 1))
        case _:
            yield Run(node.pixels, node.cycles(fold) // node.pixels)


def _padded(node: Padding, folds: int) -> Iterator[Run]:
    top, bottom, left, right = node.pads
    rows, columns, _ = node.taken
    yield Run(top * node.shape[1], folds, takes=False)
    for _ in range(rows):
        yield Run(left, folds, takes=False)
        yield Run(columns, folds)
        yield Run(right, folds, takes=False)
    yield Run(bottom * node.shape[1], folds, takes=False)


def _windows(node: Window, fold: NodeFold) -> Iterator[Run]:
    """Pixels are stored while windows are written; what is stored before the first window takes cycles of its own."""
    rows, columns, _ = node.taken
    high, wide = (
        range(size - 1, full, stride)
        for size, full, stride in zip(node.kernel, (rows, columns), node.strides, strict=True)
    )
    first = high[0] * columns + wide[0]
    folds = node.channels // fold.simd
    spent = 0
    last = node.shape[0] * node.shape[1]
    remaining = node.cycles(fold) - first * folds
    done = 0
    for place in range(rows * columns):
        row, column = divmod(place, columns)
        if place < first:
            yield Run(1, folds, puts=False)
        elif row in high and column in wide:
            done += 1
            until = remaining * done // last
            yield Run(1, until - spent)
            spent = until
        else:
            yield Run(1, 0, puts=False)
