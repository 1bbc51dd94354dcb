"""The folding of a design: the fastest that fits its part, or the cheapest that reaches a rate.

A flow gives its `Space`: the choices of every layer, what the whole design takes with them, and how much of the part is
usable. The solver (`backends.dataflow.folding`) is exact. But a folding also determines FIFOs and stream widths, which
count in the budget and are known only afterwards. So the solver runs again with the amounts of the resulting design,
until the design keeps what the solver promised.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from operator import add
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from backends.dataflow.fifos import SLACK
from backends.dataflow.folding import Choices, Cost, Folding, Weight, Within, cheapest, reaches
from flows.core.evidence import RESOURCES, Metric
from flows.core.margins import KEPT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.dataflow.folding import Costs

ROUNDS = 6
"""How many times at most a folding is solved, each time around the design of the folding before."""
MORE = 1.1
"""Where no folding fits, the chosen one may take this many times the least possible of a lacking resource."""
WORTHWHILE = 0.95
"""A faster design is reported only if it takes at most this share of the cycles."""


@dataclass(frozen=True)
class Space:
    """The legal foldings of a design under one budget.

    `choices` are the choices of every layer that the solver folds. `intervals` are the cycles a frame at which
    something changes, ascending; the first is the shortest of any folding. `rest` gives what the design takes of each
    of `RESOURCES` beside its layers at an interval, `usable` how much of each the whole design may take. `weigh` turns
    shares of `part` into the keys by which the lightest folding is found.
    """

    choices: Mapping[str, Choices]
    intervals: Sequence[int]
    rest: Callable[[float], NDArray[Any]]
    usable: Cost
    part: Cost
    weigh: Weight

    @property
    def quickest(self) -> int:
        """The shortest interval of any folding, whether it fits or not."""
        return self.intervals[0]

    def totals(self, cost: Cost, cycles: float) -> Cost:
        """What the whole design takes at an interval of `cycles`, where its layers take `cost`."""
        return tuple((self.rest(cycles) + cost).tolist())

    def least(self) -> Cost:
        """The least of each amount, which different foldings may reach."""
        return self.totals(sum(choices.costs.min(0) for choices in self.choices.values()), inf)

    def exceeded(self, folding: Folding) -> frozenset[Metric]:
        """The resources of which a folding takes more than is usable."""
        return over(self.totals(folding.cost, folding.limit), self.usable)

    def lightest(self, cycles: float = inf) -> Folding:
        """The folding of the least weight of at most `cycles` a frame, whether it fits or not."""
        folding = self._cheapest(cycles, [inf] * len(self.usable))
        assert folding, f"no folding takes {cycles} cycles or fewer"
        return folding

    def cheapest_fitting(self, cycles: float) -> Folding:
        """The lightest folding of at most `cycles` a frame that takes no more than is usable; else the lightest."""
        return self._cheapest(cycles, self.usable) or self.lightest(cycles)

    def fastest(self, most: Cost = ()) -> Folding | None:
        """The lightest folding of the shortest interval at which the design takes at most `most`, by default what is
        usable; None where there is none."""
        most = most or self.usable

        def reached(cycles: int) -> bool:
            return reaches(self.choices, *self._limits(cycles, most), cycles)

        first = bisect_left(self.intervals, True, key=reached)
        return self._cheapest(self.intervals[first], most) if first < len(self.intervals) else None

    def _cheapest(self, cycles: float, most: Sequence[float]) -> Folding | None:
        folding = cheapest(self.choices, *self._limits(cycles, most), cycles)
        return folding and replace(folding, limit=cycles)

    def _limits(self, cycles: float, most: Sequence[float]) -> tuple[Within, Weight]:
        """(whether the whole design takes at most `most`, its weight), as functions of the costs of layers."""
        rest = self.rest(cycles)

        def within(costs: Costs) -> NDArray[Any]:
            fits: NDArray[Any] = (costs + rest <= most).all(1)
            return fits

        return within, lambda costs: self.weigh((costs + rest) / self.part)


def over(totals: Cost, usable: Cost) -> frozenset[Metric]:
    """The resources whose `totals` exceed what is usable; totals are estimates, optionally followed by upper bounds."""
    metrics = RESOURCES * (len(totals) // len(RESOURCES))
    return frozenset(metric for metric, taken, most in zip(metrics, totals, usable, strict=True) if taken > most)


Budgets = Callable[[bool, float], Space]
"""(by upper bounds too, margin) -> the space in which estimates leave this margin of the part free.

Where the first argument is True, upper bounds are also within the part, and a cost is the estimates followed by the
bounds."""


@dataclass(frozen=True)
class Answer:
    """The folding that was chosen, and why none is faster.

    `sure` says that upper bounds are within the part, too. Where no folding leaves the margins free, `lacking` holds
    the resources of which too little is left, with the amount taken, and `nearest` is the lightest folding. `stops` are
    the resources of which a faster folding takes too much.
    """

    folding: Folding
    sure: bool = False
    lacking: Mapping[Metric, float] = field(default_factory=dict)
    stops: tuple[Metric, ...] = ()
    nearest: Folding | None = None


def solve(budgets: Budgets, patience: float = inf) -> Answer:
    """The best folding, in this order of preference:

    1. the fastest whose estimates leave the margin free and whose upper bounds are within the part;
    2. the fastest whose estimates leave the margin free;
    3. the fastest whose estimates fit with no margin;
    4. the fastest that takes at most `MORE` times the least of each lacking resource.

    The second is preferred to the first where the first takes more than `patience` times its cycles.
    """
    likely, sure = budgets(False, KEPT), budgets(True, KEPT)
    by_estimate, by_bounds = likely.fastest(), sure.fastest()
    if by_bounds and (by_estimate is None or by_bounds.cycles <= patience * by_estimate.cycles):
        return Answer(by_bounds, True, {}, _stops(sure, by_bounds))
    if by_estimate:
        return Answer(by_estimate, False, {}, _stops(likely, by_estimate))
    nearest, tight = likely.lightest(), budgets(False, 0.0).fastest()
    # if the least of each resource fits by itself, or no folding comes near it, the lightest says what is lacking
    for least in (likely.least(), likely.totals(nearest.cost, nearest.limit)):
        exceeded = over(least, likely.usable)
        folding = tight or likely.fastest(_close(least, likely.usable))
        if exceeded and folding:
            lacking = {metric: taken for metric, taken in zip(RESOURCES, least, strict=True) if metric in exceeded}
            return Answer(folding, False, lacking, _stops(likely, folding, exceeded), nearest)
    raise AssertionError("the lightest folding is as near to itself as can be")


def _close(least: Cost, usable: Cost) -> Cost:
    """What is usable of each resource, or `MORE` times the least where that is lacking."""
    return tuple(most if floor <= most else MORE * floor for floor, most in zip(least, usable, strict=True))


def _stops(space: Space, folding: Folding, except_for: frozenset[Metric] = frozenset()) -> tuple[Metric, ...]:
    """The resources of which the lightest folding of the next shorter interval takes too much."""
    shorter = [cycles for cycles in space.intervals if cycles < folding.cycles]
    exceeded = space.exceeded(space.lightest(shorter[-1])) - except_for if shorter else frozenset()
    return tuple(metric for metric in RESOURCES if metric in exceeded)


def _tightened(budgets: Budgets, less: Cost) -> Budgets:
    """`budgets` with so much less that is usable."""

    def tightened(sure: bool, margin: float) -> Space:
        space = budgets(sure, margin)
        return replace(space, usable=tuple(most - each for most, each in zip(space.usable, less, strict=False)))

    return tightened if any(less) else budgets


def _same(answer: Answer, other: Answer) -> bool:
    return answer.folding.values == other.folding.values


def _rank(solved: Solved[Any]) -> tuple[int, bool, int]:
    """First the fewest lacking resources, then those sure to fit, then the fastest."""
    assert solved.answer, "the solver was asked"
    return len(solved.answer.lacking), not solved.answer.sure, solved.design.interval


class Paced(Protocol):
    """A design of which the stream simulation is known."""

    @property
    def interval(self) -> int:
        """Cycles between frames, with the FIFOs of this design."""
        ...


DesignType = TypeVar("DesignType", bound=Paced)


@dataclass(frozen=True)
class Solved(Generic[DesignType]):
    """A design and the answer of the solver, which is None where the user gave every fold."""

    design: DesignType
    answer: Answer | None
    bolder: DesignType | None = None
    """The fastest design whose estimates fit with no margin, where it is faster."""


@dataclass(frozen=True)
class Problem(Generic[DesignType]):
    """The folding problem of one job.

    `around` gives the budgets in which everything that is not folded takes as much as in a given design. `build` makes
    the design of a folding. `taken` says what a design takes of each of `RESOURCES`: by its estimates or, where True,
    by its upper bounds.
    """

    start: DesignType
    around: Callable[[DesignType], Budgets]
    build: Callable[[Folding], DesignType]
    taken: Callable[[DesignType, bool], Cost]

    @cached_property
    def first(self) -> Space:
        """The space around the design that the search starts from, by estimates."""
        return self._budgets(self.start)(False, KEPT)

    @cached_property
    def _at_first(self) -> Budgets:
        return self.around(self.start)

    def _budgets(self, design: DesignType) -> Budgets:
        """The budgets around `design`; those around the start are cached."""
        return self._at_first if design is self.start else self.around(design)

    @cached_property
    def fewest(self) -> int:
        """The fewest cycles between frames of any folding, whether it fits or not."""
        return self.build(self.first.lightest(self.first.quickest)).interval

    def fitted(self, patience: float = inf) -> Solved[DesignType]:
        """The fastest design that fits, and the bolder one; `patience` as in `solve`."""
        return self.with_bolder(self.chosen(patience))

    def with_bolder(self, solved: Solved[DesignType]) -> Solved[DesignType]:
        return replace(solved, bolder=self._faster(solved.design.interval))

    def _faster(self, cycles: int) -> DesignType | None:
        """The fastest design that is `WORTHWHILE` and whose estimates, FIFOs included, fit with no margin."""
        design, fits = self.start, list[DesignType]()
        seen: list[Mapping[str, int]] = []
        for _ in range(ROUNDS):
            space = self._budgets(design)(False, 0.0)
            folding = space.fastest()
            if folding is None or folding.cycles > WORTHWHILE * cycles or folding.values in seen:
                break
            seen.append(folding.values)
            design = self.build(folding)
            if design.interval <= WORTHWHILE * cycles and not over(self.taken(design, False), space.usable):
                fits.append(design)
                if len(seen) == 1:
                    break
        return min(fits, key=lambda each: each.interval, default=None)

    def chosen(self, patience: float = inf) -> Solved[DesignType]:
        """The fastest design that fits; `patience` as in `solve`."""
        return min(self._rounds(patience), key=_rank)

    def quicker(self, most: float, patience: float = inf) -> Solved[DesignType] | None:
        """The fastest design that fits, where it takes at most `most` cycles."""
        rounds = self._rounds(patience, most)
        fitting = [each for each in rounds if each.answer and not each.answer.lacking and each.design.interval <= most]
        return min(fitting, key=_rank, default=None)

    def _rounds(self, patience: float, most: float = inf) -> list[Solved[DesignType]]:
        """Solves around the start, then around each design that results, until one is as promised or takes more than
        `most` cycles. Where a folding is promised again, what it took beyond the promise is no longer usable."""
        rounds: list[Solved[DesignType]] = []
        design, less = self.start, (0.0,) * 2 * len(RESOURCES)
        for place in range(ROUNDS):
            budgets = self._budgets(design)
            promised = solve(_tightened(budgets, less), patience)
            if promised.folding.cycles > most:
                break
            again = [each.design for each in rounds if each.answer and _same(each.answer, promised)]
            if again:
                missed = self._missed(promised, again[0], budgets)
                if not any(missed):
                    break
                less = tuple(map(add, less, missed))
                continue
            design = self.build(promised.folding)
            corrected = self._as_built(promised, design, budgets)
            rounds.append(Solved(design, corrected))
            is_kept = corrected.sure == promised.sure and corrected.lacking.keys() == promised.lacking.keys()
            if is_kept and place == 0:  # no budget is larger than the first
                break
        return rounds

    def _missed(self, promised: Answer, design: DesignType, budgets: Budgets) -> Cost:
        """How much more of each resource a design takes than was promised of it, by estimates and by upper bounds."""
        totals = budgets(promised.sure, KEPT).totals(promised.folding.cost, promised.folding.limit)
        built = (*self.taken(design, False), *self.taken(design, True))
        missed = tuple(max(taken - total, 0.0) for taken, total in zip(built, totals, strict=False))
        return missed + (0.0,) * (len(built) - len(missed))

    def _as_built(self, promised: Answer, design: DesignType, budgets: Budgets) -> Answer:
        """`promised`, corrected by what the design built from it takes."""
        estimates = self.taken(design, False)
        if promised.sure and not over((*estimates, *self.taken(design, True)), budgets(True, KEPT).usable):
            return promised
        exceeded = over(estimates, budgets(False, KEPT).usable)
        lacking = {metric: value for metric, value in zip(RESOURCES, estimates, strict=True) if metric in exceeded}
        return replace(promised, sure=False, lacking=lacking)

    def reaching(self, limit: float) -> Solved[DesignType]:
        """The cheapest design of at most `limit` cycles between frames, whether it fits or not.

        Where stalls make a design slower than its busiest layer, a shorter interval is requested.
        """
        cycles = max(limit, self.first.quickest)
        folding = self.first.cheapest_fitting(cycles)
        design = self.build(folding)
        while design.interval > limit and cycles > self.first.quickest:
            cycles = max(cycles / (1 + SLACK), self.first.quickest)
            shorter = self.first.cheapest_fitting(cycles)
            if shorter != folding:
                folding, design = shorter, self.build(shorter)
        return Solved(design, Answer(folding))
