"""What one job computed, for later jobs of the same network: those of a sweep that differ in clock and rate alone."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, TypeVar

from backends.dataflow.options import NO_TARGET
from backends.dataflow.space import Paced, Solved
from backends.protocol import Job

MOST = 4
"""How many values of each kind are kept for a network."""
T = TypeVar("T")
PacedDesign = TypeVar("PacedDesign", bound=Paced)


def kept(job: Job[Any], kind: type[T], key: Any, make: Callable[[], T]) -> T:
    """What `make` returns, or returned for an equal key."""
    values: dict[Any, T] = job.known.setdefault(kind, {})
    values[key] = values.pop(key) if key in values else make()
    for oldest in list(values)[:-MOST]:
        del values[oldest]
    return values[key]


def apart_from_clock(job: Job[Any]) -> Any:
    """Equal for jobs that differ in clock and rate alone."""
    return job.network, replace(job.options, target_fps=NO_TARGET), replace(job.target, clock_ns=0.0)


def at(design: T, job: Job[Any]) -> T:
    """The same design for a job of another clock or rate, with its cached properties."""
    other = copy(design)
    object.__setattr__(other, "job", job)
    return other


def solved_at(solved: Solved[PacedDesign], job: Job[Any]) -> Solved[PacedDesign]:
    """`at`, of the design and the bolder one."""
    return replace(solved, design=at(solved.design, job), bolder=solved.bolder and at(solved.bolder, job))
