"""Which PE and SIMD every layer gets: those that were asked for, and for the others what the folding solver finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import hypot, inf, lcm

from backends.fold import Choice, Cost, Folding, fastest, intervals
from backends.hls.amounts import Amounts, above, joined, summed
from backends.hls.design import Design
from backends.hls.estimate import costs, fifo_cost, node_cost, shell_cost
from backends.hls.fifos import Buffer
from backends.hls.folding_options import Fold
from backends.hls.lanes import Lanes
from backends.hls.nodes import MATRIX_VECTOR, Node, slides
from backends.hls.schedule import FOLDED
from backends.hls.words import least
from flows.core.evidence import RESOURCES, Metric
from flows.core.fit import MARGIN
from models.network import Conv2D

Ways = tuple[Sequence[int], Sequence[int]]
"""(every SIMD, every PE) that is legal: `Node.foldable`."""


def legal(ways: Ways) -> tuple[Fold, ...]:
    """
    >>> [str(fold) for fold in legal(((1, 3), (1, 2)))]
    ['1x1', '1x3', '2x1', '2x3']
    """
    return tuple(Fold(pe, simd) for pe in ways[1] for simd in ways[0])


def nearest(ways: Ways, wanted: Fold) -> Fold:
    """The legal fold nearest to `wanted`, PE and SIMD each; the smaller of two that are equally near.

    >>> str(nearest(((1, 3, 9, 27), (1, 2, 4, 7, 14, 28)), Fold(5, 8)))
    '4x9'
    """
    simds, pes = ways
    return Fold(_nearest(pes, wanted.pe), _nearest(simds, wanted.simd))


def _nearest(ways: Sequence[int], wanted: int) -> int:
    return min(ways, key=lambda one: (abs(one - wanted), one))


HARDLY = 1.1
"""How many times the cycles of the fastest folding one may take to be preferred since its upper bounds fit, too."""


@dataclass(frozen=True)
class Space:
    """The legal foldings of a design, and what the rest of it, with these `buffers`, takes of the part.

    A cost is what is taken of each of `RESOURCES`: the estimate, where `sure` its upper bound. Bounds of several laws
    do not add up: near the base they do, where what each law leaves unknown counts by its part in the base's bound.
    `asked` are the folds of layers that were given. `packed` asks what two 8-bit products in a DSP48E1 would change.
    """

    base: Design
    asked: Mapping[str, Fold]
    buffers: Sequence[Buffer]
    sure: bool = False
    packed: bool = False
    margin: float = MARGIN

    @cached_property
    def folds(self) -> Mapping[str, Sequence[Fold]]:
        """What a layer may have, by its name; a choice of the solver is a place in it."""
        return {
            node.name: [self.asked[node.name]] if node.name in self.asked else legal(node.foldable)
            for node in self.base.weighted
        }

    @cached_property
    def layers(self) -> Mapping[str, Sequence[Choice]]:
        """The choices of every layer with weights, its window and its memories included."""
        return {name: self._choices(name) for name in self.folds}

    @property
    def quickest(self) -> int:
        """The fewest cycles of any folding, whether it fits or not."""
        return max(min(one.cycles for one in choices) for choices in self.layers.values())

    def _choices(self, name: str) -> Sequence[Choice]:
        """Of the folds of equal cycles, which take equal multipliers, the one of the least share of the part."""
        members = [node for node in self.base.nodes if node.layer.name == name and node.kind in FOLDED]
        found: dict[int, Choice] = {}
        for place, fold in enumerate(self.folds[name]):
            amounts = joined(*(self._all_of(node, self._wide(node, fold)) for node in members))
            one = Choice(place, max(least(node, fold) for node in members), self._cost(amounts))
            other = found.setdefault(one.cycles, one)
            found[one.cycles] = min(other, one, key=lambda choice: self.share(choice.cost))
        return list(found.values())

    def _wide(self, node: Node, fold: Fold) -> Lanes:
        """With the words of the base, or words of as many results, where those are no multiple of them."""
        before = self.base.lanes[node.name]
        if node.kind == MATRIX_VECTOR:
            reads_parts = isinstance(node.layer, Conv2D) and slides(node.layer)
            return Lanes(fold, fold.simd if reads_parts else lcm(before.takes, fold.simd), lcm(before.puts, fold.pe))
        return Lanes(fold, before.takes, fold.simd)

    def _all_of(self, node: Node, wide: Lanes) -> Amounts:
        logic, memories = node_cost(node, self.base.quantised, wide, self.base.job.target.part.device, self.packed)
        return joined(logic, *memories.values())

    @cached_property
    def rest(self) -> Cost:
        """What does not fold, as a cost."""
        others = [node for node in self.base.nodes if node.kind not in FOLDED]
        fifos = (fifo_cost(buffer) for buffer in self.buffers)
        wide = self.base.lanes
        return self._cost(joined(*(self._all_of(node, wide[node.name]) for node in others), *fifos, shell_cost()))

    def named(self, found: Folding) -> Mapping[str, Fold]:
        return {name: self.folds[name][place] for name, place in found.values.items()}

    def usable(self, metric: Metric) -> float:
        """What the part has of it, less the margin."""
        return self.base.job.target.part.device.available(metric) * (1 - self.margin)

    def totals(self, cost: Cost) -> Mapping[Metric, float]:
        """What the whole design takes."""
        return {metric: one + rest for metric, one, rest in zip(RESOURCES, cost, self.rest, strict=True)}

    def share(self, cost: Cost) -> float:
        """The sum of the shares of the part: the lightest folding has the least."""
        device = self.base.job.target.part.device
        return sum(total / device.available(metric) for metric, total in self.totals(cost).items())

    def within(self, cost: Cost, but: frozenset[Metric] = frozenset()) -> bool:
        """Whether it leaves the margin free of all resources `but` these."""
        return self.exceeded(cost) <= but

    def exceeded(self, cost: Cost) -> frozenset[Metric]:
        """The resources of which it takes more than the part has less the margin."""
        return self.over(tuple(self.totals(cost).values()))

    def over(self, totals: Cost) -> frozenset[Metric]:
        return frozenset(metric for metric, one in zip(RESOURCES, totals, strict=True) if one > self.usable(metric))

    def _cost(self, amounts: Amounts) -> Cost:
        values = [sum(one.value for one in amounts[metric]) for metric in RESOURCES]
        if not self.sure:
            return tuple(values)
        spreads = [above(amounts[metric]) for metric in RESOURCES]
        return tuple(
            value + sum(parts.get(law, 1.0) * spread for law, spread in one.items())
            for value, one, parts in zip(values, spreads, self._parts, strict=True)
        )

    @cached_property
    def _parts(self) -> Sequence[Mapping[str, float]]:
        """For each resource, the part that each law has in the upper bound of the base: its spread over all of them."""
        nodes = (self._all_of(node, self.base.lanes[node.name]) for node in self.base.nodes)
        amounts = joined(*nodes, *(fifo_cost(buffer) for buffer in self.buffers))
        found = []
        for metric in RESOURCES:
            spreads = above(amounts[metric])
            found.append({law: spread / hypot(*spreads.values()) for law, spread in spreads.items() if spread})
        return found


@dataclass(frozen=True)
class Answer:
    """What the solver found, and why it is no better.

    `sure` says that upper bounds fit, too. `lacking` holds what no folding leaves enough of, with what this one
    takes; `stops` are the resources that a faster one has too little of. `bolder` is the fastest that less is asked of:
    that it fits by its estimates, or where this is all that was asked of the one taken, with no margin.
    """

    folding: Folding
    sure: bool
    lacking: Mapping[Metric, float]
    stops: tuple[Metric, ...]
    bolder: Folding | None = None


def solve(space: Space) -> Answer:
    """The fastest folding that fits by its estimates, or one that is sure to and hardly slower; else but for what is
    lacking."""
    sure = replace(space, sure=True)
    likely = fastest(space.layers, space.within, space.share)
    certain = fastest(sure.layers, sure.within, sure.share)
    if certain and (likely is None or certain.cycles <= HARDLY * likely.cycles):
        return Answer(certain, True, {}, _stops(sure, certain, frozenset()), likely)
    if likely:
        tight = replace(space, margin=0.0)
        bolder = fastest(tight.layers, tight.within, tight.share)
        return Answer(likely, False, {}, _stops(space, likely, frozenset()), bolder)
    fewest = [map(min, zip(*(one.cost for one in choices), strict=True)) for choices in space.layers.values()]
    but = space.exceeded(tuple(map(sum, zip(*fewest, strict=True))))
    found = fastest(space.layers, lambda cost: space.within(cost, but), space.share)
    if found is None:  # no folding takes the least of everything: give up what the lightest has too little of
        but |= space.exceeded(lightest(space, inf).cost)
        found = fastest(space.layers, lambda cost: space.within(cost, but), space.share)
        assert found, "the lightest is within the rest"
    totals = space.totals(found.cost)
    return Answer(
        found, False, {metric: totals[metric] for metric in RESOURCES if metric in but}, _stops(space, found, but)
    )


def as_built(space: Space, answer: Answer) -> Answer:
    """`answer` as it is judged by the estimate of the design that was made of it, which is the base of `space`."""
    amounts = joined(*(one for _, one in costs(space.base)))
    estimates, _, highs = zip(*(summed(amounts[metric]) for metric in RESOURCES), strict=True)
    sure = answer.sure and not space.over(highs)
    lacking = {} if sure else {metric: estimates[RESOURCES.index(metric)] for metric in space.over(estimates)}
    cost = tuple(one - rest for one, rest in zip(highs if sure else estimates, space.rest, strict=True))
    return replace(answer, folding=replace(answer.folding, cost=cost), sure=sure, lacking=lacking)


def reach(space: Space, cycles: float) -> Answer:
    """The folding of at most `cycles` that takes the least share of the part, whether it fits or not."""
    return Answer(lightest(space, cycles), False, {}, ())


def lightest(space: Space, cycles: float) -> Folding:
    """The folding of at most `cycles` of the least share of the part, whether it fits or not: layer by layer."""
    made = {
        name: min((one for one in choices if one.cycles <= cycles), key=lambda one: space.share(one.cost))
        for name, choices in space.layers.items()
    }
    cost = tuple(map(sum, zip(*(one.cost for one in made.values()), strict=True)))
    return Folding({name: one.value for name, one in made.items()}, max(one.cycles for one in made.values()), cost)


def _stops(space: Space, found: Folding, but: frozenset[Metric]) -> tuple[Metric, ...]:
    """The resources of which the lightest folding of the next shorter interval takes too much."""
    shorter = [cycles for cycles in intervals(space.layers) if space.quickest <= cycles < found.cycles]
    over = space.exceeded(lightest(space, shorter[-1]).cost) - but if shorter else frozenset()
    return tuple(metric for metric in RESOURCES if metric in over)
