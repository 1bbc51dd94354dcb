"""From a job to its design: the reuse factors that were asked for, or those that the folding solver finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt

from backends.cost.shell import shell
from backends.cost.synthesis import countable
from backends.fold import Choice, Cost, Folding, cheapest, fastest, intervals
from backends.hls4ml.design import Design
from backends.hls4ml.estimate import block_cost, fifo_cost, multiply_accumulate
from backends.hls4ml.fifos import Buffer
from backends.hls4ml.laws import OVERSTATED, Amount, exact
from backends.hls4ml.reuse import legal, sizes
from backends.hls4ml.schedule import PACES, busy
from flows.core.evidence import RESOURCES, Metric
from flows.core.fit import MARGIN
from flows.core.part import Device

MORE = 1.1
"""Where no folding fits: how many times the least of what is lacking the one that is taken may take."""


def usable(metric: Metric, device: Device, sure: bool = False, margin: float = MARGIN) -> float:
    """What csynth may count of it, where `sure` by an upper bound, so that what is built leaves `margin` of `device`
    free."""
    return countable(metric, device.available(metric) * (1 - margin), OVERSTATED, sure)


@dataclass(frozen=True)
class Space:
    """The legal foldings of a design, and what the rest of it, with these `buffers`, takes of the part.

    A cost is, for each of `RESOURCES`, the estimate and how far its upper bound lies above it. Layers with weights err
    together; the rest of the design errs by itself. `asked` are the reuse factors of single layers that were given.
    """

    base: Design
    asked: Mapping[str, int]
    buffers: Sequence[Buffer]

    @cached_property
    def layers(self) -> dict[str, list[Choice]]:
        """Every legal reuse factor that a law speaks of; where there is none the lowest one, at no known cost."""
        quantised, tool = self.base.quantised, self.base.tool
        found = {}
        for block in self.base.blocks:
            if block.name not in self.base.reuse:
                continue
            size, flat = sizes(quantised.network)[block.name], block.name in self.base.unrolled
            factors = [self.asked[block.name]] if block.name in self.asked else legal(*size)
            cycles = {factor: busy(block, factor, PACES[tool], flat) for factor in factors}
            amounts = (multiply_accumulate(block, quantised, factor, tool, flat, self.base.haste) for factor in factors)
            costs = {factor: _cost(one) for factor, one in zip(factors, amounts, strict=True)}
            choices = [Choice(factor, cycles[factor], cost) for factor, cost in costs.items() if cost]
            unknown = Choice(factors[0], cycles[factors[0]], (0.0,) * (2 * len(RESOURCES)))
            found[block.name] = choices or [unknown]
        return found

    @cached_property
    def rest(self) -> tuple[Cost, Cost]:
        """(estimates, squared distances to their upper bounds) of what does not fold, by `RESOURCES`."""
        others = [block_cost(block, self.base) for block in self.base.blocks if block.name not in self.base.reuse]
        others += [fifo_cost(buffer, self.base.tool) for buffer in self.buffers]
        others.append({metric: exact(value, "shell", "") for metric, value in shell().items()})
        values, squares = [], []
        for metric in RESOURCES:
            known = [amount for block in others if (amount := block.get(metric))]
            spreads = dict.fromkeys((amount.law for amount in known), 0.0)
            for amount in known:
                spreads[amount.law] += amount.high - amount.value
            values.append(sum(amount.value for amount in known))
            squares.append(sum(spread**2 for spread in spreads.values()))
        return tuple(values), tuple(squares)

    def totals(self, cost: Cost) -> Cost:
        """The estimate of the whole design, by `RESOURCES`."""
        return tuple(value + rest for value, rest in zip(cost[::2], self.rest[0], strict=True))

    def share(self, cost: Cost) -> tuple[float, float]:
        """(the largest share of a resource of the part, the sum of shares): the lightest folding has the least."""
        device = self.base.job.target.part.device
        totals = zip(RESOURCES, self.totals(cost), strict=True)
        shares = [total / usable(metric, device, margin=0) for metric, total in totals]
        return max(shares), sum(shares)

    def within(self, cost: Cost, sure: bool, but: frozenset[Metric] = frozenset(), margin: float = MARGIN) -> bool:
        """Whether estimates, where `sure` their upper bounds, leave the margin free of all resources `but` these."""
        above = (sqrt(spread**2 + square) for spread, square in zip(cost[1::2], self.rest[1], strict=True))
        reached = (total + sure * spread for total, spread in zip(self.totals(cost), above, strict=True))
        device = self.base.job.target.part.device
        judged = ((metric, one) for metric, one in zip(RESOURCES, reached, strict=True) if metric not in but)
        return all(one <= usable(metric, device, sure, margin) for metric, one in judged)


def _cost(amounts: Mapping[Metric, Amount | None]) -> Cost | None:
    """None where an amount is not known."""
    known = [amount for metric in RESOURCES if (amount := amounts[metric])]
    if len(known) < len(RESOURCES):
        return None
    return tuple(number for amount in known for number in (amount.value, amount.high - amount.value))


@dataclass(frozen=True)
class Answer:
    """What the solver found, and why it is no better.

    `sure` says that upper bounds fit, too. `lacking` holds what no folding leaves enough of, with the least that one
    takes; `nearest` is the folding of the least share. `stops` are the resources that a faster one has too little of.
    """

    folding: Folding
    sure: bool
    lacking: Mapping[Metric, float]
    nearest: Folding
    stops: tuple[Metric, ...]
    bolder: Folding | None = None
    """The fastest that less is asked of: that it fits by its estimates, or where this is all that was asked of the one
    taken, with no margin."""


def solve(space: Space) -> Answer:
    """The fastest folding that is sure to fit; else one that fits by its estimates; else but for what is lacking."""
    nearest = _lightest(space, inf)
    likely = fastest(space.layers, lambda cost: space.within(cost, False), space.share)
    if certain := fastest(space.layers, lambda cost: space.within(cost, True), space.share):
        return Answer(certain, True, {}, nearest, _stops(space, certain, True, frozenset()), likely)
    if likely:
        tight = fastest(space.layers, lambda cost: space.within(cost, False, margin=0), space.share)
        return Answer(likely, False, {}, nearest, _stops(space, likely, False, frozenset()), tight)
    device = space.base.job.target.part.device
    least = zip(RESOURCES, space.totals(_least(space.layers)), strict=True)
    lacking = {metric: amount for metric, amount in least if amount > usable(metric, device)}
    but = frozenset(lacking)

    def close(cost: Cost) -> bool:
        taken = dict(zip(RESOURCES, space.totals(cost), strict=True))
        return space.within(cost, False, but) and all(taken[one] <= MORE * lacking[one] for one in lacking)

    found = fastest(space.layers, close, space.share) or nearest
    return Answer(found, False, lacking, nearest, _stops(space, found, False, but))


def reach(space: Space, cycles: float) -> Answer:
    """The folding of at most `cycles` that takes the least share of the part, whether it fits or not."""
    found = _lightest(space, cycles)
    return Answer(found, space.within(found.cost, True), {}, found, ())


def _lightest(space: Space, cycles: float) -> Folding:
    found = cheapest(space.layers, lambda cost: True, space.share, cycles)
    assert found, f"no folding of {cycles} cycles"
    return found


def _least(layers: Mapping[str, Sequence[Choice]]) -> Cost:
    """The least of each amount, each by a folding of its own."""
    fewest = [map(min, zip(*(choice.cost for choice in choices), strict=True)) for choices in layers.values()]
    return tuple(map(sum, zip(*fewest, strict=True)))


def _stops(space: Space, found: Folding, sure: bool, but: frozenset[Metric]) -> tuple[Metric, ...]:
    """The resources of which the lightest folding of the next shorter interval takes too much."""
    shorter = [cycles for cycles in intervals(space.layers) if cycles < found.cycles]
    faster = cheapest(space.layers, lambda cost: True, space.share, shorter[-1]) if shorter else None
    if faster is None:
        return ()
    others = frozenset(RESOURCES)
    return tuple(
        metric for metric in RESOURCES if metric not in but and not space.within(faster.cost, sure, others - {metric})
    )
