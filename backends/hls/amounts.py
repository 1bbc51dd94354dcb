"""How much of a resource a stage takes, with what is not known of it, and how such amounts add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

from flows.core.evidence import RESOURCES, Metric


@dataclass(frozen=True, slots=True)
class Amount:
    """`value` within 90 % (`low` to `high`), by the law `law`; amounts of one law err together."""

    value: float
    low: float
    high: float
    law: str
    source: str


Amounts = Mapping[Metric, tuple[Amount, ...]]
"""What a stage takes of each of `RESOURCES`; where nothing, the tuple is empty."""


def exact(value: float, law: str, source: str) -> Amount:
    """What follows from the generated code."""
    return Amount(value, value, value, law, source)


def within(value: float, factor: float, law: str, source: str) -> Amount:
    """`value`, or up to `factor` times more or less."""
    return Amount(value, value / factor, value * factor, law, source)


def summed(amounts: Iterable[Amount]) -> tuple[float, float, float]:
    """(value, low, high) of a sum: amounts of one law add up with their bounds, laws err independently.

    >>> summed([exact(5, "a", ""), within(4, 2, "b", "")]), summed([within(4, 2, "b", ""), within(4, 2, "b", "")])
    ((9.0, 7.0, 13.0), (8.0, 4.0, 16.0))
    """
    value = 0.0
    below: dict[str, float] = {}
    above: dict[str, float] = {}
    for one in amounts:
        value += one.value
        below[one.law] = below.get(one.law, 0.0) + one.value - one.low
        above[one.law] = above.get(one.law, 0.0) + one.high - one.value
    under, over = (sqrt(sum(spread**2 for spread in side.values())) for side in (below, above))
    return value, value - under, value + over


def above(amounts: Iterable[Amount]) -> dict[str, float]:
    """How far the upper bounds lie above the values, law by law."""
    found: dict[str, float] = {}
    for one in amounts:
        found[one.law] = found.get(one.law, 0.0) + one.high - one.value
    return found


def joined(*parts: Amounts) -> Amounts:
    """All amounts of several parts."""
    return {metric: tuple(one for part in parts for one in part.get(metric, ())) for metric in RESOURCES}
