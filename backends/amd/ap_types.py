"""AMD's arbitrary-precision integers for a C simulation, as hls4ml's package carries them."""

from __future__ import annotations

from flows.core.plan import Output, Step
from flows.core.worker import worker

AP_TYPES = Output("ap_types", "ap_types")
"""The folder of headers."""


def ap_types_step() -> Step:
    return worker(
        name=AP_TYPES.step,
        about="AMD's arbitrary-precision integers, as hls4ml's package carries them",
        module="backends.amd.workers.ap_types",
        ask={"folder": AP_TYPES.file},
        makes=(AP_TYPES.file,),
        packages=("hls4ml",),
        sources=("flows.core", "backends.amd.workers"),
    )
