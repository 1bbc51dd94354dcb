"""FINN: quantisation-aware training at a few bits, a FINN-ready QONNX graph, FINN's folding and our estimates of it."""

from __future__ import annotations

from backends.dataflow.space import Solved
from backends.finn.check import check
from backends.finn.design.design import FinnDesign
from backends.finn.estimate import estimate
from backends.finn.handover import finn_plus
from backends.finn.notes import notes
from backends.finn.options import FinnOptions
from backends.finn.plan import observations, plan
from backends.finn.readiness.step import readiness_step
from backends.finn.reports import read_report
from backends.finn.resolve import resolve
from backends.protocol import API, Backend
from flows.core.clock import seen
from flows.core.evidence import Tier

BACKEND: Backend[FinnOptions, Solved[FinnDesign]] = Backend(
    api=API,
    name="finn",
    about="FINN: four-bit weights trained for it, a FINN-ready QONNX graph, FINN's folding and our estimates of it",
    options=FinnOptions,
    check=check,
    resolve=resolve,
    lower=lambda solved: solved.design.quantised,
    estimate=estimate,
    notes=notes,
    plan=plan,
    read=finn_plus.read,
    read_report=read_report,
    observations=observations,
    readiness_step=readiness_step,
    weights="w4a4",
    seen_clocks=(
        seen(
            100.0,
            Tier.ROUTED,
            "xc7z020clg400-1",
            "11 of 15 builds with a timing report met it, the 4 with a LabelSelect at PE 5 missed it by 1.7 to 2.0 ns; "
            "none was asked for more",
        ),
    ),
)
