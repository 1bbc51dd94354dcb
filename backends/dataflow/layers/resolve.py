"""From a job to its design: the arithmetic, and the folding that was requested or that the solver finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from math import lcm
from typing import Any, TypeVar

from backends.cost.amounts import Amounts, joined, totals
from backends.dataflow import pe_simd, refusals
from backends.dataflow.budget import Way, budgets, usable
from backends.dataflow.buffers import SHALLOWEST
from backends.dataflow.folding import Cost, Folding
from backends.dataflow.layers.design import LayerDesign, Options
from backends.dataflow.layers.folds import worthwhile
from backends.dataflow.layers.nodes import MULTIPLYING, WINDOW, Lanes, Node, nodes, part_width, slides
from backends.dataflow.layers.schedule import FOLDED
from backends.dataflow.layers.words import choose_lanes, least, together
from backends.dataflow.options import NO_TARGET, cycles_at
from backends.dataflow.pe_simd import Fold, Ways, legal, parse_folding
from backends.dataflow.space import WORTHWHILE, Budgets, Problem, Solved, over
from backends.protocol import Job, Refusal
from flows.core.evidence import RESOURCES, Metric
from flows.core.margins import KEPT
from models.network import CONVOLUTIONS
from models.quantised import QuantisedNetwork

PATIENCE = 1.1
"""A folding whose upper bounds fit is preferred if it takes at most this many times the cycles of the fastest folding
whose estimates fit."""


DSP = RESOURCES.index(Metric.DSP)

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
    stages = StageAmounts(start)
    problem = folding_problem(job, quantised, folds, make, stages)
    rate, clock_ns = job.options.target_fps, job.target.clock_ns
    if rate != NO_TARGET:
        refusals.refuse(refusals.beyond_reach(rate, clock_ns, problem.fewest, "the widest folding takes"))
    limit = cycles_at(rate, clock_ns)
    solved = problem.chosen(PATIENCE) if limit is None else problem.reaching(limit)
    more = {name: [*folds[name], *(in_luts[name] if name not in asked else ())] for name in folds}
    if more != folds and limit is not None and _lacking(solved.design):
        other = folding_problem(job, quantised, more, make, stages).reaching(limit)
        solved = solved if _lacking(other.design) else other
    elif more != folds and limit is None and solved.answer and Metric.DSP in solved.answer.stops:
        larger = folding_problem(job, quantised, more, make, stages)
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
    return any(
        cost > design.job.target.usable(metric) for metric, cost in zip(RESOURCES, taken(design, False), strict=True)
    )


def _excess(design: LayerDesign[Any]) -> frozenset[Metric]:
    """The resources of which a design takes too much: by its estimates, or more than the part has by upper bounds."""
    room = partial(usable, design.job.target)
    return over((*taken(design, False), *taken(design, True)), (*room(False, KEPT), *room(True, 0.0)))


def _in_luts(name: str, fold: Fold, possible: Sequence[Fold]) -> Iterator[Refusal]:
    if fold.in_luts and fold not in possible:
        in_dsp = replace(fold, in_luts=False)
        yield Refusal("--folding", f"{name} cannot multiply in LUTs here at {in_dsp}", f"{name}={in_dsp}")


def folding_problem(
    job: Job[Options],
    quantised: QuantisedNetwork,
    folds: Mapping[str, Sequence[Fold]],
    make: Make[Options, Design],
    amounts: StageAmounts | None = None,
) -> Problem[Design]:
    """The problem for the solver; `folds` are those that each layer with weights may have, `amounts` has what their
    stages take."""
    start = make(job, quantised, dict.fromkeys(folds, Fold(1, 1)))
    room = partial(usable, job.target)

    amounts = amounts or StageAmounts(start)
    of_stage = amounts.stage

    def build(folding: Folding) -> Design:
        solved = {name: folds[name][place] for name, place in folding.values.items()}
        design, lighter = make(job, quantised, solved), amounts.lightened(solved, folds)
        other = design if lighter == solved else make(job, quantised, lighter)
        return other if other.interval <= design.interval and _excess(other) <= _excess(design) else design

    def around(design: Design) -> Budgets:
        buffers = () if design is start else design.buffers  # if it then fits with FIFOs, it is the fastest
        fifos = joined(*(design.fifo_cost(buffer) for buffer in buffers))
        fixed = (of_stage(node.name, design.lanes[node.name]) for node in design.nodes if node.kind not in FOLDED)
        rest = joined(*fixed, fifos, start.shell.amounts())
        stages = (of_stage(node.name, design.lanes[node.name]) for node in design.nodes)
        ways = {name: list(_ways(design, name, folds[name], amounts)) for name in folds}
        return budgets(ways, lambda cycles: rest, joined(*stages, fifos), room, distinct=True)

    return Problem(start, around, build, taken)


def taken(design: LayerDesign[Any], sure: bool) -> Cost:
    """What a design takes of each of `RESOURCES`: by its estimates or, where `sure`, by their upper bounds."""
    return totals(design.whole, sure)


class StageAmounts:
    """What stages and layers take, for every design in the arithmetic of `design`. Amounts are cached, since a search
    asks for them many times."""

    def __init__(self, design: LayerDesign[Any]) -> None:
        self.design = design
        self.nodes = {node.name: node for node in design.nodes}
        self.stage, self.layer = cache(self._stage), cache(self._layer)
        self._with_fifos, self._cycles = cache(self._stage_with_fifos), cache(self._cycles_of_layer)

    def lightened(self, solved: Mapping[str, Fold], tried: Mapping[str, Sequence[Fold]]) -> Mapping[str, Fold]:
        """`solved`, with other folds of those `tried` where they make the whole design lighter and no slower.

        The solver prices layers. But PE also widens the words of the stages behind a layer, up to the next one with
        weights, so that 4 x 14 may be lighter than 14 x 4. There are no more DSP slices.
        """
        folds = dict(solved)
        slowest = max(self._cycles(name, fold) for name, fold in solved.items())
        for name, given in solved.items():
            ways = {given: self._shares(folds)}
            for other in tried[name]:
                is_alike = other.multipliers <= given.multipliers and other.in_luts == given.in_luts
                if is_alike and other != given and self._cycles(name, other) <= slowest:
                    ways[other] = self._shares({**folds, name: other})
            allowed = [way for way, shares in ways.items() if shares[DSP] <= ways[given][DSP]]
            folds[name] = min(allowed, key=lambda way: sum(ways[way]))
        return folds

    def _shares(self, folds: Mapping[str, Fold]) -> tuple[float, ...]:
        """What all stages and the shallowest FIFOs behind them take at these folds, as shares of the part."""
        lanes = choose_lanes(self.design.nodes, folds)
        each = (self._with_fifos(name, wide) for name, wide in lanes.items())
        return tuple(map(sum, zip(*each, strict=True)))

    def _stage_with_fifos(self, stage: str, wide: Lanes) -> tuple[float, ...]:
        design, device = self.design, self.design.job.target.part.device
        buffers = (design.buffer(fifo, SHALLOWEST, wide.puts) for fifo in design.pixel_bits if fifo[0] == stage)
        taken = totals(joined(self.stage(stage, wide), *map(design.fifo_cost, buffers)), False)
        return tuple(value / device.available(metric) for metric, value in zip(RESOURCES, taken, strict=True))

    def _cycles_of_layer(self, name: str, fold: Fold) -> int:
        """The busy cycles a frame of the layer `name`."""
        return max(least(node, fold) for node in self.nodes.values() if node.layer.name == name and node.kind in FOLDED)

    def _stage(self, stage: str, wide: Lanes) -> Amounts:
        """What a stage takes at a width, its memories included."""
        logic, memories = self.design.node_cost(self.nodes[stage], wide)
        return joined(logic, *memories.values())

    def _layer(self, fold: int, wide: tuple[tuple[str, Lanes], ...]) -> Way:
        """What a layer takes at the fold of this number: its stages at their widths, window and memories included."""
        cycles = max(least(self.nodes[stage], lanes.fold) for stage, lanes in wide)
        return Way(fold, cycles, joined(*(self.stage(*each) for each in wide)))


def _ways(design: LayerDesign[Any], name: str, folds: Sequence[Fold], amounts: StageAmounts) -> Iterator[Way]:
    """What a layer with weights takes in `design` at other folds."""
    unit, *windows = [node for node in design.nodes[::-1] if node.layer.name == name and node.kind in FOLDED]
    for place, fold in enumerate(folds):
        yield amounts.layer(place, tuple((node.name, _wide(design, node, fold)) for node in (*windows, unit)))


def _wide(design: LayerDesign[Any], node: Node, fold: Fold) -> Lanes:
    """The lanes of a stage at another fold: the words of `design`, widened where the fold needs a multiple of them."""
    before = design.lanes[node.name]
    width = part_width(node.layer, fold)
    if node.kind in MULTIPLYING:
        reads_parts = isinstance(node.layer, CONVOLUTIONS) and slides(node.layer)
        takes = width if reads_parts else lcm(before.takes, together(node.taken[-1], width))
        return Lanes(fold, takes, lcm(before.puts, together(node.shape[-1], fold.pe)))
    return Lanes(fold, before.takes, width)
