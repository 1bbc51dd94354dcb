"""The options of flows whose designs AMD's tools take."""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.amd.steps import CSYNTH, WANTED
from backends.dataflow.options import hours


@dataclass(frozen=True)
class VendorOptions:
    vendor: str = field(
        default=CSYNTH,
        metadata={
            "help": "what AMD's tools do where they are on PATH: csynth, csynth and co-simulation, csynth and logic "
            "synthesis, or nothing",
            "choices": WANTED,
        },
    )
    vendor_timeout: float = field(
        default=8.0,
        metadata={"help": "ends a step of theirs that takes longer, in hours", "unit": "HOURS", "parse": hours},
    )
