"""RTL: SystemVerilog from a small library, simulated cycle by cycle against the exact reference."""

from __future__ import annotations

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
from backends.rtl.resolve import check, resolve
from backends.rtl.simulated import read
from flows.core.clock import seen
from flows.core.evidence import Tier

BACKEND: Backend[RtlOptions, Solved[RtlDesign]] = Backend(
    api=API,
    name="rtl",
    about="RTL: SystemVerilog from a small library, PE x SIMD folding, simulated cycle by cycle",
    options=RtlOptions,
    check=check,
    resolve=resolve,
    lower=lambda solved: solved.design.quantised,
    estimate=estimate,
    notes=notes,
    plan=plan,
    read=lambda solved, products: (*read(solved, products), *built.read(solved.design, products)),
    observations=observations,
    precisions=PRECISIONS,
    seen_clocks=(
        seen(
            125.0,
            Tier.ROUTED,
            "xc7z010clg400-1",
            "nextpnr placed and routed the whole of ARCH_8, asked for 125 MHz: by every path it reaches 146 MHz with "
            "one seed of three, 118 and 121 with the others",
        ),
        seen(
            125.0,
            Tier.ROUTED,
            "xc7z020clg400-1",
            "nextpnr placed and routed ARCH_8 for 1,950 images/s once, asked for 125 MHz: by every path it reaches 138 "
            "MHz",
        ),
    ),
    top=lambda network: identifiers([network], taken=VERILOG_TOP)[network],
)
