"""RTL: SystemVerilog from a small library, simulated cycle by cycle against the exact reference."""

from __future__ import annotations

from backends.dataflow.layers.check import check
from backends.dataflow.layers.clocks import resolve
from backends.dataflow.layers.names import VERILOG_TOP, identifiers
from backends.dataflow.layers.options import PRECISIONS
from backends.dataflow.space import Solved
from backends.protocol import API, Backend
from backends.rtl import built
from backends.rtl.design.design import RtlDesign
from backends.rtl.estimate import estimate
from backends.rtl.notes import notes, observations
from backends.rtl.options import RtlOptions
from backends.rtl.plan import plan
from backends.rtl.simulated import read
from flows.core.clock import seen
from flows.core.evidence import Tier
from models.network import Add, Conv2D, Dense, Flatten, GlobalAveragePool, MaxPool2D, ReLU, Softmax

KINDS = frozenset(kind.kind for kind in (Conv2D, Dense, MaxPool2D, GlobalAveragePool, Add, ReLU, Flatten, Softmax))
"""Layers that the library has modules for, and a softmax at the end, which the host computes."""

BACKEND: Backend[RtlOptions, Solved[RtlDesign]] = Backend(
    api=API,
    name="rtl",
    about="RTL: SystemVerilog from a small library, PE x SIMD folding, simulated cycle by cycle",
    options=RtlOptions,
    check=lambda job: check(job, KINDS),
    resolve=lambda job: resolve(job, RtlDesign),
    lower=lambda solved: solved.design.quantised,
    estimate=estimate,
    notes=notes,
    plan=plan,
    read=lambda solved, products: (*read(solved, products), *built.read(solved.design, products)),
    observations=observations,
    precisions=PRECISIONS,
    seen_clock=seen(
        110.0,
        Tier.ROUTED,
        "xc7z020clg400-1",
        "nextpnr routed an array of 72 DSP48E1 alone; the stages of ARCH_8, each alone, reach 187 MHz and more, and no "
        "whole design was routed",
    ),
    top=lambda network: identifiers([network], taken=VERILOG_TOP)[network],
)
