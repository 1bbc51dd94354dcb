"""One search for the points of a sweep that differ in clock or rate: only a rate to reach makes a folding depend on the
clock, and what the foldings cost depends on neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from backends.dataflow import refusals
from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.check import overflows
from backends.dataflow.layers.design import Options
from backends.dataflow.layers.resolve import Design, Foldings, Make, of, resolve_folding
from backends.dataflow.options import NO_TARGET
from backends.dataflow.space import Solved
from backends.protocol import Job

KEPT = 4
"""The most foldings, and the most designs, of a network that are kept for other jobs."""


def resolve(job: Job[Options], make: Make[Options, Design]) -> Solved[Design]:
    """The design of `job`, a float network. Raises `Unbuildable` for accumulators that could overflow, and where
    `Foldings` and `resolve_folding` do."""
    quantised = lower(job)
    refusals.refuse(overflows(job, quantised))
    free = replace(job.options, target_fps=NO_TARGET)
    key = make, job.network, quantised.digest, free, replace(job.target, clock_ns=0.0)
    foldings = _kept(job, Foldings, key, lambda: Foldings(job, quantised, make))
    if job.options.target_fps != NO_TARGET:
        return resolve_folding(foldings, job)
    solved: Solved[Design] = _kept(job, Solved, key, lambda: resolve_folding(foldings, job))
    return replace(solved, design=of(solved.design, job), bolder=solved.bolder and of(solved.bolder, job))


def _kept(job: Job[Any], kind: type, key: Any, make: Callable[[], Any]) -> Any:
    """What `make` returns or has returned for an equal key; the last `KEPT` of each kind are kept."""
    values = job.known.setdefault(kind, {})
    values[key] = values.pop(key, None) or make()
    for oldest in list(values)[:-KEPT]:
        del values[oldest]
    return values[key]
