"""Amounts of resources with their uncertainty, and how they add up.

A resource model (a formula of an AMD data sheet, or one fitted to reports) gives an `Amount`. Errors of one model are
correlated: if one of its amounts is too low, the others are too. Errors of different models are independent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt

from flows.core.evidence import RESOURCES, SHELL, TOTAL, Metric, Reading, Tier


@dataclass(frozen=True, slots=True)
class Amount:
    """`value` of one resource, between `low` and `high` in 90 % of cases, by the resource model `model`."""

    value: float
    low: float
    high: float
    model: str
    source: str


NO_SHELL = "no shell"
Amounts = Mapping[Metric, tuple[Amount | None, ...]]
"""What a part of a design takes, by resource. None stands for an unknown amount, for which there is no model."""


def exact(value: float, model: str, source: str, low: float | None = None) -> Amount:
    """An amount that follows from the generated code or the data sheet; `low` is given where the tool may need less."""
    return Amount(value, value if low is None else low, value, model, source)


def within(value: float, factor: float, model: str, source: str) -> Amount:
    """`value`, or up to `factor` times more or less."""
    return Amount(value, value / factor, value * factor, model, source)


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of amounts with its 90 % interval; `at_least` where one of the amounts is unknown."""

    value: float
    low: float
    high: float
    at_least: bool = False


def summed(amounts: Iterable[Amount | None]) -> Total:
    """Bounds of one model add up; those of several models combine as independent errors.

    >>> summed([exact(5, "a", ""), within(4, 2, "b", "")]), summed([within(4, 2, "b", ""), within(4, 2, "b", ""), None])
    (Total(value=9.0, low=7.0, high=13.0, at_least=False), Total(value=8.0, low=4.0, high=16.0, at_least=True))
    """
    value, is_lower_bound = 0.0, False
    below: dict[str, float] = {}
    above: dict[str, float] = {}
    for amount in amounts:
        if amount is None:
            is_lower_bound = True
            continue
        value += amount.value
        below[amount.model] = below.get(amount.model, 0.0) + amount.value - amount.low
        above[amount.model] = above.get(amount.model, 0.0) + amount.high - amount.value
    under, over = (sqrt(sum(spread**2 for spread in side.values())) for side in (below, above))
    return Total(value, value - under, value + over, is_lower_bound)


def totals(amounts: Amounts, sure: bool) -> tuple[float, ...]:
    """The sum for each of `RESOURCES`: of the values or, where `sure`, its upper bound."""
    sums = [summed(amounts[metric]) for metric in RESOURCES]
    return tuple(total.high if sure else total.value for total in sums)


def excess(amounts: Iterable[Amount | None]) -> dict[str, float]:
    """How far the upper bounds lie above the values, by model."""
    above: dict[str, float] = {}
    for amount in amounts:
        if amount:
            above[amount.model] = above.get(amount.model, 0.0) + amount.high - amount.value
    return above


def joined(*parts: Amounts) -> Amounts:
    """The amounts of several parts together."""
    return {metric: tuple([each for part in parts for each in part.get(metric, ())]) for metric in RESOURCES}


def scaled(amounts: Amounts, factor: float) -> Amounts:
    """`factor` times as much; a negative factor makes what is taken away from a sum."""
    return {metric: tuple(each and _scaled(each, factor) for each in those) for metric, those in amounts.items()}


def by_model(amounts: Amounts) -> Amounts:
    """One amount of each model for each resource, with the source of its first; the sums are the same.

    >>> by_model({Metric.DSP: (exact(1, "a", "x"), exact(2, "b", "y"), exact(3, "a", "z"))})[Metric.DSP][0]
    Amount(value=4, low=4, high=4, model='a', source='x')
    """
    return {metric: tuple(_added(those)) for metric, those in amounts.items()}


def _added(amounts: Iterable[Amount | None]) -> Iterator[Amount | None]:
    groups: dict[str, list[Amount]] = {}
    for amount in amounts:
        if amount is None:
            yield None
        else:
            groups.setdefault(amount.model, []).append(amount)
    for group in groups.values():
        ends = zip(*((each.value, each.low, each.high) for each in group), strict=True)
        value, low, high = map(sum, ends)
        yield replace(group[0], value=value, low=low, high=high)


def _scaled(amount: Amount, factor: float) -> Amount:
    value, low, high = (factor * end for end in (amount.value, amount.low, amount.high))
    return replace(amount, value=value, low=low, high=high)


def readings(parts: Iterable[tuple[str, Amounts]], on: str, predicts: Tier, what: str) -> dict[str, list[Reading]]:
    """The resources of a design by scope, the whole of it first, under `TOTAL`.

    `parts` are (scope, amounts) of every part of the design and its shell; parts of one scope are added up. `predicts`
    is the stage whose count the models predict, `what` names the parts in the source of the total. A resource of which
    nothing is known has no reading.
    """
    scopes: dict[str, list[Amounts]] = {}
    for scope, amounts in parts:
        scopes.setdefault(scope, []).append(amounts)
    whole = joined(*(amounts for group in scopes.values() for amounts in group))
    by_scope = {TOTAL: _of_scope(TOTAL, whole, on, predicts, what)}
    for scope, group in scopes.items():
        by_scope[scope] = _of_scope(scope, joined(*group), on, Tier.ROUTED if scope == SHELL else predicts, what)
    return by_scope


def _of_scope(scope: str, amounts: Amounts, on: str, predicts: Tier, what: str) -> list[Reading]:
    of_scope = []
    for metric in RESOURCES:
        known = [amount for amount in amounts[metric] if amount]
        if amounts[metric] and not known:
            continue
        total = summed(amounts[metric])
        counting = [amount for amount in known if amount.high] or known[:1]
        source = "; ".join(dict.fromkeys(amount.source for amount in counting)) or "the generated code has none"
        if scope == TOTAL:
            models = ", ".join(sorted({amount.model for amount in counting} - {SHELL}))
            shells = dict.fromkeys(amount.source.partition(":")[0] for amount in known if amount.model == SHELL)
            charged = " and ".join(shells) or NO_SHELL
            source = f"sum of {what} by the resource models {models}, and {charged}"
        value, low, high = (float(round(end)) for end in (total.value, total.low, total.high))
        of_scope.append(
            Reading(
                metric,
                value,
                Tier.MODELLED,
                on,
                source,
                scope,
                predicts,
                low,
                high,
                total.at_least,
            )
        )
    return of_scope
