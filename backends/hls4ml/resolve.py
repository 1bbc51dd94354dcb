"""From a job to its design: the reuse factors that were asked for, or those that the folding solver finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from backends.cost.amounts import Amounts, joined, totals
from backends.dataflow import refusals
from backends.dataflow.budget import Way, budgets, largest_share
from backends.dataflow.fifos import passable
from backends.dataflow.folding import Cost, Folding
from backends.dataflow.options import cycles_at
from backends.dataflow.space import Budgets, Problem, Solved
from backends.hls4ml import built, structure
from backends.hls4ml.built import SPREAD, spread_of_whole
from backends.hls4ml.design import Hls4mlDesign, asked, factors, snapped, unrolled
from backends.hls4ml.option_texts import parse_reuse
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.precision import lower
from backends.hls4ml.routed import block_cost, costs, fifo_cost, has_free_fifos, settled
from backends.hls4ml.routed_products import product_cost
from backends.hls4ml.schedule import PACES, Block, busy
from backends.protocol import Job
from flows.core.evidence import RESOURCES


def resolve(job: Job[Hls4mlOptions]) -> Solved[Hls4mlDesign]:
    """Raises `Unbuildable` for a rate beyond reach and for FIFOs that deadlock."""
    quantised, flat = lower(job), unrolled(job)
    number = parse_reuse(job.options.reuse_factor)[0]
    start = Hls4mlDesign(job, quantised, snapped(job), flat)
    is_settled = number is not None or job.options.is_parallel
    solved = Solved[Hls4mlDesign](start, None) if is_settled else _solved(start)
    design, depth = solved.design, job.options.fifo_depth
    refusals.refuse(refusals.deadlock(design.stages, design.depths, design.token_bits, depth, "tokens"))
    return solved


def _solved(start: Hls4mlDesign) -> Solved[Hls4mlDesign]:
    job = start.job
    choices = {**factors(job), **{name: (factor,) for name, factor in asked(job)[1].items()}}
    problem = folding_problem(start, choices)
    rate, clock_ns = job.options.target_fps, job.target.clock_ns
    limit = cycles_at(rate, clock_ns)
    if limit is None:
        return problem.fitted()
    refusals.refuse(refusals.beyond_reach(rate, clock_ns, problem.fewest, "the lowest reuse factors take"))
    return problem.reaching(limit)


def folding_problem(start: Hls4mlDesign, choices: Mapping[str, Sequence[int]]) -> Problem[Hls4mlDesign]:
    """What the solver is asked; `choices` are the reuse factors that each layer with weights may have."""
    job = start.job

    def build(folding: Folding) -> Hls4mlDesign:
        return Hls4mlDesign(job, start.quantised, folding.values, start.unrolled)

    def around(design: Hls4mlDesign) -> Budgets:
        buffers = design.buffers_by(passable) if design is start else design.buffers
        fixed = [block_cost(block, design) for block in design.blocks if block.name not in design.reuse]
        others = settled(
            joined(*fixed, *(fifo_cost(buffer, has_free_fifos(design)) for buffer in buffers), design.shell.amounts())
        )
        folded = [block for block in design.blocks if block.name in design.reuse]
        whole = settled(joined(*(block_cost(block, design) for block in folded), others))
        ways = {block.name: _ways(design, block, choices[block.name]) for block in folded}
        return budgets(ways, lambda cycles: others, whole, partial(usable, design), largest_share)

    return Problem(start, around, build, taken)


def taken(design: Hls4mlDesign, sure: bool) -> Cost:
    """What is routed of each of `RESOURCES`: by estimates or, where `sure`, by the upper bounds of what is not fitted.

    For LUTs and FFs, `usable` keeps what is sure: the interval is the whole design's.
    """
    amounts = settled(joined(*(part for _, part in costs(design))))
    return totals(amounts, sure)


def usable(design: Hls4mlDesign, sure: bool, free: float) -> Cost:
    """How much the estimates of each of `RESOURCES` may come to so that `free` of the margins stays free; where `sure`,
    even if what is built is at the upper end of the interval of whole designs."""
    limits = []
    for metric in RESOURCES:
        limit = design.job.target.usable(metric, free)
        if sure and metric in SPREAD:
            beside = design.shell.range(metric).value
            limit = beside + (limit - beside) / spread_of_whole(metric)
        limits.append(limit)
    return tuple(limits)


def _ways(design: Hls4mlDesign, block: Block, choices: Sequence[int]) -> Sequence[Way]:
    """Each of these reuse factors."""
    flat = block.name in design.unrolled
    return [
        Way(factor, busy(block, factor, PACES[design.tool], flat), settled(_layer(block, design, factor)))
        for factor in choices
    ]


def _layer(block: Block, design: Hls4mlDesign, factor: int) -> Amounts:
    return joined(product_cost(block, design, factor), built.amounts("start", structure.start()))
