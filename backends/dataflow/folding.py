"""The folding solver: the exact optimum of how far each layer shares its multipliers, under the budget of a part.

A layer has a few choices (reuse factors, or PE and SIMD), each with its busy cycles a frame and its costs. The interval
of a dataflow design is that of its busiest layer, and costs add up. So at a given interval only the budget couples the
layers. Sums of costs are built layer by layer. A sum is dropped if another one is no larger in any resource, or if even
the cheapest choices of the remaining layers exceed the budget. Neither could be part of the answer, so the answer is
exact.

Costs are arrays with a row for each choice and a column for each resource.
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
"""Which rows of costs are within the budget. A row that is nowhere larger than one within it must be within it too."""

Weight = Callable[["Costs"], "NDArray[Any]"]
"""The keys by which the lightest folding is found: (n, keys), the first counts most. No key may fall where a cost
rises."""

BLOCK = 200
"""How many sums of costs are compared with the others at a time."""

PASSES = 2
"""How many times each layer's choice is revised for a first light folding."""


@dataclass(frozen=True, eq=False)
class Choices:
    """The ways to build a layer: `values` identify them to the caller, `cycles` are their cycles a frame, and `costs`
    has a row for each."""

    values: Sequence[int]
    cycles: NDArray[Any]
    costs: Costs

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, Cost]]) -> Choices:
        """From (value, cycles, cost) of each choice."""
        import numpy as np

        values, cycles, costs = zip(*rows, strict=True)
        return cls(values, np.array(cycles), np.array(costs))


@dataclass(frozen=True, slots=True)
class Folding:
    """A choice for every layer, the cycles of the busiest layer, the sum of costs, and the limit on the cycles."""

    values: Mapping[str, int]
    cycles: int
    cost: Cost
    limit: float = inf


def fastest(layers: Mapping[str, Choices], within: Within, weight: Weight) -> Folding | None:
    """The lightest of the foldings of the fewest cycles within the budget; None where nothing fits.

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
    """Whether a folding of at most `cycles` is within the budget. If so, it is for every larger number of cycles.

    In most cases the least of each amount, or a light folding, decides it without a search.
    """
    options = _options(layers, cycles)
    if not all(map(len, options)) or not within(_least(options))[0]:
        return False
    return bool(within(_light(options, weight))[0]) or len(_foldings(layers, within, cycles)[0]) > 0


def cheapest(layers: Mapping[str, Choices], within: Within, weight: Weight, cycles: float) -> Folding | None:
    """The lightest folding of at most `cycles` that is within the budget; None where there is none.

    The weight of any folding within the budget is an upper bound: sums are also dropped where even the cheapest choices
    of the remaining layers bring them above it.
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
    """The cost of a light folding, not necessarily the lightest, as a row.

    It starts from the least of each amount. Then each layer in turn takes the lightest choice, given the current
    choices of the others.
    """
    taken = [costs.min(0) for costs in options]
    for _ in range(PASSES):
        for place, costs in enumerate(options):
            others = (cost for index, cost in enumerate(taken) if index != place)
            taken[place] = costs[_order(weight(reduce(add, others, costs)))[0]]
    row: Costs = reduce(add, taken)[None]
    return row


def _foldings(layers: Mapping[str, Choices], within: Within, cycles: float) -> tuple[Costs, NDArray[Any]]:
    """Every Pareto-optimal folding of at most `cycles` within the budget: (the sums of costs, the places of the choices
    with a column for each layer). Every layer must have a choice of at most `cycles`."""
    import numpy as np

    options = []
    for choices in layers.values():
        allowed = np.flatnonzero(choices.cycles <= cycles)
        options.append(allowed[_lowest(choices.costs[allowed])])
    costs = [choices.costs[ways] for choices, ways in zip(layers.values(), options, strict=True)]
    least = [layer_costs.min(0) for layer_costs in costs]
    sums, places = np.zeros_like(costs[0][:1]), np.empty((1, 0), int)
    for place, (ways, layer_costs) in enumerate(zip(options, costs, strict=True)):
        grown = (sums[:, None] + layer_costs).reshape(-1, layer_costs.shape[1])
        places_left = np.flatnonzero(within(reduce(add, least[place + 1 :], grown)))
        places_left = places_left[_lowest(grown[places_left])]
        before, way = np.divmod(places_left, len(ways))
        sums, places = grown[places_left], np.column_stack((places[before], ways[way]))
    return sums, places


def _order(keys: NDArray[Any], *last: NDArray[Any]) -> NDArray[Any]:
    """The order of rows by their first number, then their second and so on, and finally by `last`."""
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
    """The places of the Pareto-optimal rows, in ascending order of costs; of equal rows the first.

    The rows of a block are compared with all that were kept before, then with each other.
    """
    import numpy as np

    order = _order(costs)
    amounts = costs[order].T[1:]  # the first amount ascends, so no earlier row has more of it
    pareto = np.empty(0, int)
    for start in range(0, len(costs), BLOCK):
        block = amounts[:, start : start + BLOCK]
        places = np.flatnonzero(~_no_more(amounts[:, pareto], block).any(0))
        block = block[:, places]
        undercut = np.triu(_no_more(block, block), 1).any(0)
        pareto = np.concatenate((pareto, start + places[~undercut]))
    lowest: NDArray[Any] = order[pareto]
    return lowest


def _no_more(some: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """Whether each of `some` takes no more of any amount than each of `others`: (some, others)."""
    import numpy as np

    are: NDArray[Any] = np.ones((some.shape[1], others.shape[1]), bool)
    for amount, other in zip(some, others, strict=True):
        are &= amount[:, None] <= other
    return are
