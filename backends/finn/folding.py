"""The fastest folding that fits a part, and the lightest that reaches a rate.

Matrix units are chosen by the folding solver. All other nodes are as little parallel as the interval allows, which
costs the least of everything. FIFOs and converters depend on both their ends: the solver keeps the room that those of
another folding for the interval take, FINN's own to begin with, and what it finds must fit with its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from math import sqrt

from backends.cost.shell import shell
from backends.finn import laws
from backends.finn.fifos import Link
from backends.finn.formulas import Memory
from backends.finn.laws import Amount, Amounts
from backends.finn.nodes import MatrixVector, Node
from backends.finn.schedule import Folding
from backends.finn.search import set_folding, slowest
from backends.fold import Choice, Cost, Within, cheapest
from flows.core.evidence import RESOURCES
from flows.core.fit import MARGIN
from flows.core.part import Device

ROUNDS = 4
"""Times that a folding is sought for an interval, each with the room that the links of the last one take."""

Linked = Callable[[Folding], Sequence[Link]]
"""The FIFOs and converters of a folding."""


@dataclass(frozen=True)
class Space:
    """The legal foldings of `nodes` on a device, beside what these `links` take.

    A cost is, for each of `RESOURCES`, the estimate and how far its upper bound lies above it.
    """

    nodes: Sequence[Node]
    memory: Memory
    device: Device
    links: Sequence[Link]

    @property
    def units(self) -> Mapping[str, Sequence[Choice]]:
        """Every fold of every matrix unit; a choice's value is its place among the node's folds."""
        return {node.name: _choices(node, self.memory) for node in self.nodes if isinstance(node, MatrixVector)}

    @cached_property
    def intervals(self) -> list[int]:
        """Every interval at which some node gains a fold, ascending, none shorter than the nodes' shortest."""
        quickest = max(min(node.cycles(fold) for fold in node.folds) for node in self.nodes)
        found = {node.cycles(fold) for node in self.nodes for fold in node.folds}
        return sorted(cycles for cycles in found if cycles >= quickest)

    def others(self, cycles: float) -> Folding:
        """The folds of all but the matrix units for an interval."""
        slow = [node for node in self.nodes if not isinstance(node, MatrixVector)]
        return set_folding(slow, cycles)

    def rest(self, cycles: float) -> tuple[Cost, Cost]:
        """(estimates, squared distances to their upper bounds) of what the solver does not choose."""
        folding = self.others(cycles)
        parts = [laws.of_node(node, folding[node.name], self.memory) for node in self.nodes if node.name in folding]
        return _values(parts + self.fixed)

    @cached_property
    def fixed(self) -> list[Amounts]:
        """What links and shell take."""
        taken: Amounts = {metric: laws.exact(value, "shell") for metric, value in shell().items()}
        return [*(laws.of_link(link) for link in self.links), taken]

    def fits(self, rest: tuple[Cost, Cost], cost: Cost, sure: bool) -> bool:
        """Whether estimates, where `sure` their upper bounds, leave the margin free."""
        for metric, value, spread, more, square in zip(RESOURCES, cost[::2], cost[1::2], *rest, strict=True):
            reached = value + more + (sqrt(spread**2 + square) if sure else 0)
            if reached > self.device.available(metric) * (1 - MARGIN):
                return False
        return True

    def holds(self, folding: Folding, sure: bool) -> bool:
        """Whether this folding fits with these links."""
        parts = [laws.of_node(node, folding[node.name], self.memory) for node in self.nodes]
        return self.fits(_values(parts + self.fixed), (0.0,) * (2 * len(RESOURCES)), sure)

    def share(self, cost: Cost) -> tuple[float, float]:
        shares = [value / self.device.available(metric) for metric, value in zip(RESOURCES, cost[::2], strict=True)]
        return max(shares), sum(shares)


def quickest(space: Space, sure: bool, linked: Linked) -> Iterator[Folding]:
    """Foldings that fit with the links that `linked` gives them: the fastest first, then ever slower ones."""

    @cache
    def at(cycles: int) -> Folding | None:
        found = set_folding(space.nodes, cycles)
        for _ in range(ROUNDS):
            here = replace(space, links=linked(found))
            if slowest(space.nodes, found) <= cycles and here.holds(found, sure):
                return found
            better = _fitting(here, cycles, sure)
            if better is None:
                return None
            found = better
        return None

    first = bisect_left(space.intervals, True, key=lambda cycles: at(cycles) is not None)
    for place in range(first, len(space.intervals)):
        if found := at(space.intervals[place]):
            yield found


def _fitting(space: Space, cycles: int, sure: bool) -> Folding | None:
    rest = space.rest(cycles)
    return _chosen(space, cycles, lambda cost: space.fits(rest, cost, sure))


def lightest(space: Space, cycles: float) -> Folding | None:
    """The folding of at most `cycles` that takes the least share of the part; None where none is as fast."""
    return _chosen(space, cycles, lambda cost: True) if cycles >= space.intervals[0] else None


def _chosen(space: Space, cycles: float, within: Within) -> Folding | None:
    found = cheapest(space.units, within, space.share, cycles)
    if found is None:
        return None
    folds = {node.name: node.folds[found.values[node.name]] for node in space.nodes if node.name in found.values}
    return {node.name: {**folds, **space.others(cycles)}[node.name] for node in space.nodes}


@lru_cache(maxsize=256)
def _choices(node: MatrixVector, memory: Memory) -> tuple[Choice, ...]:
    return tuple(
        Choice(place, node.cycles(fold), _cost(laws.of_node(node, fold, memory)))
        for place, fold in enumerate(node.folds)
    )


def _cost(amounts: Amounts) -> Cost:
    """What is not known costs nothing here; the estimate says that it is a lower bound."""
    known = [amounts[metric] for metric in RESOURCES]
    return tuple(number for one in known for number in ((one.value, one.high - one.value) if one else (0.0, 0.0)))


def _values(parts: Iterable[Amounts]) -> tuple[Cost, Cost]:
    """Sums by `RESOURCES`: amounts of one law err together, laws independently."""
    parts = list(parts)
    values, squares = [], []
    for metric in RESOURCES:
        known: list[Amount] = [amount for part in parts if (amount := part.get(metric))]
        spreads: dict[str, float] = {}
        for amount in known:
            spreads[amount.law] = spreads.get(amount.law, 0.0) + amount.high - amount.value
        values.append(sum(amount.value for amount in known))
        squares.append(sum(spread**2 for spread in spreads.values()))
    return tuple(values), tuple(squares)
