"""From a job to its design: the arithmetic, and the folding that was asked for or that a search finds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any

from backends.cost.amounts import Amounts, joined, totals
from backends.dataflow import refusals
from backends.dataflow.budget import Way, budgets, largest_share, usable
from backends.dataflow.folding import Cost
from backends.dataflow.folding import Folding as Chosen
from backends.dataflow.kept import apart_from_clock, at, kept, solved_at
from backends.dataflow.options import AUTO, cycles_at
from backends.dataflow.space import Budgets, Problem, Solved
from backends.finn.design import folding_file
from backends.finn.design.design import FinnDesign
from backends.finn.design.graph import nodes
from backends.finn.design.nodes import HardwareNode, MatrixVector, NodeFold
from backends.finn.design.schedule import Folding
from backends.finn.design.search import set_folding, slowest
from backends.finn.options import FINN, FinnOptions
from backends.finn.resources import models
from backends.finn.resources.formulas import MemoryStyle
from backends.protocol import Job
from models.integer_network import IntegerNetwork
from models.quantised import QuantisedNetwork


def resolve(job: Job[FinnOptions]) -> Solved[FinnDesign]:
    """Raises what `resolve_folding` raises."""
    assert isinstance(job.integer, IntegerNetwork), "check refuses what is not quantised"
    return resolve_folding(job, job.integer.quantised)


def resolve_folding(job: Job[FinnOptions], quantised: QuantisedNetwork) -> Solved[FinnDesign]:
    """The design of `job` in this arithmetic. Raises `Unbuildable` for a rate beyond reach, `InputError` for a folding
    file of other nodes."""
    every = nodes(quantised)
    rate, clock_ns, how = job.options.target_fps, job.target.clock_ns, job.options.folding
    limit = cycles_at(rate, clock_ns)
    if how == FINN:
        assert limit is not None, "refused without a rate"
        folding = set_folding(every, limit)
        refusals.refuse(refusals.beyond_reach(rate, clock_ns, slowest(every, folding), "FINN's search reaches"))
        return Solved(FinnDesign(job, quantised, folding), None)
    if how != AUTO:
        return Solved(FinnDesign(job, quantised, folding_file.read(how, every)), None)
    problem = _problem(job, quantised)
    if limit is None:
        solved = kept(job, Solved[FinnDesign], _key(job, quantised), problem.fitted)
    else:
        fewest = max(min(node.cycles(fold) for fold in node.folds) for node in every)
        refusals.refuse(refusals.beyond_reach(rate, clock_ns, fewest, "all nodes fully parallel take"))
        solved = problem.reaching(limit)
    return solved_at(solved, job)


def fastest(job: Job[FinnOptions], quantised: QuantisedNetwork) -> FinnDesign:
    """The fastest design that fits."""
    return at(kept(job, FinnDesign, _key(job, quantised), lambda: _problem(job, quantised).chosen().design), job)


def _problem(job: Job[FinnOptions], quantised: QuantisedNetwork) -> Problem[FinnDesign]:
    return kept(job, Problem[FinnDesign], _key(job, quantised), lambda: folding_problem(job, quantised))


def _key(job: Job[FinnOptions], quantised: QuantisedNetwork) -> tuple[Any, ...]:
    return quantised.digest, apart_from_clock(job)


def folding_problem(job: Job[FinnOptions], quantised: QuantisedNetwork) -> Problem[FinnDesign]:
    """What the solver is asked. It folds the matrix units. All other nodes are as little parallel as the interval
    allows, which costs the least of everything."""
    start = FinnDesign(job, quantised, {node.name: node.folds[0] for node in nodes(quantised)})
    units = [node for node in start.nodes if type(node) is MatrixVector]
    others = [node for node in start.nodes if type(node) is not MatrixVector]
    paces = sorted({node.cycles(fold) for node in start.nodes for fold in node.folds})
    quickest = max(min(node.cycles(fold) for fold in node.folds) for node in start.nodes)
    ways = {node.name: [_way(node, place, start.memory) for place in range(len(node.folds))] for node in units}

    room = partial(usable, job.target)

    def build(chosen: Chosen) -> FinnDesign:
        folding = {**_folds(units, chosen), **set_folding(others, chosen.limit)}
        return FinnDesign(job, quantised, {node.name: folding[node.name] for node in start.nodes})

    def around(design: FinnDesign) -> Budgets:
        links = () if design is start else design.links
        fixed = joined(
            *(models.of_sum(models.of_link(link)) for link in links), *map(models.of_sum, start.shell_costs().values())
        )

        def rest(cycles: float) -> Amounts:
            folding = set_folding(others, cycles)
            return joined(*(_part(node, folding[node.name], start.memory) for node in others), fixed)

        quick = [cycles for cycles in paces if cycles >= quickest]
        return budgets(ways, rest, design.whole, room, largest_share, paces=quick)

    return Problem(start, around, build, taken)


def _folds(units: Iterable[MatrixVector], chosen: Chosen) -> Folding:
    return {node.name: node.folds[chosen.values[node.name]] for node in units}


@lru_cache(maxsize=4096)  # of one network they are the same on every part
def _way(node: MatrixVector, place: int, memory: MemoryStyle) -> Way:
    fold = node.folds[place]
    return Way(place, node.cycles(fold), _part(node, fold, memory))


@lru_cache(maxsize=4096)
def _part(node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> Amounts:
    """What a node takes as part of the sum of a design."""
    return models.of_sum(models.of_node(node, fold, memory))


def taken(design: FinnDesign, sure: bool) -> Cost:
    """What it takes of each of `RESOURCES`: by its estimates or, where `sure`, by their upper bounds."""
    return totals(design.whole, sure)
