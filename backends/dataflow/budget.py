"""The input of the folding solver: what each layer takes at each fold, and what the rest of the design takes.

Resource models err independently, so the upper bound of a sum is not the sum of the upper bounds. Near a given design
it is such a sum to first order, if the spread of each model is weighted by its share in the bound of that design.
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
"""(by upper bounds, share of the margins that stays free) -> how much of each of `RESOURCES` a design may take.

The first argument is False for estimates and True for their upper bounds."""


@dataclass(frozen=True)
class Way:
    """One fold of a layer: the number by which the flow knows it, its cycles a frame, and the resources it takes."""

    value: int
    cycles: int
    amounts: Amounts

    @cached_property
    def sums(self) -> tuple[Taken, ...]:
        return sums(self.amounts)


@dataclass(frozen=True, slots=True)
class Taken:
    """The amount of one resource, and by model how far the upper bound lies above it."""

    value: float
    spreads: Mapping[str, float]


def sums(amounts: Amounts) -> tuple[Taken, ...]:
    """The sum of each of `RESOURCES`."""
    by_resource = [list(filter(None, amounts.get(metric, ()))) for metric in RESOURCES]
    return tuple(Taken(sum([amount.value for amount in those]), excess(those)) for those in by_resource)


def usable(target: Target, sure: bool, kept: float) -> Cost:
    """How much of each of `RESOURCES` a design may take so that `kept` of the margins stays free.

    It applies to models of what is built, by their estimates or, where `sure`, by their upper bounds.
    """
    return tuple(target.usable(metric, kept) for metric in RESOURCES)


def all_shares(shares: Costs) -> NDArray[Any]:
    """The weight that makes the folding lightest that takes least of all resources together."""
    total: NDArray[Any] = shares.cumsum(1)[:, -1:]
    return total


def logic_first(shares: Costs) -> NDArray[Any]:
    """The weight of `all_shares` with DSP slices at half their share: what is left of them serves nothing else, and
    LUTs are what placement and routing run short of."""
    return all_shares(shares) - sum(shares[:, [column]] / 2 for column in range(DSP, shares.shape[1], len(RESOURCES)))


def largest_share(shares: Costs) -> NDArray[Any]:
    """The weight that makes the folding lightest that leaves most of the scarcest resource."""
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

    `rest` gives what the solver does not fold, at an interval in cycles. Where `distinct`, only the way of the smallest
    share is kept among ways of equal cycles, and also one without DSP slices. `paces` are the intervals at which the
    rest changes.
    """
    part = usable(False, 0.0)
    parts = [_parts(whole, place) for place in range(len(RESOURCES))]

    @cache
    def layers() -> Mapping[str, Choices]:
        """The choices of each layer; a row of costs has the estimates first, then the upper bounds."""
        choices = {name: _choices(layer, parts) for name, layer in ways.items()}
        return choices

    @cache
    def costed(sure: bool) -> tuple[Mapping[str, Choices], Callable[[float], NDArray[Any]]]:
        """(the choices of each layer, what the rest takes at an interval)."""
        columns = slice(None) if sure else slice(len(RESOURCES))
        most = part * 2 if sure else part
        choices = {
            name: Choices(layer.values, layer.cycles, layer.costs[:, columns]) for name, layer in layers().items()
        }
        if distinct:
            choices = {name: _lightest(layer, weigh(layer.costs / most)[:, :1]) for name, layer in choices.items()}
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
    """What each row takes of each of `RESOURCES`, followed by the upper bounds."""
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
    """Among choices of equal cycles, the one of the smallest share, and also the smallest without DSP slices."""
    import numpy as np

    alike = np.column_stack((choices.cycles, choices.costs[:, DSP] > 0))
    _, first, groups = np.unique(alike, axis=0, return_index=True, return_inverse=True)
    order = np.lexsort((shares[:, 0], first[groups.ravel()]))  # groups as they come, the lightest of each first
    places = order[np.flatnonzero(np.diff(first[groups.ravel()][order], prepend=-1))]
    return Choices([choices.values[place] for place in places.tolist()], choices.cycles[places], choices.costs[places])


def _parts(whole: Amounts, place: int) -> Mapping[str, float]:
    """The share of each model in the upper bound: its spread over the spread of all models."""
    spreads = excess(whole.get(RESOURCES[place], ()))
    return {model: spread / hypot(*spreads.values()) for model, spread in spreads.items() if spread}
