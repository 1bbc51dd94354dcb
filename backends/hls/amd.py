"""The generated project as AMD's tools take it, and their reports as readings of its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from backends.amd import steps
from backends.amd.csynth import FIFOS
from backends.amd.identity import Expected, Kind
from backends.amd.steps import HlsProject
from backends.dataflow.layers.design import FIFO
from backends.dataflow.layers.names import layer_names, struct, top_name
from backends.dataflow.layers.nodes import CLONE, MATRIX_VECTOR, RECEIVE, SEND, STREAMS, WINDOW, pixels
from backends.dataflow.layers.schedule import QUICKEST, busy
from backends.dataflow.space import Solved
from backends.hls.design.design import HlsDesign
from backends.hls.generate.layers import window_name
from backends.protocol import Imported
from flows.core.evidence import Reading
from flows.core.plan import Output, Products
from models.network import MaxPool2D, Network

CFLAGS = "-std=c++14"


def hls_project(folder: Output, network: Network) -> HlsProject:
    return HlsProject(
        folder, top_name(network), ("src/top.cpp",), ("tb/simulate.cpp", "tb/testbench.cpp"), cflags=CFLAGS
    )


def read(solved: Solved[HlsDesign], products: Products) -> Sequence[Reading]:
    job = solved.design.job
    return steps.read(top_name(job.network), job.target, products, scope_of(job.network))


def read_report(solved: Solved[HlsDesign], report: Path) -> Imported:
    job = solved.design.job
    layers = scope_of(job.network)
    return steps.read_report(report, top_name(job.network), job.target, expected(solved.design), "vitis", layers)


def expected(design: HlsDesign) -> Expected:
    """What every csynth report of `design` shows: the functions that are called as their layers are (the others are
    templates, whose instances a compiler names), and at least the turns of the longest loops."""
    names = layer_names(design.job.network)
    functions = {
        window_name(names[node.layer.name]) if node.kind == WINDOW else names[node.layer.name]
        for node in design.nodes
        if node.kind in (WINDOW, MATRIX_VECTOR, MaxPool2D.kind)
    }

    def kind_of(instance: str) -> Kind | None:
        plain = instance.removesuffix("_U0").removesuffix("_s")
        return (plain, None) if plain in functions else None

    counts: dict[Kind, int] = {(name, None): 1 for name in sorted(functions)}
    image = max(max(pixels(node.taken), pixels(node.shape)) for node in design.nodes)
    turns = max(busy(node, design.lanes[node.name], QUICKEST) for node in design.nodes)
    return Expected(counts, kind_of, image, max(turns, image))


def scope_of(network: Network) -> Callable[[str], str]:
    """The layer that an instance belongs to; what stands in no layer's file is a clone, an AXI-Stream or a FIFO."""
    names = layer_names(network)

    def scope(instance: str) -> str:
        if instance == FIFOS:
            return FIFO
        plain = instance.removesuffix("_U0").removesuffix("_s")
        for layer, name in names.items():
            if plain in (name, window_name(name)) or plain.endswith(f"_{struct(name)}"):
                return layer
        if instance.startswith(CLONE):
            return CLONE
        return STREAMS if instance.startswith((RECEIVE, SEND)) else instance

    return scope
