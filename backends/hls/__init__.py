"""Manual HLS: C++ from templates that an engineer would sign, PE x SIMD folding, proof and estimates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.hls import estimate as estimates
from backends.hls.arithmetic import lower
from backends.hls.check import check
from backends.hls.identifiers import top_name
from backends.hls.observations import observations
from backends.hls.options import Options
from backends.hls.plan import plan
from backends.hls.remarks import notes
from backends.hls.resolve import design
from backends.hls.synthesis import expected, scopes
from backends.protocol import Job
from backends.vendor import steps as vendor
from flows.core.evidence import Reading
from flows.core.plan import Products

API = 1
NAME = "hls"

__all__ = [
    "API",
    "NAME",
    "Options",
    "check",
    "compared",
    "estimate",
    "lower",
    "notes",
    "observations",
    "plan",
    "read",
    "read_report",
]


def estimate(job: Job) -> Sequence[Reading]:
    return estimates.estimate(design(job))


def read(job: Job, products: Products) -> Sequence[Reading]:
    return vendor.read(top_name(job.network), job.target, products, scopes(design(job)))


def read_report(job: Job, report: Path) -> Sequence[Reading]:
    made = design(job)
    return vendor.read_report(report, top_name(job.network), job.target, expected(made), scopes(made))


def compared(job: Job, report: Path) -> Sequence[str]:
    return vendor.remarks(report, top_name(job.network), job.target, expected(design(job)), "vitis")
