"""One search for the points of a sweep that differ in clock or rate: only a rate to reach makes a folding depend on the
clock, and what the foldings cost depends on neither."""

from __future__ import annotations

from backends.dataflow import refusals
from backends.dataflow.kept import apart_from_clock, kept, solved_at
from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.check import overflows
from backends.dataflow.layers.design import Options
from backends.dataflow.layers.resolve import Design, Foldings, Make, resolve_folding
from backends.dataflow.options import NO_TARGET
from backends.dataflow.space import Solved
from backends.protocol import Job
from models.quantised import QuantisedNetwork


def resolve(job: Job[Options], make: Make[Options, Design]) -> Solved[Design]:
    """The design of `job`, a float network. Raises `Unbuildable` for accumulators that could overflow, and where
    `resolve_arithmetic` does."""
    quantised = lower(job)
    refusals.refuse(overflows(job, quantised))
    return resolve_arithmetic(job, quantised, make)


def resolve_arithmetic(job: Job[Options], quantised: QuantisedNetwork, make: Make[Options, Design]) -> Solved[Design]:
    """The design of `job` in this arithmetic. Raises `Unbuildable` where `Foldings` and `resolve_folding` do."""
    key = make, quantised.digest, apart_from_clock(job)
    foldings = kept(job, Foldings, key, lambda: Foldings(job, quantised, make))
    if job.options.target_fps != NO_TARGET:
        return resolve_folding(foldings, job)
    solved: Solved[Design] = kept(job, Solved, key, lambda: resolve_folding(foldings, job))
    return solved_at(solved, job)
