"""hls4ml: streaming HLS C++, a reuse factor a layer; conversion, C simulation and a csynth-level estimate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.hls4ml import estimate as estimates
from backends.hls4ml.check import check
from backends.hls4ml.laws import OVERSTATED
from backends.hls4ml.options import Options
from backends.hls4ml.plan import CPP, plan
from backends.hls4ml.precision import lower
from backends.hls4ml.remarks import notes
from backends.hls4ml.resolve import design
from backends.hls4ml.synthesis import TOP, expected, scopes
from backends.protocol import Job
from backends.vendor import steps as vendor
from flows.core.evidence import Reading
from flows.core.plan import Products

API = 1
NAME = "hls4ml"

__all__ = [
    "API", "NAME", "OVERSTATED", "Options",
    "check", "compared", "estimate", "lower", "notes", "plan", "read", "read_report",
]  # fmt: skip


def estimate(job: Job) -> Sequence[Reading]:
    """None for io_parallel: the laws are those of io_stream."""
    if job.options.io_type == "io_parallel":
        return ()
    return estimates.estimate(design(job))


def read(job: Job, products: Products) -> Sequence[Reading]:
    return vendor.read(TOP, job.target, products, scopes(CPP, products))


def read_report(job: Job, report: Path) -> Sequence[Reading]:
    """Its modules keep their instances' names: which layer each one is stands in C++ that is not at hand."""
    return vendor.read_report(report, TOP, job.target, expected(design(job)))


def compared(job: Job, report: Path) -> Sequence[str]:
    return vendor.remarks(report, TOP, job.target, expected(design(job)), job.options.backend)
