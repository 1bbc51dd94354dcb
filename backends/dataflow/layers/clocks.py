"""One search for the clocks of a sweep: without a rate to reach, no folding depends on the clock."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from backends.dataflow import refusals
from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.check import overflows
from backends.dataflow.layers.design import Options
from backends.dataflow.layers.resolve import Design, Make, resolve_folding
from backends.dataflow.options import NO_TARGET
from backends.dataflow.space import Solved
from backends.protocol import Job

KEPT = 16
"""The most designs of a network that are kept for jobs at other clocks."""


def resolve(job: Job[Options], make: Make[Options, Design]) -> Solved[Design]:
    """The design of `job`, a float network. The solution at one clock is reused at other clocks. Raises `Unbuildable`
    for accumulators that could overflow, and where `resolve_folding` does."""
    quantised = lower(job)
    refusals.refuse(overflows(job, quantised))
    if job.options.target_fps != NO_TARGET:
        return resolve_folding(job, quantised, make)
    key = make, job.network, quantised.digest, job.options, replace(job.target, clock_ns=0.0)
    solved: Solved[Design] = job.known.pop(key, None) or resolve_folding(job, quantised, make)
    job.known[key] = solved
    for oldest in list(job.known)[:-KEPT]:
        job.known.pop(oldest, None)
    return replace(solved, design=_of(solved.design, job), bolder=solved.bolder and _of(solved.bolder, job))


def _of(design: Design, job: Job[Options]) -> Design:
    """The same design for a job of another clock, with its cached properties."""
    other = copy(design)
    object.__setattr__(other, "job", job)
    return other
