"""When each stage fires: the loops of the generated code, which do not depend on data.

A window takes a cycle for each pixel that it stores or pads, and hands out SIMD values a cycle. A matrix-vector stage
takes PE x SIMD products a cycle and keeps the values of a window until all results of the pixel are there. Every loop
is static, so its turns are exact. What an HLS compiler adds is known from one csynth report of such a stage
(a FINN matrix-vector unit, Vitis HLS 2022.2, xc7z010): 338,688 turns in a pipeline 7 deep, a new frame every 338,699
cycles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import ceil, log2

from backends.hls.folding_options import Fold
from backends.hls.nodes import MATRIX_VECTOR, RECEIVE, SEND, WINDOW, Node, tokens
from backends.stream import Run, Stage
from models.network import Conv2D, MaxPool2D

FOLDED = (MATRIX_VECTOR, WINDOW)
"""Stages that are folded with the weights of their layer."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Cycles beside the turns of the loops: `depth` of a pipeline, `restart` from one frame to the next."""

    depth: int
    restart: int


EXPECTED = Pace(depth=7, restart=11)
QUICKEST = Pace(depth=1, restart=0)
"""No design is quicker: nothing but the turns of the loops."""
SLOWEST = Pace(depth=21, restart=33)
"""Three times what the one known stage takes; no row says how far another may be from it."""


def stages(design: Sequence[Node], folds: Mapping[str, Fold], pace: Pace = EXPECTED) -> tuple[Stage, ...]:
    """The stream stages of `design`, each with its frame and its pipeline; `folds` of all layers with weights."""
    widths = lanes(design, folds)
    return tuple(Stage(node.name, node.sources, *timing(node, widths[node.name], pace)) for node in design)


def lanes(design: Sequence[Node], folds: Mapping[str, Fold]) -> Mapping[str, Fold]:
    """How every stage is folded; one without weights handles `pe` channels a cycle, a clone all, an AXI-Stream one.

    Those are as few as keep it no busier than the busiest layer with weights.
    """
    found = {node.name: folds[node.layer.name] for node in design if node.kind in FOLDED}
    slowest = max((busy(node, found[node.name]) for node in design if node.name in found), default=0)
    for node in design:
        if node.kind in (RECEIVE, SEND):
            found[node.name] = Fold(1, 1)
        elif node.kind not in FOLDED:
            ways = [Fold(pe, 1) for pe in divisors(node.shape[-1])]
            found[node.name] = next((way for way in ways if busy(node, way) <= slowest), ways[-1])
    return found


def divisors(number: int) -> tuple[int, ...]:
    return tuple(one for one in range(1, number + 1) if number % one == 0)


@lru_cache(maxsize=4096)
def timing(node: Node, fold: Fold, pace: Pace = EXPECTED) -> tuple[tuple[Run, ...], int]:
    """(one frame, the depth of the pipeline) of a stage; `fold` of a layer with weights."""
    restart = (pace.restart, False, False)
    frame = _merged([*_firings(node, fold), *[restart] * (pace.restart > 0)])
    adders = ceil(log2(fold.simd)) if node.kind == MATRIX_VECTOR else 0
    return frame, pace.depth + adders


def busy(node: Node, fold: Fold, pace: Pace = EXPECTED) -> int:
    """Cycles of one frame, were its tokens always there and its FIFOs never full."""
    return sum(run.count * run.cycles for run in timing(node, fold, pace)[0])


def turns(size: tuple[int, int], fold: Fold) -> int:
    """Cycles of a matrix-vector stage for one output pixel of `size` (products a result, results).

    >>> turns((252, 28), Fold(pe=4, simd=7))
    252
    """
    return (size[0] // fold.simd) * (size[1] // fold.pe)


_Firing = tuple[int, bool, bool]
"""(cycles, takes a token, puts one)."""


def _firings(node: Node, fold: Fold) -> Iterator[_Firing]:
    channels = node.shape[-1] // fold.pe
    match node.kind, node.layer:
        case "window", Conv2D() as layer:
            yield from _sliding(node, layer, node.size[0] // fold.simd)
        case "matrix_vector", Conv2D():
            yield from [(turns(node.size, fold), True, True)] * tokens(node.shape)
        case "matrix_vector", _:
            yield from [(1, True, False)] * (tokens(node.taken) - 1)
            yield turns(node.size, fold), True, True
        case "maxpool2d", MaxPool2D() as layer:
            yield from _sliding(node, layer, channels, channels)
        case "global_average_pool", _:
            yield from [(channels, True, False)] * (tokens(node.taken) - 1)
            yield channels, True, True
        case "clone", _:
            yield from [(1, True, True)] * tokens(node.taken)
        case _:
            yield from [(channels, True, True)] * tokens(node.taken)


def _sliding(node: Node, layer: Conv2D | MaxPool2D, complete_in: int, stored_in: int = 1) -> Iterator[_Firing]:
    """Over the padded image: cycles of a pixel that completes a window, and of one that is only stored."""
    top, bottom, left, right = layer.pads(node.taken)
    height, width = node.taken[0], node.taken[1]
    for row in range(-top, height + bottom):
        for column in range(-left, width + right):
            complete = all(
                place >= size - 1 and (place - size + 1) % stride == 0
                for place, size, stride in zip((row + top, column + left), layer.kernel, layer.strides, strict=True)
            )
            yield (complete_in if complete else stored_in), 0 <= row < height and 0 <= column < width, complete


def _merged(firings: Iterable[_Firing]) -> tuple[Run, ...]:
    return tuple(Run(len(list(group)), *firing) for firing, group in groupby(firings))
