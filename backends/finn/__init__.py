"""FINN: quantisation-aware training at a few bits, a FINN-ready QONNX graph, FINN's folding and our estimates of it."""

from __future__ import annotations

from collections.abc import Sequence

from backends.finn import estimate as estimates
from backends.finn import finn_plus
from backends.finn.arithmetic import lower
from backends.finn.check import check
from backends.finn.options import Options
from backends.finn.plan import plan
from backends.finn.readiness.step import readiness_step
from backends.finn.remarks import notes
from backends.finn.resolve import design
from backends.protocol import Job
from flows.core.clock import seen
from flows.core.evidence import Reading, Tier
from flows.core.plan import Products

API = 1
NAME = "finn"
WEIGHTS = "w4a4"
"""The shipped weights that it starts from, by the suffix of their name."""
SEEN_CLOCK = seen(
    100.0,
    Tier.ROUTED,
    "xc7z020clg400-1",
    "of FINN, 5 of 5 builds of 2018 met it; of finn-plus, 3 of 7, and 4 missed it by 1.7 to 2.0 ns",
)

__all__ = [
    "API", "NAME", "SEEN_CLOCK", "WEIGHTS", "Options",
    "check", "estimate", "lower", "notes", "plan", "read", "readiness_step",
]  # fmt: skip


def estimate(job: Job) -> Sequence[Reading]:
    return estimates.estimate(job, lower(job))


def read(job: Job, products: Products) -> Sequence[Reading]:
    """FINN's own estimates, where finn-plus ran."""
    return tuple(finn_plus.read(design(job, lower(job)), products))
