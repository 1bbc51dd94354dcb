"""The hls4ml project as AMD's tools take it, and their reports as readings of its layers."""

from __future__ import annotations

import re
from collections.abc import Callable

from backends.hls4ml.estimate import FIFO
from backends.hls4ml.options import DEFAULT_UNCERTAINTY
from backends.hls4ml.schedule import CLONE, PADDING
from backends.vendor.csynth import FIFOS
from backends.vendor.steps import HlsProject
from flows.core.plan import Output, Products

TOP = "myproject"
UNCERTAINTY = {"vitis": "27%", "vivado": "12.5%"}
"""hls4ml's own (``create_initial_config`` of its backends)."""


def uncertainty(tool: str, asked: str) -> str:
    """The share of the clock period that the HLS compiler keeps in hand."""
    return UNCERTAINTY[tool] if asked == DEFAULT_UNCERTAINTY else asked


def hls_project(folder: Output, uncertainty: str) -> HlsProject:
    """With the settings of ``build_prj.tcl`` of hls4ml 1.3.0."""
    settings = (
        "catch {config_array_partition -maximum_size 4096}",  # Vitis HLS has no such option
        "config_compile -name_max_length 80",
        "config_schedule -enable_dsp_full_reg=false",
        f"set_clock_uncertainty {uncertainty} default",
    )
    bench = (f"{TOP}_test.cpp", "firmware/weights", "tb_data")
    return HlsProject(folder, TOP, (f"firmware/{TOP}.cpp",), bench, settings=settings)


def scopes(folder: Output, products: Products) -> Callable[[str], str]:
    """The layer that an instance computes, by the number of its configuration, which the C++ has beside the layer's
    name; clones, paddings and FIFOs are taken together, as estimates do. What has none keeps its instance's name."""
    project = products.path(folder)
    source = project / "firmware" / f"{TOP}.cpp" if project else None
    layers = dict(re.findall(r"config(\d+)>.*// (\w+)", source.read_text())) if source else {}

    def scope(instance: str) -> str:
        numbers = re.findall(r"config(\d+)", instance)
        layer = layers.get(numbers[-1], instance) if numbers else instance
        if instance == FIFOS:
            return FIFO
        if instance.startswith("clone_stream"):
            return CLONE
        return PADDING if layer.startswith("zp2d_") else layer

    return scope
