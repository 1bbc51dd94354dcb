"""The folding solver: how far each layer multiplexes its multipliers, exactly, under the budget of a part.

A layer has a few choices (reuse factors, or PE and SIMD), each with the cycles that a frame keeps it busy and its
costs. The interval of a dataflow design is that of its busiest layer, and costs add up. So for an interval the layers
are independent but for the budget: sums of costs are built layer by layer, those that another sum undercuts everywhere
are dropped, and so are those that the cheapest choices of the layers still to come cannot bring within the budget.
Nothing that could be part of the answer is dropped, so the answer is exact.

Costs are rows of arrays, a column a resource.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import inf
from operator import add
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Costs = NDArray[Any]
    """Amounts of some resources, in an order that the caller chooses: (n, resources)."""

Cost = tuple[float, ...]
"""One row of them."""

Within = Callable[["Costs"], "NDArray[Any]"]
"""Which of some costs are within the budget. What costs no more of anything is within it too."""

Weight = Callable[["Costs"], "NDArray[Any]"]
"""What the lightest folding is the lightest by: (n, keys), of which the first counts most. None of them may fall where
a cost rises."""

BLOCK = 200
"""So many sums of costs are compared with the others at a time."""

PASSES = 2
"""How often each layer's choice is looked at for a first light folding."""


@dataclass(frozen=True, eq=False)
class Choices:
    """The ways to build a layer: `values` are what the caller knows them by, `cycles` those of a frame, and `costs`
    has a row for each."""

    values: Sequence[int]
    cycles: NDArray[Any]
    costs: Costs

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, Cost]]) -> Choices:
        """(value, cycles, cost) of each."""
        import numpy as np

        values, cycles, costs = zip(*rows, strict=True)
        return cls(values, np.array(cycles), np.array(costs))


@dataclass(frozen=True, slots=True)
class Folding:
    """A choice for every layer, the cycles of the busiest, what all cost together, and the cycles that were allowed."""

    values: Mapping[str, int]
    cycles: int
    cost: Cost
    limit: float = inf


def fastest(layers: Mapping[str, Choices], within: Within, weight: Weight) -> Folding | None:
    """The folding of the fewest cycles that is within the budget; the lightest of them. None where there is none.

    >>> layers = {"a": Choices.of([(1, 10, (4,)), (2, 20, (2,))]), "b": Choices.of([(1, 16, (3,)), (4, 64, (1,))])}
    >>> fastest(layers, lambda costs: costs[:, 0] <= 6, lambda costs: costs)
    Folding(values={'a': 2, 'b': 1}, cycles=20, cost=(5,), limit=inf)
    """
    limits = intervals(layers)
    first = bisect_left(limits, True, key=lambda cycles: reaches(layers, within, weight, cycles))
    return cheapest(layers, within, weight, limits[first]) if first < len(limits) else None


def intervals(layers: Mapping[str, Choices]) -> list[int]:
    """Every interval at which some layer gains a choice, ascending."""
    return sorted({cycles for choices in layers.values() for cycles in choices.cycles.tolist()})


def reaches(layers: Mapping[str, Choices], within: Within, weight: Weight, cycles: float) -> bool:
    """Whether a folding of at most `cycles` is within the budget; what holds for fewer cycles holds for more.

    The least of everything, or a light folding, mostly tells.
    """
    options = _options(layers, cycles)
    if not all(map(len, options)) or not within(_least(options))[0]:
        return False
    return bool(within(_light(options, weight))[0]) or len(_foldings(layers, within, cycles)[0]) > 0


def cheapest(layers: Mapping[str, Choices], within: Within, weight: Weight, cycles: float) -> Folding | None:
    """The lightest folding of at most `cycles` that is within the budget; None where there is none.

    A weight that some folding within the budget has is a bound: sums that the cheapest choices of the layers still to
    come bring above it are dropped, too.
    """
    import numpy as np

    options = _options(layers, cycles)
    if not all(map(len, options)):
        return None
    light = _light(options, weight)
    most = weight(light)[0] if within(light)[0] else None
    may = within if most is None else lambda costs: within(costs) & _at_most(weight(costs), most)
    sums, places = _foldings(layers, may, cycles)
    if not len(sums):
        return None
    cycles_of = [choices.cycles[column] for choices, column in zip(layers.values(), places.T, strict=True)]
    busiest = reduce(np.maximum, cycles_of)
    first = _order(weight(sums), busiest)[0]
    values = {name: layers[name].values[place] for name, place in zip(layers, places[first].tolist(), strict=True)}
    return Folding(values, int(busiest[first]), tuple(sums[first].tolist()))


def _options(layers: Mapping[str, Choices], cycles: float) -> list[Costs]:
    """The costs of each layer's choices of at most `cycles`."""
    return [choices.costs[choices.cycles <= cycles] for choices in layers.values()]


def _least(options: Sequence[Costs]) -> Costs:
    """The least of each amount, as a row."""
    row: Costs = reduce(add, (costs.min(0) for costs in options))[None]
    return row


def _light(options: Sequence[Costs], weight: Weight) -> Costs:
    """The cost of a light folding, which need not be the lightest, as a row.

    From the least of everything, each layer in turn takes the choice that is lightest beside the others' last ones.
    """
    taken = [costs.min(0) for costs in options]
    for _ in range(PASSES):
        for place, costs in enumerate(options):
            others = (cost for index, cost in enumerate(taken) if index != place)
            taken[place] = costs[_order(weight(reduce(add, others, costs)))[0]]
    row: Costs = reduce(add, taken)[None]
    return row


def _foldings(layers: Mapping[str, Choices], within: Within, cycles: float) -> tuple[Costs, NDArray[Any]]:
    """Every folding of at most `cycles` within the budget that no other undercuts in every cost: (the sums of costs,
    the places of the choices, a column a layer). Every layer has a choice of so few."""
    import numpy as np

    options = []
    for choices in layers.values():
        allowed = np.flatnonzero(choices.cycles <= cycles)
        options.append(allowed[_lowest(choices.costs[allowed])])
    costs = [choices.costs[ways] for choices, ways in zip(layers.values(), options, strict=True)]
    least = [more.min(0) for more in costs]
    sums, places = np.zeros_like(costs[0][:1]), np.empty((1, 0), int)
    for place, (ways, more) in enumerate(zip(options, costs, strict=True)):
        grown = (sums[:, None] + more).reshape(-1, more.shape[1])
        kept = np.flatnonzero(within(reduce(add, least[place + 1 :], grown)))
        kept = kept[_lowest(grown[kept])]
        before, way = np.divmod(kept, len(ways))
        sums, places = grown[kept], np.column_stack((places[before], ways[way]))
    return sums, places


def _order(keys: NDArray[Any], *last: NDArray[Any]) -> NDArray[Any]:
    """The order of rows, by their first number, then their second..., and by `last`."""
    import numpy as np

    return np.lexsort((*reversed(last), *keys.T[::-1]))


def _at_most(keys: NDArray[Any], most: NDArray[Any]) -> NDArray[Any]:
    """Which rows come no later than `most` in that order."""
    import numpy as np

    is_less: NDArray[Any] = np.ones(len(keys), bool)
    for column, limit in zip(keys.T[::-1], most[::-1], strict=True):
        is_less = (column < limit) | (column == limit) & is_less
    return is_less


def _lowest(costs: Costs) -> NDArray[Any]:
    """Where the rows stand that no other undercuts or equals in everything, ascending; of equal ones the first.

    Those of a block are compared with all that are kept before, then with each other.
    """
    import numpy as np

    order = _order(costs)
    amounts = costs[order].T[1:]  # the first one ascends, so that whatever stands before has no more of it
    kept = np.empty(0, int)
    for start in range(0, len(costs), BLOCK):
        places = np.arange(start, min(start + BLOCK, len(costs)))
        undercut = (amounts[:, kept, None] <= amounts[:, None, places]).all(0).any(0)
        places = places[~undercut]
        undercut = np.triu((amounts[:, places, None] <= amounts[:, None, places]).all(0), 1).any(0)
        kept = np.concatenate((kept, places[~undercut]))
    lowest: NDArray[Any] = order[kept]
    return lowest
