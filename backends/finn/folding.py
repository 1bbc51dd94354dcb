"""The fastest folding that fits a part, and the lightest that reaches a rate.

Matrix units are chosen by the folding solver. All other nodes are as little parallel as the interval allows, which
costs the least of everything; FIFOs and converters are those of the folding found before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

from backends.cost.shell import shell
from backends.finn import laws
from backends.finn.fifos import Link
from backends.finn.formulas import Memory
from backends.finn.laws import Amount, Amounts
from backends.finn.nodes import MatrixVector, Node
from backends.finn.schedule import Folding
from backends.finn.search import set_folding
from backends.fold import Choice, Cost, Within, cheapest, reaches
from flows.core.evidence import RESOURCES
from flows.core.fit import MARGIN
from flows.core.part import Device


@dataclass(frozen=True)
class Space:
    """The legal foldings of `nodes` on a device, beside what these `links` take.

    A cost is, for each of `RESOURCES`, the estimate and how far its upper bound lies above it.
    """

    nodes: Sequence[Node]
    memory: Memory
    device: Device
    links: Sequence[Link]

    @cached_property
    def units(self) -> Mapping[str, Sequence[Choice]]:
        """Every fold of every matrix unit; a choice's value is its place among the node's folds."""
        return {
            node.name: [
                Choice(place, node.cycles(fold), _cost(laws.of_node(node, fold, self.memory)))
                for place, fold in enumerate(node.folds)
            ]
            for node in self.nodes
            if isinstance(node, MatrixVector)
        }

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
        parts += [laws.of_link(link) for link in self.links]
        parts.append({metric: laws.exact(value, "shell") for metric, value in shell().items()})
        return _values(parts)

    def fits(self, rest: tuple[Cost, Cost], cost: Cost, sure: bool) -> bool:
        """Whether estimates, where `sure` their upper bounds, leave the margin free."""
        for metric, value, spread, more, square in zip(RESOURCES, cost[::2], cost[1::2], *rest, strict=True):
            reached = value + more + (sqrt(spread**2 + square) if sure else 0)
            if reached > self.device.available(metric) * (1 - MARGIN):
                return False
        return True

    def share(self, cost: Cost) -> tuple[float, float]:
        shares = [value / self.device.available(metric) for metric, value in zip(RESOURCES, cost[::2], strict=True)]
        return max(shares), sum(shares)


def fastest(space: Space, sure: bool) -> Folding | None:
    """The folding of the shortest interval that fits, the lightest of these; None where none fits."""

    def possible(cycles: int) -> bool:
        rest = space.rest(cycles)
        return reaches(space.units, lambda cost: space.fits(rest, cost, sure), cycles)

    first = bisect_left(space.intervals, True, key=possible)
    if first == len(space.intervals):
        return None
    cycles = space.intervals[first]
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
