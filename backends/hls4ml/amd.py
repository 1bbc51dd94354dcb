"""The hls4ml project as AMD's tools take it, and their reports as readings of its layers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backends.amd import steps
from backends.amd.steps import HlsProject
from backends.dataflow.space import Solved
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.estimate import FIFO
from backends.hls4ml.option_texts import DEFAULT_UNCERTAINTY
from backends.hls4ml.schedule import CLONE, PADDING, QUICKEST, busy, tokens
from backends.protocol import Imported
from flows.core.evidence import Reading
from flows.core.plan import Output, Products

if TYPE_CHECKING:
    from backends.amd.identity import Expected, Kind

TOP, PROJECT = "myproject", "project"
CPP = Output("convert", PROJECT)
"""The folder of generated C++."""
FUNCTIONS = {
    r"(pointwise_)?conv_2d_": "conv2d",
    r"depthwise_conv_2d_": "grouped_conv2d",
    r"dense_": "dense",
    r"pooling2d_": "maxpool2d",
    r"global_pooling2d_": "global_average_pool",
    r"relu_": "relu",
    r"relu6_": "clip",
    r"add_(?!\d)": "add",  # add_10ns_10ns is an adder
    r"softmax_": "softmax",
    r"clone_stream_": CLONE,
    r"zeropad2d_": PADDING,
    r"((depthwise|separable)_)?conv_[12]d_|(global_)?pooling1d_|zeropad1d_": "layer of another kind",
    r"(leaky_relu|prelu|elu|selu|sigmoid|hard_sigmoid|tanh|hard_tanh|lstm|gru)_": "layer of another kind",
}
"""How the instances of hls4ml's functions begin, and the kind of block that each one is. What else there is computes no
layer of these networks."""

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


def read(solved: Solved[Hls4mlDesign], products: Products) -> Sequence[Reading]:
    return steps.read(TOP, solved.design.job.target, products, scopes(products))


def read_report(solved: Solved[Hls4mlDesign], report: Path) -> Imported:
    """Its modules keep their instances' names: which layer each one is stands in C++ that is not at hand."""
    job = solved.design.job
    return steps.read_report(report, TOP, job.target, expected(solved.design), job.options.backend)


def expected(design: Hls4mlDesign) -> Expected:
    """What every csynth report of `design` shows; nothing of io_parallel, whose functions may be inlined."""
    from backends.amd.identity import Expected

    if design.job.options.is_parallel:
        return Expected({}, kind_of)
    alike = {"averagepool2d": "maxpool2d"}  # functions of one name
    counts: Counter[Kind] = Counter((alike.get(block.kind, block.kind), block.shape[-1]) for block in design.blocks)
    pixels = max(max(tokens(block.taken), tokens(block.shape)) for block in design.blocks)
    cycles = max(
        busy(block, design.reuse.get(block.name, 1), QUICKEST, block.name in design.unrolled) for block in design.blocks
    )
    return Expected(counts, kind_of, pixels, max(cycles, pixels))


def kind_of(instance: str) -> Kind | None:
    """The kind of block that an instance is, and its channels: the words of the array that it puts, where the name is
    not cut off.

    >>> kind_of("conv_2d_cl_array_ap_fixed_3u_array_ap_fixed_16_6_5_3_0_28u_config2_U0"), kind_of("entry_proc_U0")
    (('conv2d', 28), None)
    """
    kind = next((kind for begins, kind in FUNCTIONS.items() if re.match(begins, instance)), None)
    words = re.search(r"_(\d+)u(_[a-z]+)?_config\d+|_(\d+)u_\d+_U\d+$", instance)
    return (kind, int(words[1] or words[3]) if words else None) if kind else None


def scopes(products: Products) -> Callable[[str], str]:
    """The layer that an instance computes, by the number of its configuration, which the C++ has beside the layer's
    name; clones, paddings and FIFOs are taken together, as estimates do. What has none keeps its instance's name."""
    project = products.path(CPP)
    source = project / "firmware" / f"{TOP}.cpp" if project else None
    layers = dict(re.findall(r"config(\d+)>.*// (\w+)", source.read_text())) if source else {}

    def scope(instance: str) -> str:
        from backends.amd.csynth_values import FIFOS

        numbers = re.findall(r"config(\d+)", instance)
        layer = layers.get(numbers[-1], instance) if numbers else instance
        if instance == FIFOS:
            return FIFO
        if instance.startswith("clone_stream"):
            return CLONE
        return PADDING if layer.startswith("zp2d_") else layer

    return scope
