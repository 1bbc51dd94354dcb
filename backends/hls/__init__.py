"""Manual HLS: C++ from templates that an engineer would sign, PE x SIMD folding, proof and estimates."""

from __future__ import annotations

from backends.dataflow.layers.check import check
from backends.dataflow.layers.clocks import resolve
from backends.dataflow.layers.names import identifiers
from backends.dataflow.layers.options import PRECISIONS
from backends.dataflow.refusals import refuse
from backends.dataflow.space import Solved
from backends.hls import amd
from backends.hls.design.design import HlsDesign
from backends.hls.estimate import estimate
from backends.hls.notes import notes, observations
from backends.hls.options import HlsOptions
from backends.hls.plan import plan
from backends.protocol import API, Backend, Job
from flows.core.clock import seen
from flows.core.evidence import Tier


def _resolve(job: Job[HlsOptions]) -> Solved[HlsDesign]:
    solved = resolve(job, HlsDesign)
    refuse(solved.design.refusals())
    return solved


BACKEND: Backend[HlsOptions, Solved[HlsDesign]] = Backend(
    api=API,
    name="hls",
    about="Manual HLS: C++ from templates that an engineer would sign, PE x SIMD folding, proof and estimates",
    options=HlsOptions,
    check=check,
    resolve=_resolve,
    lower=lambda solved: solved.design.quantised,
    estimate=estimate,
    notes=notes,
    plan=plan,
    read=amd.read,
    observations=observations,
    read_report=amd.read_report,
    top=lambda network: identifiers([network])[network],
    precisions=PRECISIONS,
    seen_clocks=(
        seen(
            100.0,
            Tier.ROUTED,
            "xc7z020clg400-1",
            "of hand-written HLS, 2 of 2 builds with a timing report met it; no build of these templates is known",
        ),
    ),
)
