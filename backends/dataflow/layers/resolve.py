"""From a job to its design: the arithmetic, and the folding that was requested or that the solver finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Generic, TypeVar

from backends.cost.amounts import joined, totals
from backends.dataflow import pe_simd, refusals
from backends.dataflow.budget import budgets, logic_first, usable
from backends.dataflow.fifos import SLACK
from backends.dataflow.folding import Cost, Folding
from backends.dataflow.kept import solved_at
from backends.dataflow.layers.costs import LayerCosts
from backends.dataflow.layers.design import LayerDesign, Options
from backends.dataflow.layers.folds import worthwhile
from backends.dataflow.layers.nodes import MULTIPLYING, WINDOW, nodes
from backends.dataflow.layers.schedule import FOLDED
from backends.dataflow.options import cycles_at
from backends.dataflow.pe_simd import Fold, Ways, legal, parse_folding
from backends.dataflow.space import WORTHWHILE, Budgets, Problem, Solved, over
from backends.protocol import Job, Refusal
from flows.core.evidence import Metric
from flows.core.margins import KEPT
from models.quantised import QuantisedNetwork

PATIENCE = 1.1
"""A folding whose upper bounds fit is preferred if it takes at most this many times the cycles of the fastest folding
whose estimates fit."""


Design = TypeVar("Design", bound=LayerDesign[Any])

Make = Callable[[Job[Options], QuantisedNetwork, Mapping[str, Fold]], Design]
"""(job, arithmetic, folds) -> the design: a class of `LayerDesign`."""


@dataclass(frozen=True, eq=False)
class Foldings(Generic[Options, Design]):
    """The foldings of a job's network in this arithmetic on its part, whatever the clock and the rate to reach. What
    was computed of them is kept. Raises `Unbuildable` for illegal folds."""

    job: Job[Options]
    quantised: QuantisedNetwork
    make: Make[Options, Design]

    def __post_init__(self) -> None:
        refusals.refuse(pe_simd.refusals(self.asked, self.ways))
        for name, fold in self.asked.items():
            refusals.refuse(_in_luts(name, fold, self._tried[1][name]))

    @cached_property
    def start(self) -> Design:
        return self.make(self.job, self.quantised, {})

    @cached_property
    def ways(self) -> Mapping[str, Ways]:
        """The folds that each layer with weights may have."""
        return {node.name: self.start.ways(node) for node in nodes(self.quantised) if node.kind in MULTIPLYING}

    @cached_property
    def asked(self) -> Mapping[str, Fold]:
        return parse_folding(self.job.options.folding)

    @cached_property
    def _tried(self) -> tuple[dict[str, list[Fold]], dict[str, Sequence[Fold]]]:
        return tried(self.start, self.ways, self.asked)

    @cached_property
    def _costs(self) -> LayerCosts:
        return LayerCosts(self.start)

    @cached_property
    def in_dsp(self) -> Problem[Design]:
        """The problem where layers multiply in DSP slices."""
        return folding_problem(self.job, self.quantised, self._tried[0], self.make, self._costs)

    @cached_property
    def in_luts(self) -> Problem[Design] | None:
        """The problem where layers may also multiply in LUTs; None where none can."""
        folds, fabric = self._tried
        more = {name: [*folds[name], *(fabric[name] if name not in self.asked else ())] for name in folds}
        return None if more == folds else folding_problem(self.job, self.quantised, more, self.make, self._costs)


def resolve_folding(foldings: Foldings[Options, Design], job: Job[Options]) -> Solved[Design]:
    """The design of `job`, which may differ from the job of `foldings` in its clock and the rate to reach. Raises
    `Unbuildable` for an unreachable rate, and FIFOs that deadlock. Where DSP slices limit the design, layers may
    multiply in LUTs, if that makes the design faster or reaches the requested rate.
    """
    rate, clock_ns = job.options.target_fps, job.target.clock_ns
    limit = cycles_at(rate, clock_ns)
    solved = _fastest(foldings) if limit is None else _reaching(foldings, limit)
    if limit is not None and solved.design.interval > limit:
        fewest = foldings.in_dsp.fewest
        refusals.refuse(refusals.beyond_reach(rate, clock_ns, fewest, "the widest folding takes"))
    design = solved.design
    refusals.refuse(refusals.deadlock(design.stages, design.depths, design.pixel_bits, job.options.fifo_depth, "words"))
    return solved_at(Solved(design, None) if len(foldings.asked) == len(foldings.ways) else solved, job)


def _reaching(foldings: Foldings[Options, Design], limit: float) -> Solved[Design]:
    solved = foldings.in_dsp.reaching(limit)
    if foldings.in_luts and solved.design.interval <= limit and _lacking(solved.design):
        other = foldings.in_luts.reaching(limit)
        return solved if _lacking(other.design) else other
    return solved


def _fastest(foldings: Foldings[Options, Design]) -> Solved[Design]:
    problem, solved = foldings.in_dsp, foldings.in_dsp.chosen(PATIENCE)
    if foldings.in_luts and solved.answer and Metric.DSP in solved.answer.stops:
        cycles, is_sure = solved.design.interval, solved.answer.sure
        quicker = foldings.in_luts.quicker(WORTHWHILE * cycles, PATIENCE)
        # as in `solve`: a design that is sure to fit is not given up for a little speed
        enough = cycles if not is_sure or (quicker and quicker.answer and quicker.answer.sure) else cycles / PATIENCE
        if quicker and quicker.design.interval <= enough:
            problem, solved = foldings.in_luts, quicker
    return problem.with_bolder(solved)


def tried(
    start: LayerDesign[Any], ways: Mapping[str, Ways], asked: Mapping[str, Fold]
) -> tuple[dict[str, list[Fold]], dict[str, Sequence[Fold]]]:
    """(the folds tried for every layer, those with products in LUTs): the requested fold, or all worthwhile ones."""
    folds, in_luts = {}, {}
    for node in start.weighted:
        if node.name in asked:
            folds[node.name] = [asked[node.name]]
            in_luts[node.name] = start.fabric(node, folds[node.name])
        else:
            windows = tuple(other for other in start.nodes if other.kind == WINDOW and other.layer == node.layer)
            every = legal(ways[node.name])
            folds[node.name] = list(worthwhile(node, windows, every, start.sharing.get(node.name, 1)))
            in_luts[node.name] = start.fabric(node, worthwhile(node, windows, every, 1))
    return folds, in_luts


def _lacking(design: LayerDesign[Any]) -> bool:
    """Whether its estimates take more of a resource than is usable."""
    return bool(over(taken(design, False), usable(design.job.target, False, KEPT)))


def _excess(design: LayerDesign[Any]) -> frozenset[Metric]:
    """The resources of which a design takes too much: by its estimates, or more than the part has by upper bounds."""
    most = usable(design.job.target, False, KEPT) + usable(design.job.target, True, 0.0)
    return over(taken(design, False) + taken(design, True), most)


def _in_luts(name: str, fold: Fold, possible: Sequence[Fold]) -> Iterator[Refusal]:
    if fold.in_luts and fold not in possible:
        in_dsp = replace(fold, in_luts=False)
        yield Refusal("--folding", f"{name} cannot multiply in LUTs here at {in_dsp}", f"{name}={in_dsp}")


def folding_problem(
    job: Job[Options],
    quantised: QuantisedNetwork,
    folds: Mapping[str, Sequence[Fold]],
    make: Make[Options, Design],
    costs: LayerCosts | None = None,
) -> Problem[Design]:
    """The problem for the solver; `folds` are those that each layer with weights may have, `costs` has what their
    stages take."""
    start = make(job, quantised, dict.fromkeys(folds, Fold(1, 1)))
    room = partial(usable, job.target)

    costs = costs or LayerCosts(start)

    def build(folding: Folding) -> Design:
        solved = {name: folds[name][place] for name, place in folding.values.items()}
        design, lighter = make(job, quantised, solved), costs.lightened(solved, folds)
        other = design if lighter == solved else make(job, quantised, lighter)
        is_as_fast = other.interval <= (1 + SLACK) * folding.cycles or other.interval <= design.interval
        if is_as_fast and (not (excess := _excess(other)) or excess <= _excess(design)):
            return other
        return design

    def around(design: Design) -> Budgets:
        buffers = () if design is start else design.buffers  # if it then fits with FIFOs, it is the fastest
        fifos = joined(*(design.fifo_cost(buffer) for buffer in buffers))
        stages = {node: costs.stage(node.name, design.lanes[node.name]) for node in design.nodes}
        fixed = (amounts for node, amounts in stages.items() if node.kind not in FOLDED)
        rest = joined(*fixed, fifos, start.shell.amounts())
        ways = {name: list(costs.ways(design, name, folds[name])) for name in folds}
        return budgets(ways, lambda cycles: rest, joined(*stages.values(), fifos), room, logic_first, distinct=True)

    return Problem(start, around, build, taken)


def taken(design: LayerDesign[Any], sure: bool) -> Cost:
    """What a design takes of each of `RESOURCES`: by its estimates or, where `sure`, by their upper bounds."""
    return totals(design.whole, sure)
