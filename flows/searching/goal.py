"""The goal of a search, from the values that a user gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.core.errors import UsageError
from flows.core.evidence import RESOURCES, Metric
from flows.values import count, several

WIDTHS, TRIALS, IMAGES = range(4, 9), 60, 2000
"""Bits that a tensor may have, designs to try and images to choose by, where nothing else is asked for."""


@dataclass(frozen=True)
class Goal:
    """What a search is to find: designs that lose at most the share `keep` of accuracy against the float network, and
    take as little as can be of `cost`, by default of the resource that binds the widest. `trials` designs are tried, of
    which each tensor has one of `widths`; at most `images` images choose."""

    keep: float
    widths: tuple[int, ...]
    cost: Metric | None
    trials: int
    images: int


def goal(
    keep_accuracy: Any = 0.5, bits: Any = WIDTHS, cost: str | None = None, trials: Any = TRIALS,
    images: Any = IMAGES,
) -> Goal:  # fmt: skip
    """The goal as a user gives it: `keep_accuracy` in points of 100, `bits` as numbers or as the text of a list or a
    range. Raises `UsageError`."""
    if isinstance(keep_accuracy, bool) or not isinstance(keep_accuracy, int | float) or not 0 <= keep_accuracy < 100:
        fact = f"{keep_accuracy!r} is no number of points"
        raise UsageError("--keep-accuracy", fact, "give 0 or more, below 100: 0.5 is half a point")
    if cost is not None and cost not in {metric.key for metric in RESOURCES}:
        raise UsageError(
            "--cost", f"{cost!r} is no resource", f"name one of {', '.join(resource.key for resource in RESOURCES)}"
        )
    metric = Metric[cost.upper()] if cost else None
    counts = count("--trials", trials), count("--images", images)
    return Goal(keep_accuracy / 100, _widths(bits), metric, *counts)


def _widths(bits: Any) -> tuple[int, ...]:
    if isinstance(bits, str):
        try:
            bits = several(_width, bits)
        except ValueError as reason:
            raise UsageError("--bits", str(reason), "give a list or a range: 4,6,8 or 4..8") from None
    if not isinstance(bits, list | tuple | range):
        raise UsageError("--bits", f"{bits!r} is no list", "give two or more numbers of bits")
    return tuple(sorted({count("--bits", width) for width in bits}))


def _width(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None
