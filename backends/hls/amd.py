"""The generated project for AMD's tools, and their reports as readings of its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backends.amd import steps
from backends.amd.steps import HlsProject
from backends.dataflow.layers.design import FIFO
from backends.dataflow.layers.names import layer_names, struct, top_name
from backends.dataflow.layers.nodes import CLONE, MATRIX_VECTOR, RECEIVE, SEND, STREAMS, WINDOW, pixels
from backends.dataflow.layers.schedule import QUICKEST, busy
from backends.dataflow.space import Solved
from backends.hls.design.design import HlsDesign
from backends.hls.generate.weighted import window_name
from backends.protocol import Imported
from flows.core.evidence import Reading
from flows.core.plan import Output, Products
from models.layers import MaxPool2D
from models.network import Network

if TYPE_CHECKING:
    from backends.amd.identity import Expected, Kind

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
    """What every csynth report of `design` must show: the functions named after their layers, and at least the turns of
    the longest loops. The other functions are templates, whose instances the compiler names."""
    from backends.amd.identity import Expected

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
    """A function from an instance to its layer; instances without a layer are clones, AXI-Streams or FIFOs."""
    names = layer_names(network)

    def scope(instance: str) -> str:
        from backends.amd.csynth_values import FIFOS

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
