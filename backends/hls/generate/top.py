"""The stages of a design as ``top.cpp`` calls them, and the streams between them.

Streams bear the names of tensors of the network, so that who reads ``top.cpp`` sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backends.dataflow.layers.blueprint import Blueprint
from backends.dataflow.layers.names import struct, title
from backends.dataflow.layers.nodes import CLONE, CONCAT, RECEIVE, SEND, WINDOW, Node, pixels
from backends.dataflow.stages import Fifo
from backends.hls.generate import cpp
from backends.hls.generate.layers import window_name, word
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
    """A call, and the streams that it writes; the comment stands where a layer begins."""

    name: str
    comment: str
    call: str
    streams: tuple[Stream, ...]


def stage_texts(made: Blueprint, names: Mapping[str, str]) -> Iterator[StageText]:
    """In the order in which they stand in the design; `names` gives the identifier of each layer."""
    streams = _streams(made, names)
    begun: set[str] = set()
    for node in made.nodes:
        words = pixels(node.taken) * node.taken[-1] // made.lanes[node.name].takes
        read = [streams[source, node.name].name for source in node.sources if source != INPUT]
        written = tuple(stream for (writer, _), stream in streams.items() if writer == node.name)
        comment = ""
        if node.kind not in (CLONE, RECEIVE, SEND) and node.layer.name not in begun:
            begun.add(node.layer.name)
            wide = made.lanes[node.name]
            has_weights = node.layer.name in made.folds
            lanes = wide.puts if node.kind == CONCAT else wide.takes
            how = f"PE x SIMD {wide.fold}" if has_weights else f"{lanes} channel{'s' * (lanes > 1)} a cycle"
            comment = f"{title(made.quantised, node.layer)}; {how}."
        name = f"{node.kind} {names.get(node.layer.name, '')}"
        yield StageText(name, comment, _call(made, node, names, words, read, [one.name for one in written]), written)


def _call(
    made: Blueprint, node: Node, names: Mapping[str, str], words: int, read: list[str], written: list[str]
) -> str:
    """`words` are those that it takes a frame: bytes of the image, results of the last stage."""
    arguments = ", ".join(read + written)
    name = names.get(node.layer.name, "")
    match node.kind:
        case "receive":
            return f"receive<{words}>(image_beats, {arguments})"
        case "send":
            result = cpp.integer(made.quantised.type_of(node.tensor))
            lanes = made.lanes[node.name].takes
            return f"send<{node.taken[-1]}, {lanes}, {result}>({arguments}, result_beats, transfer)"
        case "clone":
            return f"clone<{words}>({arguments})"
        case "window":
            return f"{window_name(name)}({arguments})"
        case "matrix_vector" | "depthwise" | "maxpool2d" | "averagepool2d":
            return f"{name}({arguments})"
    return f"{TEMPLATES[node.kind]}<{struct(name)}>({arguments})"


def _streams(made: Blueprint, names: Mapping[str, str]) -> Mapping[Fifo, Stream]:
    writers = {node.name: node for node in made.nodes}
    found = {}
    for (writer, reader), (depth, storage) in made.fifos.items():
        node, layer = writers[writer], names.get(writers[reader].layer.name, "")
        tensor = "image" if node.tensor == INPUT else names.get(node.tensor, "")
        name = {WINDOW: f"{layer}_windows", CLONE: f"{tensor}_to_{layer}"}.get(node.kind, f"{tensor}_out")
        name = "image" if node.kind == RECEIVE else name
        type = word(made.quantised.type_of(node.tensor), made.lanes[writer].puts)
        found[writer, reader] = Stream(name, type, depth, storage)
    return found
