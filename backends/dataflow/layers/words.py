"""How many values the words of each stream hold: as few as keep all stages no busier than the busiest with weights.

Stages without weights pass words on as they come, so all tensors between them have words alike. A matrix-vector stage
puts PE results at a time, or several times as many, and where it reads pixels, each word holds whole parts of SIMD
values. A window stage takes words of any width. A concat takes whole pixels, and puts words of any width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import lcm

from backends.dataflow.buffers import SHALLOWEST
from backends.dataflow.fifos import SLACK
from backends.dataflow.layers.nodes import (
    CONCAT,
    MULTIPLYING,
    RECEIVE,
    SEND,
    WINDOW,
    Lanes,
    Node,
    divisors,
    part_width,
    parts,
    parts_read,
)
from backends.dataflow.layers.schedule import FOLDED, busy
from backends.dataflow.pe_simd import Fold

ONE = Fold(1, 1)


def choose_lanes(design: Sequence[Node], folds: Mapping[str, Fold]) -> Mapping[str, Lanes]:
    """Of every stage of `design`, by its name; `folds` of all layers with weights."""
    streams = alike(design)
    slowest = max((least(node, folds[node.layer.name]) for node in design if node.kind in FOLDED), default=0)
    words = {stream: _word(stream, design, streams, folds, slowest) for stream in set(streams.values())}
    found = {}
    for node in design:
        fold = folds[node.layer.name] if node.kind in FOLDED else ONE
        takes = words[streams[node.sources[0]]] if node.sources[0] in streams else 1  # bytes
        found[node.name] = Lanes(fold, takes, 1 if node.kind == SEND else words[streams[node.name]])
    return found


def least(node: Node, fold: Fold) -> int:
    """Cycles of a stage of a layer with weights, were its words whole pixels."""
    return busy(node, Lanes(fold, node.taken[-1], part_width(node.layer, fold)))


def alike(design: Sequence[Node]) -> Mapping[str, str]:
    """For every stage that puts words, the stage that began to put words of that width."""
    found: dict[str, str] = {}
    for node in design:
        if node.kind in (RECEIVE, CONCAT, *FOLDED):
            found[node.name] = node.name
        elif node.kind != SEND:
            first, *others = dict.fromkeys(found[source] for source in node.sources)
            found = {name: first if stream in others else stream for name, stream in found.items()}
            found[node.name] = first
    return found


def _word(
    stream: str, design: Sequence[Node], streams: Mapping[str, str], folds: Mapping[str, Fold], slowest: int
) -> int:
    """Values of a word of all tensors that are `alike`."""
    putting = [node for node in design if streams.get(node.name) == stream]
    if putting[0].kind == WINDOW:
        return part_width(putting[0].layer, folds[putting[0].layer.name])
    readers = [node for node in design if stream in map(streams.get, node.sources)]
    reading = [node for node in readers if node not in putting]
    channels = putting[0].shape[-1]
    if any(node.kind == CONCAT for node in reading):
        return channels
    whole = lcm(
        *(together(channels, folds[node.name].pe) for node in putting if node.kind in MULTIPLYING),
        *(together(channels, part_width(node.layer, folds[node.name])) for node in reading if node.kind in MULTIPLYING),
    )
    others = [node for node in (*putting, *reading) if node.kind not in MULTIPLYING]

    def keeps_up(word: int) -> bool:
        wide = {node: Lanes(folds[node.layer.name] if node.kind == WINDOW else ONE, word, word) for node in others}
        return all(busy(*one) <= slowest and _row_start(*one) <= SLACK * slowest for one in wide.items())

    ways = [word for word in divisors(channels) if word % whole == 0]
    return next((word for word in ways if keeps_up(word)), ways[-1])


def together(channels: int, lanes: int) -> int:
    """Of how many channels a word is a multiple, where so many lanes put or take them: of the lanes, or all of a pixel
    where they do not come out even."""
    return channels if channels % lanes else lanes


def _row_start(node: Node, wide: Lanes) -> int:
    """Cycles of a frame that a stage with weights waits, at the start of each row, for a window that is all new.

    It takes a part a cycle, as many of them as the FIFO holds at once; the others come as fast as they are read.
    """
    if node.kind != WINDOW:
        return 0
    made, new = parts(node, wide), parts_read(node, wide.fold)
    return node.shape[0] * max(new - SHALLOWEST, 0) * (made.lanes // made.stored - 1)
