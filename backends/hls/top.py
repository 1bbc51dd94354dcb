"""The stages of a design as ``top.cpp`` calls them, and the streams between them.

Streams bear the names of tensors of the network, so that who reads ``top.cpp`` sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backends.hls import cpp
from backends.hls.blueprint import Blueprint
from backends.hls.identifiers import struct
from backends.hls.layers import window_name
from backends.hls.nodes import CLONE, RECEIVE, SEND, WINDOW, Node, tokens
from backends.hls.schedule import lanes
from backends.hls.titles import title
from backends.stream import Fifo
from models.network import INPUT

TEMPLATES = {"add": "add", "relu": "relu", "global_average_pool": "global_average_pool"}


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
    folds, streams = lanes(made.nodes, made.folds), _streams(made, names)
    begun: set[str] = set()
    for node in made.nodes:
        read = [streams[source, node.name].name for source in node.sources if source != INPUT]
        written = tuple(stream for (writer, _), stream in streams.items() if writer == node.name)
        comment = ""
        if node.kind not in (CLONE, RECEIVE, SEND) and node.layer.name not in begun:
            begun.add(node.layer.name)
            fold = folds[node.name]
            has_weights = node.layer.name in made.folds
            how = f"PE x SIMD {fold}" if has_weights else f"{fold.pe} channel{'s' * (fold.pe > 1)} a cycle"
            comment = f"{title(made.quantised, node.layer)}; {how}."
        name = f"{node.kind} {names.get(node.layer.name, '')}"
        yield StageText(name, comment, _call(node, names, read, [one.name for one in written]), written)


def _call(node: Node, names: Mapping[str, str], read: list[str], written: list[str]) -> str:
    arguments = ", ".join(read + written)
    name = names.get(node.layer.name, "")
    match node.kind:
        case "receive":
            return f"receive<{tokens(node.taken)}>(image_beats, {arguments})"
        case "send":
            return f"send({arguments}, result_beats)"
        case "clone":
            return f"clone<{tokens(node.taken)}>({arguments})"
        case "window":
            return f"{window_name(name)}({arguments})"
        case "matrix_vector" | "maxpool2d":
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
        values = made.folds[node.layer.name].simd if node.kind == WINDOW else node.shape[-1]
        type = f"Vector<{cpp.integer(made.quantised.type_of(node.tensor))}, {values}>"
        found[writer, reader] = Stream(name, type, depth, storage)
    return found
