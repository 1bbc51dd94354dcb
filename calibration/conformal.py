"""Prediction intervals from the errors of models on projects that they were not fitted to (split conformal).

A miss is the log ratio of what was measured to what was predicted, by models fitted without its project. The interval
of a kind reaches as far as its misses do; rows of one project resemble each other, so every project counts alike,
however many rows it has. Misses of few rows or projects say little: such a kind is given at least the interval of all
kinds together. Kinds are what errs alike, for one metric: a unit of hardware, or the totals of designs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import mean
from typing import TypeVar

TAKEN_IN = 0.95
"""Of the misses at hand, so that an interval holds nine of ten of a further project's: with six or seven projects at
hand, intervals that take in 90 % of their misses hold 82 to 85 % of those of one left out."""
FEW_ROWS, FEW_PROJECTS = 10, 3
"""Below either, a kind's own misses do not carry an interval."""

Kind = TypeVar("Kind", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Miss:
    """The log ratio of measured to predicted, and the project that it was held out with."""

    ratio: float
    project: str


@dataclass(frozen=True, slots=True)
class Width:
    """Half an interval, as a log ratio; `is_own` where the kind's own misses carry it."""

    value: float
    rows: int
    projects: int
    is_own: bool

    @property
    def factor(self) -> float:
        """How many times more or less than predicted."""
        return exp(self.value)


def missed(measured: float, predicted: float) -> float:
    """The log ratio; what is below one counts as one.

    >>> missed(20, 10) == -missed(10, 20), missed(0, 0)
    (True, 0.0)
    """
    return log(max(measured, 1) / max(predicted, 1))


def reach(misses: Sequence[Miss]) -> float:
    """How far `TAKEN_IN` of the misses reach, every project counting alike; 0 of none.

    >>> reach([Miss(ratio, "one") for ratio in (0.1, -0.2, 0.3)]), reach([])
    (0.3, 0.0)
    >>> reach([Miss(0.1, "large")] * 98 + [Miss(0.5, "small"), Miss(-0.4, "small")])
    0.5
    """
    rows_of = Counter(miss.project for miss in misses)
    taken = 0.0
    for miss in sorted(misses, key=lambda miss: abs(miss.ratio)):
        taken += 1 / (rows_of[miss.project] * len(rows_of))
        if taken >= TAKEN_IN - 1e-9:
            return abs(miss.ratio)
    return max((abs(miss.ratio) for miss in misses), default=0.0)


def widths(misses: Mapping[Kind, Sequence[Miss]]) -> dict[Kind, Width]:
    """The interval of every kind of one metric."""
    together = reach([miss for own in misses.values() for miss in own])
    by_kind = {}
    for kind, own in misses.items():
        projects = len({miss.project for miss in own})
        is_own = len(own) >= FEW_ROWS and projects >= FEW_PROJECTS
        width = reach(own) if is_own else max(reach(own), together)
        by_kind[kind] = Width(width, len(own), projects, is_own)
    return by_kind


STUDENT = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833)
"""Student's t that 90 % stay within on both sides, by degrees of freedom from one on."""


def of_few_projects(misses: Sequence[Miss]) -> float:
    """The 90 % bound on the miss of a further project, by Student's t over the mean square of each project's misses.

    No share of fewer than nine projects is 90 %, so none of their misses would do. Misses are taken
    about 0, not about a fitted mean. Student's t still has the degrees of freedom of a fitted mean: that margin covers
    models that were written with these projects in view. Raises ValueError of one project.

    >>> round(of_few_projects([Miss(0.1, "a"), Miss(-0.1, "b"), Miss(0.1, "c"), Miss(0.05, "c")]), 2)
    0.32
    """
    squares: dict[str, list[float]] = defaultdict(list)
    for miss in misses:
        squares[miss.project].append(miss.ratio**2)
    count = len(squares)
    if count < 2:
        raise ValueError("the misses of one project do not bound those of another")
    size = sqrt(sum(map(mean, squares.values())) / count)
    return STUDENT[min(count - 1, len(STUDENT)) - 1] * size * sqrt(1 + 1 / count)
