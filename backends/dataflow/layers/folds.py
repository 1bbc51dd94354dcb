"""The folds of a layer that are worth trying: what a lane without weights takes must save another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from math import ceil, inf

from backends.dataflow.layers.nodes import DEPTHWISE, Node, part_width, parts_read, pixels, turns
from backends.dataflow.layers.words import least
from backends.dataflow.pe_simd import Fold

BUSIEST = 0.9
"""Of the cycles of multipliers with lanes to fill, those that their window stage may take: one that is busier makes
them wait at the start of every row, and the FIFOs that hold a row meanwhile take more LUTs than the lanes save."""


@lru_cache(maxsize=64)  # of one network they are the same on every part
def worthwhile(unit: Node, windows: tuple[Node, ...], folds: tuple[Fold, ...], sharing: int) -> tuple[Fold, ...]:
    """Those of `folds` that divide the layer of the stage `unit`, and of the others those that are faster than every
    fold of as few multipliers, each of `sharing` results; `windows` is its window stage, where it has one."""

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
    """Those that divide, and those of fewer multipliers than every faster one."""
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
