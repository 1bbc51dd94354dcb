"""The folds of a layer that are worth trying: a lane without weights must save another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from math import ceil, inf

from backends.dataflow.layers.nodes import DEPTHWISE, Node, part_width, parts_read, pixels, turns
from backends.dataflow.layers.words import least
from backends.dataflow.pe_simd import Fold

BUSIEST = 0.9
"""The share of the multipliers' cycles that the window stage may take, where some lanes have no weights. A busier
window stage makes the multipliers wait at the start of every row, and FIFOs that hold a row take more LUTs than are
saved."""


@lru_cache(maxsize=64)  # of one network they are the same on every part
def worthwhile(unit: Node, windows: tuple[Node, ...], folds: tuple[Fold, ...], sharing: int) -> tuple[Fold, ...]:
    """The folds that divide the layer of the stage `unit`, and of the others those faster than every fold of as few
    multipliers. A multiplier computes `sharing` results; `windows` is the window stage, where there is one."""

    @cache
    def of_windows(width: int) -> int:
        fold = Fold(width, 1) if unit.kind == DEPTHWISE else Fold(1, width)
        return max((least(node, fold) for node in windows), default=0)

    def cycles(fold: Fold) -> float:
        of_unit, windows = turns(unit, fold) * pixels(unit.shape), of_windows(part_width(unit.layer, fold))
        if divides(unit, fold):
            return max(of_unit, windows)
        return of_unit if windows <= BUSIEST * of_unit else inf

    ranked = sorted(
        (cycles(fold), ceil(fold.pe / sharing) * fold.simd, not divides(unit, fold), place)
        for place, fold in enumerate(folds)
    )
    return tuple(_fewer(folds, ranked))


def _fewer(folds: Sequence[Fold], ranked: Iterable[tuple[float, int, bool, int]]) -> Iterator[Fold]:
    """The folds that divide the layer, and those with fewer multipliers than every faster fold."""
    fewest = inf
    for needed, multipliers, is_filled, place in ranked:
        if not is_filled or (multipliers < fewest and needed < inf):
            yield folds[place]
        fewest = min(fewest, multipliers)


def divides(unit: Node, fold: Fold) -> bool:
    """Whether every lane has weights in every turn."""
    products, results = unit.size
    if unit.kind == DEPTHWISE:
        return results % fold.pe == 0
    return results % fold.pe == 0 and parts_read(unit, fold) * fold.simd == products
