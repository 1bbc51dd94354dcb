"""What the folding solver is told of a design: what each layer takes at each fold, and what all the rest does.

The upper bound of a sum of amounts is no sum of their upper bounds, since resource models err independently. Near a
design it is one, to first order, where what each model leaves unknown counts by its part in the bound of that design.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import hypot
from operator import add
from typing import Any

from backends.cost.amounts import Amounts, excess
from backends.dataflow.folding import Choice, Cost, intervals
from backends.dataflow.space import Budgets, Space
from flows.core.evidence import RESOURCES, Metric
from flows.core.part import Target

DSP = RESOURCES.index(Metric.DSP)

Usable = Callable[[bool, float], Cost]
"""How much of each of `RESOURCES` may be taken so that this share of the margins stays free, by estimates or, where
True, by their upper bounds."""


@dataclass(frozen=True)
class Way:
    """One fold of a layer: what the flow knows it by, the cycles that a frame takes it, and what it takes."""

    value: int
    cycles: int
    amounts: Amounts

    @cached_property
    def sums(self) -> tuple[Taken, ...]:
        return sums(self.amounts)


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken of one resource, and how far the upper bound of each model lies above it."""

    value: float
    spreads: Mapping[str, float]


def sums(amounts: Amounts) -> tuple[Taken, ...]:
    """Of each of `RESOURCES`."""
    every = [amounts.get(metric, ()) for metric in RESOURCES]
    return tuple(Taken(sum(amount.value for amount in those if amount), excess(those)) for those in every)


def usable(target: Target, sure: bool, kept: float) -> Cost:
    """How much a design may take of each of `RESOURCES`, by models of what is built, so that `kept` of the margins
    stays free; where `sure`, by upper bounds."""
    return tuple(target.usable(metric, kept) for metric in RESOURCES)


def largest_share(shares: Sequence[float]) -> tuple[float, float]:
    """The lightest folding leaves most of the resource that is scarcest."""
    return max(shares), sum(shares)


def budgets(
    ways: Mapping[str, Sequence[Way]],
    rest: Callable[[float], Amounts],
    whole: Amounts,
    usable: Usable,
    weigh: Callable[[Sequence[float]], Any] = sum,
    distinct: bool = False,
    paces: Sequence[int] = (),
) -> Budgets:
    """The budgets around a design that takes `whole`.

    `rest` is what the solver does not fold, at an interval of so many cycles. Where `distinct`, only the way of the
    smallest share is kept of those of equal cycles, and one without DSP slices beside it. `paces` are the intervals at
    which the rest changes.
    """
    part = usable(False, 0.0)

    def whole_part(sure: bool) -> Cost:
        return (*part, *part) if sure else part

    parts = [_parts(whole, place) for place in range(len(RESOURCES))]

    @cache
    def costed(sure: bool) -> tuple[Mapping[str, Sequence[Choice]], Callable[[float], Cost]]:
        """The choices, and what the rest takes at an interval."""

        def cost(those: Sequence[Taken]) -> Cost:
            values = tuple(each.value for each in those)
            return (*values, *map(_bound, those, parts)) if sure else values

        def share(choice: Choice) -> float:
            return sum(amount / most for amount, most in zip(choice.cost, whole_part(sure), strict=True))

        choices: dict[str, Sequence[Choice]] = {}
        for name, layer in ways.items():
            every = [Choice(way.value, way.cycles, cost(way.sums)) for way in layer]
            if distinct:
                lightest: dict[tuple[int, bool], Choice] = {}
                for choice in every:
                    alike = choice.cycles, choice.cost[DSP] > 0
                    lightest[alike] = min(lightest.get(alike, choice), choice, key=share)
                every = list(lightest.values())
            choices[name] = every

        @cache
        def fixed(cycles: float) -> Cost:
            return cost(sums(rest(cycles)))

        return choices, fixed

    def space(sure: bool, margin: float) -> Space:
        choices, fixed = costed(sure)

        def totals(of_layers: Cost, cycles: float) -> Cost:
            return tuple(map(add, of_layers, fixed(cycles)))

        quickest = max(min(choice.cycles for choice in layer) for layer in choices.values())
        changes = {*intervals(choices), *paces}
        quickest = max(quickest, paces[0]) if paces else quickest
        ascending = sorted(cycles for cycles in changes if cycles >= quickest)
        most = usable(False, margin)
        return Space(choices, ascending, totals, (*most, *usable(True, 0.0)) if sure else most, whole_part(sure), weigh)

    return cache(space)


def _bound(of_one: Taken, parts: Mapping[str, float]) -> float:
    return of_one.value + sum(parts.get(model, 1.0) * spread for model, spread in of_one.spreads.items())


def _parts(whole: Amounts, place: int) -> Mapping[str, float]:
    """The part that each model has in the upper bound: its spread over that of all."""
    spreads = excess(whole.get(RESOURCES[place], ()))
    return {model: spread / hypot(*spreads.values()) for model, spread in spreads.items() if spread}
