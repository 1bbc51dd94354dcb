"""Intervals from what models missed of projects that they were not fitted to (split conformal prediction).

A miss is the log ratio of what was measured to what was predicted, by models fitted without its project. The interval
of a kind reaches as far as `COVERAGE` of its misses; rows of one project resemble each other, so every project counts
alike, however many rows it has. Misses of few rows or projects say little: such a kind is given at least the interval
of all kinds together. Kinds are what errs alike, for one metric: a unit of hardware, or the totals of designs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TypeVar

COVERAGE = 0.9
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
    """How far `COVERAGE` of the misses reach, every project counting alike; 0 of none.

    As many more are taken in as one more row would ask for.

    >>> reach([Miss(ratio, "one") for ratio in (0.1, -0.2, 0.3)]), reach([])
    (0.3, 0.0)
    >>> reach([Miss(0.1, "large")] * 98 + [Miss(0.5, "small"), Miss(-0.4, "small")])
    0.5
    """
    rows_of = Counter(miss.project for miss in misses)
    share = COVERAGE * (len(misses) + 1) / max(len(misses), 1)
    taken = 0.0
    for miss in sorted(misses, key=lambda miss: abs(miss.ratio)):
        taken += 1 / (rows_of[miss.project] * len(rows_of))
        if taken >= share - 1e-9:
            return abs(miss.ratio)
    return max((abs(miss.ratio) for miss in misses), default=0.0)


def widths(misses: Mapping[Kind, Sequence[Miss]]) -> dict[Kind, Width]:
    """The interval of every kind of one metric."""
    together = reach([miss for own in misses.values() for miss in own])
    found = {}
    for kind, own in misses.items():
        projects = len({miss.project for miss in own})
        is_own = len(own) >= FEW_ROWS and projects >= FEW_PROJECTS
        width = reach(own) if is_own else max(reach(own), together)
        found[kind] = Width(width, len(own), projects, is_own)
    return found


def coverage(misses: Iterable[Miss], width: float) -> float:
    """The share of misses within `width`, every project counting alike."""
    rows = list(misses)
    rows_of = Counter(miss.project for miss in rows)
    return sum((abs(miss.ratio) <= width) / (rows_of[miss.project] * len(rows_of)) for miss in rows)
