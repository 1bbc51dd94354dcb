"""The FIFOs of hls4ml's project: their depths and storage are set, and read back from its C++."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from backends.hls4ml.schedule import CLONE, PADDING
from backends.hls4ml.workers.cpp import PROJECT
from flows.core.errors import MismatchError
from models.keras3.network import IMAGE, ZERO_PADDING
from models.network import INPUT

STORAGE = {
    "Vitis": "BIND_STORAGE variable={} type=FIFO impl={}",
    "Vivado": "RESOURCE variable={} core=FIFO_{}",
}


def fifos(graph: Any) -> Iterator[tuple[tuple[str, str], Any]]:
    """((writer, reader) by the names that our schedule gives blocks, the stream between them) of every FIFO."""
    ends = {*graph.get_input_variables(), *graph.get_output_variables()}
    in_place = {node.inputs[0]: node.outputs[0] for node in graph.get_layers() if node.class_name == "Reshape"}
    for node in graph.get_layers():
        for output, variable in node.variables.items():
            read = in_place.get(output, output)
            readers = [other for other in graph.get_layers() if read in other.inputs]
            if readers and variable not in ends and node.class_name != "Reshape":
                yield (_block(node.name), _block(readers[0].name)), variable


def _block(node: str) -> str:
    """hls4ml's name of a node as the block's name in `backends.hls4ml.schedule`."""
    for prefix, kind in (("clone_", CLONE), (ZERO_PADDING, PADDING)):
        if node.startswith(prefix):
            return f"{kind} {_block(node.removeprefix(prefix))}"
    return INPUT if node == IMAGE else node


def set_depths(graph: Any, buffers: Mapping[tuple[str, str], tuple[int, str]]) -> None:
    """Gives every FIFO its depth; raises `MismatchError` where hls4ml makes others than were planned."""
    by_edge = dict(fifos(graph))
    if odd := by_edge.keys() ^ buffers.keys():
        fact = f"{' to '.join(min(odd))} is {'not planned' if min(odd) in by_edge else 'not made'}"
        raise MismatchError("hls4ml, FIFOs", fact, "please report it with job.json")
    for fifo, variable in by_edge.items():
        variable.pragma = ("stream", buffers[fifo][0])


def write_storage(graph: Any, buffers: Mapping[tuple[str, str], tuple[int, str]], backend: str) -> None:
    """Adds the storage of every FIFO behind its depth: hls4ml has no setting for it."""
    where = {variable.name: buffers[fifo][1].upper() for fifo, variable in fifos(graph)}
    path = PROJECT / "firmware" / "myproject.cpp"

    def add(depth: re.Match[str]) -> str:
        return f"{depth[0]}\n    #pragma HLS {STORAGE[backend].format(depth[1], where[depth[1]])}"

    path.write_text(re.sub(r"#pragma HLS STREAM variable=(\w+) depth=\d+", add, path.read_text()))


def read_fifos(
    graph: Any, buffers: Mapping[tuple[str, str], tuple[int, str]], ask: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """(place, what ``myproject.cpp`` says, what was meant) of every FIFO."""
    text = (PROJECT / "firmware" / "myproject.cpp").read_text()
    for fifo, variable in fifos(graph):
        depth, storage = buffers[fifo]
        for place, pattern, meant in (
            ("depth", rf"STREAM variable={variable.name} depth=(\d+)", str(depth)),
            ("storage", STORAGE[ask["backend"]].format(variable.name, "([A-Z]+)"), storage.upper()),
        ):
            match = re.search(pattern, text)
            if place == "depth" or ask["pragmas"]:
                yield f"FIFO {' to '.join(fifo)}, {place}", match[1] if match else "nothing", meant
