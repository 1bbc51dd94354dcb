"""hls4ml: streaming HLS C++, a reuse factor a layer; conversion, C simulation and a csynth-level estimate."""

from __future__ import annotations

from backends.cost.synthesis import HLS4ML
from backends.dataflow.space import Solved
from backends.hls4ml import amd
from backends.hls4ml.check import check
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.estimate import estimate
from backends.hls4ml.notes import notes
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.plan import plan
from backends.hls4ml.ranged import PRECISIONS
from backends.hls4ml.resolve import resolve
from backends.protocol import API, Backend
from flows.core.clock import seen
from flows.core.evidence import Tier

BACKEND: Backend[Hls4mlOptions, Solved[Hls4mlDesign]] = Backend(
    api=API,
    name="hls4ml",
    about="hls4ml: streaming HLS C++, a reuse factor a layer; conversion, C simulation and a csynth-level estimate",
    options=Hls4mlOptions,
    check=check,
    resolve=resolve,
    lower=lambda solved: solved.design.quantised,
    estimate=estimate,
    notes=notes,
    plan=plan,
    read=amd.read,
    read_report=amd.read_report,
    top=lambda network: amd.TOP,
    csynth_ratios=HLS4ML,
    precisions=PRECISIONS,
    seen_clocks=(
        seen(
            100.0,
            Tier.ROUTED,
            "xc7z020clg400-1",
            "6 of 6 builds with a timing report met it, with 0.04 to 0.78 ns to spare; none was asked for more",
        ),
    ),
)
