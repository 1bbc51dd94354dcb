"""From a job to its design: the arithmetic, and the folding that was requested or that the solver finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from backends.cost.amounts import joined, totals
from backends.dataflow import pe_simd, refusals
from backends.dataflow.budget import budgets, logic_first, usable
from backends.dataflow.fifos import SLACK
from backends.dataflow.folding import Cost, Folding
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


def resolve_folding(job: Job[Options], quantised: QuantisedNetwork, make: Make[Options, Design]) -> Solved[Design]:
    """The design of `job` in this arithmetic. Raises `Unbuildable` for illegal folds, an unreachable rate, and FIFOs
    that deadlock. Where DSP slices limit the design, layers may multiply in LUTs, if that makes the design faster or
    reaches the requested rate.
    """
    start = make(job, quantised, {})
    ways = {node.name: start.ways(node) for node in nodes(quantised) if node.kind in MULTIPLYING}
    asked = parse_folding(job.options.folding)
    refusals.refuse(pe_simd.refusals(asked, ways))
    folds, in_luts = tried(start, ways, asked)
    for name, fold in asked.items():
        refusals.refuse(_in_luts(name, fold, in_luts[name]))
    costs = LayerCosts(start)
    problem = folding_problem(job, quantised, folds, make, costs)
    rate, clock_ns = job.options.target_fps, job.target.clock_ns
    limit = cycles_at(rate, clock_ns)
    solved = problem.chosen(PATIENCE) if limit is None else problem.reaching(limit)
    if limit is not None and solved.design.interval > limit:
        refusals.refuse(refusals.beyond_reach(rate, clock_ns, problem.fewest, "the widest folding takes"))
    more = {name: [*folds[name], *(in_luts[name] if name not in asked else ())] for name in folds}
    if more != folds and limit is not None and _lacking(solved.design):
        other = folding_problem(job, quantised, more, make, costs).reaching(limit)
        solved = solved if _lacking(other.design) else other
    elif more != folds and limit is None and solved.answer and Metric.DSP in solved.answer.stops:
        larger = folding_problem(job, quantised, more, make, costs)
        cycles, is_sure = solved.design.interval, solved.answer.sure
        quicker = larger.quicker(WORTHWHILE * cycles, PATIENCE)
        # as in `solve`: a design that is sure to fit is not given up for a little speed
        enough = cycles if not is_sure or (quicker and quicker.answer and quicker.answer.sure) else cycles / PATIENCE
        if quicker and quicker.design.interval <= enough:
            problem, solved = larger, quicker
    if limit is None:
        solved = problem.with_bolder(solved)
    design = solved.design
    refusals.refuse(refusals.deadlock(design.stages, design.depths, design.pixel_bits, job.options.fifo_depth, "words"))
    return solved if len(asked) < len(ways) else Solved(design, None)


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
