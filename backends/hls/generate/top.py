"""The stages of a design as ``top.cpp`` calls them, and the streams between them.

Streams have the names of the network's tensors, so that ``top.cpp`` shows the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backends.dataflow.layers.blueprint import Blueprint
from backends.dataflow.layers.names import struct, title
from backends.dataflow.layers.nodes import CLONE, CONCAT, RECEIVE, SEND, WINDOW, Node, pixels
from backends.dataflow.stages import Fifo
from backends.hls.generate import cpp
from backends.hls.generate.layer_text import word
from backends.hls.generate.weighted import window_name
from models.network import INPUT

TEMPLATES = {
    "add": "add",
    "concat": "concat",
    "global_average_pool": "global_average_pool",
    **dict.fromkeys(("relu", "clip", "leaky_relu"), "activation"),
}


@dataclass(frozen=True)
class Stream:
    name: str
    type: str
    depth: int
    storage: str


@dataclass(frozen=True)
class StageText:
    """A call, and the streams that it writes; the first stage of a layer has a comment."""

    name: str
    comment: str
    call: str
    streams: tuple[Stream, ...]


def stage_texts(project: Blueprint, names: Mapping[str, str]) -> Iterator[StageText]:
    """The stages in the order of the design; `names` gives the identifier of each layer."""
    streams = _streams(project, names)
    begun: set[str] = set()
    for node in project.nodes:
        words = pixels(node.taken) * node.taken[-1] // project.lanes[node.name].takes
        read = [streams[source, node.name].name for source in node.sources if source != INPUT]
        written = tuple(stream for (writer, _), stream in streams.items() if writer == node.name)
        comment = ""
        if node.kind not in (CLONE, RECEIVE, SEND) and node.layer.name not in begun:
            begun.add(node.layer.name)
            wide = project.lanes[node.name]
            has_weights = node.layer.name in project.folds
            lanes = wide.puts if node.kind == CONCAT else wide.takes
            how = f"PE x SIMD {wide.fold}" if has_weights else f"{lanes} channel{'s' * (lanes > 1)} a cycle"
            comment = f"{title(project.quantised, node.layer)}; {how}."
        name = f"{node.kind} {names.get(node.layer.name, '')}"
        yield StageText(
            name, comment, _call(project, node, names, words, read, [stream.name for stream in written]), written
        )


def _call(
    project: Blueprint, node: Node, names: Mapping[str, str], words: int, read: list[str], written: list[str]
) -> str:
    """The call of a stage; `words` is how many it takes a frame."""
    arguments = ", ".join(read + written)
    name = names.get(node.layer.name, "")
    match node.kind:
        case "receive":
            return f"receive<{words}>(image_beats, {arguments})"
        case "send":
            result = cpp.integer(project.quantised.type_of(node.tensor))
            lanes = project.lanes[node.name].takes
            return f"send<{node.taken[-1]}, {lanes}, {result}>({arguments}, result_beats, transfer)"
        case "clone":
            return f"clone<{words}>({arguments})"
        case "window":
            return f"{window_name(name)}({arguments})"
        case "matrix_vector" | "depthwise" | "maxpool2d" | "averagepool2d":
            return f"{name}({arguments})"
    return f"{TEMPLATES[node.kind]}<{struct(name)}>({arguments})"


def _streams(project: Blueprint, names: Mapping[str, str]) -> Mapping[Fifo, Stream]:
    writers = {node.name: node for node in project.nodes}
    by_fifo = {}
    for (writer, reader), (depth, storage) in project.fifos.items():
        node, layer = writers[writer], names.get(writers[reader].layer.name, "")
        tensor = "image" if node.tensor == INPUT else names.get(node.tensor, "")
        name = {WINDOW: f"{layer}_windows", CLONE: f"{tensor}_to_{layer}"}.get(node.kind, f"{tensor}_out")
        name = "image" if node.kind == RECEIVE else name
        type = word(project.quantised.type_of(node.tensor), project.lanes[writer].puts)
        by_fifo[writer, reader] = Stream(name, type, depth, storage)
    return by_fifo
