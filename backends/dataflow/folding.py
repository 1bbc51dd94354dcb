"""The folding solver: how far each layer multiplexes its multipliers, exactly, under the budget of a part.

A layer has a few `Choice`s (a reuse factor, or PE and SIMD), each with the cycles that a frame keeps it busy and its
costs. The interval of a dataflow design is that of its busiest layer, and costs add up. So for an interval the layers
are independent but for the budget: sums of costs are built layer by layer, those that another sum undercuts everywhere
are dropped, and so are those that the cheapest choices of the layers still to come cannot bring within the budget.
Nothing that could be part of the answer is dropped, so the answer is exact.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

Cost = tuple[float, ...]
"""Amounts of some resources, in an order that the caller chooses."""

Within = Callable[[Cost], bool]
"""Whether a sum of costs is within the budget. What costs no more of anything is within it too."""

Weight = Callable[[Cost], Any]
"""What the lightest folding is the lightest by; it must not fall where a cost rises."""

BLOCK = 128
"""Sums that are compared with each other at once."""
PASSES = 2
"""How often each layer's choice is looked at for a first light folding."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to build a layer: `value` is what the caller knows it by."""

    value: int
    cycles: int
    cost: Cost


@dataclass(frozen=True, slots=True)
class Folding:
    """A choice for every layer, the cycles of the busiest, what all cost together, and the cycles that were allowed."""

    values: Mapping[str, int]
    cycles: int
    cost: Cost
    limit: float = inf


def fastest(layers: Mapping[str, Sequence[Choice]], within: Within, weight: Weight) -> Folding | None:
    """The folding of the fewest cycles that is within the budget; the lightest of them. None where there is none.

    >>> layers = {"a": [Choice(1, 10, (4,)), Choice(2, 20, (2,))], "b": [Choice(1, 16, (3,)), Choice(4, 64, (1,))]}
    >>> fastest(layers, lambda cost: cost[0] <= 6, sum)
    Folding(values={'a': 2, 'b': 1}, cycles=20, cost=(5,), limit=inf)
    """
    limits = intervals(layers)
    first = bisect_left(limits, True, key=lambda cycles: reaches(layers, within, cycles))
    return cheapest(layers, within, weight, limits[first]) if first < len(limits) else None


def intervals(layers: Mapping[str, Sequence[Choice]]) -> list[int]:
    """Every interval at which some layer gains a choice, ascending."""
    return sorted({choice.cycles for choices in layers.values() for choice in choices})


def reaches(layers: Mapping[str, Sequence[Choice]], within: Within, cycles: int) -> bool:
    """Whether a folding of at most `cycles` is within the budget; what holds for fewer cycles holds for more."""
    return next(_foldings(layers, within, cycles), None) is not None


def cheapest(layers: Mapping[str, Sequence[Choice]], within: Within, weight: Weight, cycles: float) -> Folding | None:
    """The lightest folding of at most `cycles` that is within the budget; None where there is none.

    A weight that some folding within the budget has is a bound: sums that the cheapest choices of the layers still to
    come bring above it are dropped, too.
    """
    bound = _light(layers, weight, cycles)
    if bound is None:
        return None
    most = weight(bound) if within(bound) else None
    may = within if most is None else lambda cost: within(cost) and weight(cost) <= most
    return min(_foldings(layers, may, cycles), key=lambda one: (weight(one.cost), one.cycles), default=None)


def _light(layers: Mapping[str, Sequence[Choice]], weight: Weight, cycles: float) -> Cost | None:
    """The cost of a light folding of at most `cycles`, which need not be the lightest; None where there is none.

    From the least of everything, each layer in turn takes the choice that is lightest beside the others' last ones.
    """
    options = [[choice.cost for choice in choices if choice.cycles <= cycles] for choices in layers.values()]
    if not all(options):
        return None
    taken = [_least(costs) for costs in options]
    for _ in range(PASSES):
        for place, costs in enumerate(options):
            others = [cost for index, cost in enumerate(taken) if index != place]
            taken[place] = min(costs, key=lambda cost: weight(_total(cost, *others)))
    return _total(*taken)


def _foldings(layers: Mapping[str, Sequence[Choice]], within: Within, cycles: float) -> Iterator[Folding]:
    """Every folding of at most `cycles` within the budget that no other undercuts in every cost."""
    options = [
        _undercutting((choice.cost, (choice,)) for choice in choices if choice.cycles <= cycles)
        for choices in layers.values()
    ]
    if not all(options):
        return
    least = [_least([cost for cost, _ in ways]) for ways in options]
    sums: list[_Sum] = [(tuple(0 for _ in least[0]), ())]
    for place, ways in enumerate(options):
        grown = ((_total(cost, more), (*made, *one)) for cost, made in sums for more, one in ways)
        sums = _undercutting(one for one in grown if within(_total(one[0], *least[place + 1 :])))
    for cost, made in sums:
        values = {name: choice.value for name, choice in zip(layers, made, strict=True)}
        yield Folding(values, max(choice.cycles for choice in made), cost)


_Sum = tuple[Cost, tuple[Choice, ...]]


def _least(costs: Iterable[Cost]) -> Cost:
    """The least of each amount."""
    return tuple(map(min, zip(*costs, strict=True)))


def _total(*costs: Cost) -> Cost:
    return tuple(map(sum, zip(*costs, strict=True)))


def _undercutting(sums: Iterable[_Sum]) -> list[_Sum]:
    """Those whose cost no other undercuts or equals in everything."""
    import numpy as np

    ordered = sorted(sums, key=itemgetter(0))  # so that none undercuts one before it
    if not ordered:
        return []
    costs = np.array([cost for cost, _ in ordered])
    kept: list[int] = []
    for first in range(0, len(costs), BLOCK):
        block = costs[first : first + BLOCK]
        undercut = _no_more(costs[kept], block).any(axis=1) | np.tril(_no_more(block, block), -1).any(axis=1)
        kept += (first + np.flatnonzero(~undercut)).tolist()
    return [ordered[place] for place in kept]


def _no_more(those: NDArray[Any], than: NDArray[Any]) -> NDArray[Any]:
    """For each row of `than`, a column for each of `those`: whether it costs no more of anything."""
    import numpy as np

    return np.all(those[None, :, :] <= than[:, None, :], axis=2)
