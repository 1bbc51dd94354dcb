"""What the folding solver is told of a design: what each layer takes at each fold, and what all the rest does.

The upper bound of a sum of amounts is no sum of their upper bounds, since resource models err independently. Near a
design it is one, to first order, where what each model leaves unknown counts by its part in the bound of that design.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import hypot
from typing import TYPE_CHECKING, Any

from backends.cost.amounts import Amounts, excess
from backends.dataflow.folding import Choices, Cost, Weight, intervals
from backends.dataflow.space import Budgets, Space
from flows.core.evidence import RESOURCES, Metric
from flows.core.part import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.dataflow.folding import Costs

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


def all_shares(shares: Costs) -> NDArray[Any]:
    """The lightest folding takes least of all resources together."""
    total: NDArray[Any] = shares.cumsum(1)[:, -1:]
    return total


def largest_share(shares: Costs) -> NDArray[Any]:
    """The lightest folding leaves most of the resource that is scarcest."""
    import numpy as np

    return np.column_stack((shares.max(1), all_shares(shares)))


def budgets(
    ways: Mapping[str, Sequence[Way]],
    rest: Callable[[float], Amounts],
    whole: Amounts,
    usable: Usable,
    weigh: Weight = all_shares,
    distinct: bool = False,
    paces: Sequence[int] = (),
) -> Budgets:
    """The budgets around a design that takes `whole`.

    `rest` is what the solver does not fold, at an interval of so many cycles. Where `distinct`, only the way of the
    smallest share is kept of those of equal cycles, and one without DSP slices beside it. `paces` are the intervals at
    which the rest changes.
    """
    part = usable(False, 0.0)
    parts = [_parts(whole, place) for place in range(len(RESOURCES))]

    @cache
    def layers() -> Mapping[str, Choices]:
        """Estimates and, behind them, the bounds."""
        choices = {name: _choices(layer, parts) for name, layer in ways.items()}
        return choices

    @cache
    def costed(sure: bool) -> tuple[Mapping[str, Choices], Callable[[float], NDArray[Any]]]:
        """The choices, and what the rest takes at an interval."""
        columns = slice(None) if sure else slice(len(RESOURCES))
        most = part * 2 if sure else part
        choices = {
            name: Choices(layer.values, layer.cycles, layer.costs[:, columns]) for name, layer in layers().items()
        }
        if distinct:
            choices = {name: _lightest(layer, all_shares(layer.costs / most)) for name, layer in choices.items()}
        return choices, cache(lambda cycles: _costs([sums(rest(cycles))], parts)[0, columns])

    def space(sure: bool, margin: float) -> Space:
        choices, fixed = costed(sure)
        quickest = max(int(layer.cycles.min()) for layer in choices.values())
        changes = {*intervals(choices), *paces}
        quickest = max(quickest, paces[0]) if paces else quickest
        ascending = sorted(cycles for cycles in changes if cycles >= quickest)
        most = usable(False, margin)
        return Space(
            choices, ascending, fixed, (*most, *usable(True, 0.0)) if sure else most, part * 2 if sure else part, weigh
        )

    return cache(space)


def _choices(ways: Sequence[Way], parts: Sequence[Mapping[str, float]]) -> Choices:
    import numpy as np

    cycles = np.array([way.cycles for way in ways])
    return Choices([way.value for way in ways], cycles, _costs([way.sums for way in ways], parts))


def _costs(rows: Sequence[Sequence[Taken]], parts: Sequence[Mapping[str, float]]) -> Costs:
    """What each row takes of each of `RESOURCES` and, behind that, the upper bounds."""
    import numpy as np

    taken = list(zip(*rows, strict=True))
    values = [np.array([each.value for each in column], float) for column in taken]
    bounds = []
    for value, column, part in zip(values, taken, parts, strict=True):
        models = dict.fromkeys(model for each in column for model in each.spreads)
        spread = np.zeros_like(value)
        for model in models:
            spread += part.get(model, 1.0) * np.array([each.spreads.get(model, 0.0) for each in column])
        bounds.append(value + spread)
    return np.column_stack((*values, *bounds))


def _lightest(choices: Choices, shares: NDArray[Any]) -> Choices:
    """Of those of equal cycles the one of the smallest share, and one without DSP slices beside it."""
    import numpy as np

    alike = np.column_stack((choices.cycles, choices.costs[:, DSP] > 0))
    _, first, groups = np.unique(alike, axis=0, return_index=True, return_inverse=True)
    order = np.lexsort((shares[:, 0], first[groups.ravel()]))  # groups as they come, the lightest of each first
    places = order[np.flatnonzero(np.diff(first[groups.ravel()][order], prepend=-1))]
    return Choices([choices.values[place] for place in places.tolist()], choices.cycles[places], choices.costs[places])


def _parts(whole: Amounts, place: int) -> Mapping[str, float]:
    """The part that each model has in the upper bound: its spread over that of all."""
    spreads = excess(whole.get(RESOURCES[place], ()))
    return {model: spread / hypot(*spreads.values()) for model, spread in spreads.items() if spread}
