"""hls4ml: streaming HLS C++, a reuse factor a layer; conversion, C simulation and a csynth-level estimate."""

from __future__ import annotations

from collections.abc import Sequence

from backends.hls4ml import check as checks
from backends.hls4ml import estimate as estimates
from backends.hls4ml.options import Options, parse_reuse
from backends.hls4ml.plan import plan
from backends.hls4ml.precision import explain, lower
from backends.hls4ml.reuse import fitting, resolve
from backends.protocol import Job, Refusal
from flows.core.evidence import Reading
from flows.core.plan import Products

API = 1
NAME = "hls4ml"

__all__ = ["API", "NAME", "Options", "check", "estimate", "lower", "notes", "plan", "read"]


def check(job: Job) -> Sequence[Refusal]:
    return tuple(checks.check(job))


def estimate(job: Job) -> Sequence[Reading]:
    return estimates.estimate(job, lower(job), resolve(job))


def notes(job: Job) -> Sequence[str]:
    asked, _ = parse_reuse(job.options.reuse_factor)
    chosen = "asked" if asked else "the smallest whose DSPs fit the part"
    factors = ", ".join(f"{name} {factor}" for name, factor in resolve(job).items())
    reuse = f"reuse factor {asked or fitting(job)} ({chosen}), snapped per layer to what hls4ml can build: {factors}"
    return (reuse, *explain(job, lower(job)))


def read(job: Job, products: Products) -> Sequence[Reading]:
    """None yet: no step of the plan is a vendor tool."""
    return ()
