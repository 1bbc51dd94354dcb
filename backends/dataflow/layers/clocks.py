"""One search for the points of a sweep that differ in clock or rate: only a rate to reach makes a folding depend on the
clock, and what the foldings cost depends on neither."""

from __future__ import annotations

from dataclasses import replace

from backends.dataflow import refusals
from backends.dataflow.kept import apart_from_clock, at, kept
from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.check import overflows
from backends.dataflow.layers.design import Options
from backends.dataflow.layers.resolve import Design, Foldings, Make, resolve_folding
from backends.dataflow.options import NO_TARGET
from backends.dataflow.space import Solved
from backends.protocol import Job


def resolve(job: Job[Options], make: Make[Options, Design]) -> Solved[Design]:
    """The design of `job`, a float network. Raises `Unbuildable` for accumulators that could overflow, and where
    `Foldings` and `resolve_folding` do."""
    quantised = lower(job)
    refusals.refuse(overflows(job, quantised))
    key = make, quantised.digest, apart_from_clock(job)
    foldings = kept(job, Foldings, key, lambda: Foldings(job, quantised, make))
    if job.options.target_fps != NO_TARGET:
        return resolve_folding(foldings, job)
    solved: Solved[Design] = kept(job, Solved, key, lambda: resolve_folding(foldings, job))
    return replace(solved, design=at(solved.design, job), bolder=solved.bolder and at(solved.bolder, job))
