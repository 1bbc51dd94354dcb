"""How many values a word of each stream holds: the fewest with which no stage is busier than the busiest with weights.

Stages without weights pass words on unchanged, so all tensors between them have words of equal width. A matrix-vector
stage puts a multiple of PE results at a time; where it reads pixels, each word holds whole parts of SIMD values. A
window stage takes words of any width. A concat takes whole pixels, and puts words of any width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import lcm

from backends.dataflow.buffers import SHALLOWEST
from backends.dataflow.divisors import divisors
from backends.dataflow.fifos import SLACK
from backends.dataflow.layers.nodes import (
    CONCAT,
    MULTIPLYING,
    RECEIVE,
    SEND,
    WINDOW,
    Lanes,
    Node,
    part_width,
    parts,
    parts_read,
)
from backends.dataflow.layers.schedule import FOLDED, busy
from backends.dataflow.pe_simd import Fold

ONE = Fold(1, 1)


def choose_lanes(design: Sequence[Node], folds: Mapping[str, Fold]) -> Mapping[str, Lanes]:
    """The lanes of every stage of `design`, by name, with `folds` of all layers with weights."""
    streams = alike(design)
    slowest = max((least(node, folds[node.layer.name]) for node in design if node.kind in FOLDED), default=0)
    words = {stream: _word(stream, design, streams, folds, slowest) for stream in set(streams.values())}
    by_stage = {}
    for node in design:
        fold = folds[node.layer.name] if node.kind in FOLDED else ONE
        takes = words[streams[node.sources[0]]] if node.sources[0] in streams else 1  # bytes
        by_stage[node.name] = Lanes(fold, takes, 1 if node.kind == SEND else words[streams[node.name]])
    return by_stage


def least(node: Node, fold: Fold) -> int:
    """The least cycles of a stage of a layer with weights: those with words of whole pixels."""
    return busy(node, Lanes(fold, node.taken[-1], part_width(node.layer, fold)))


def alike(design: Sequence[Node]) -> Mapping[str, str]:
    """For every stage that puts words, the first stage of its group of streams with words of equal width."""
    firsts: dict[str, str] = {}
    for node in design:
        if node.kind in (RECEIVE, CONCAT, *FOLDED):
            firsts[node.name] = node.name
        elif node.kind != SEND:
            first, *others = dict.fromkeys(firsts[source] for source in node.sources)
            firsts = {name: first if stream in others else stream for name, stream in firsts.items()}
            firsts[node.name] = first
    return firsts


def _word(
    stream: str, design: Sequence[Node], streams: Mapping[str, str], folds: Mapping[str, Fold], slowest: int
) -> int:
    """Values of a word of all tensors that are `alike` to `stream`."""
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
        return all(busy(*stage) <= slowest and _row_start(*stage) <= SLACK * slowest for stage in wide.items())

    ways = [word for word in divisors(channels) if word % whole == 0]
    return next((word for word in ways if keeps_up(word)), ways[-1])


def together(channels: int, lanes: int) -> int:
    """The number of channels of which a word must be a multiple: the lanes or, where these do not divide the channels,
    a whole pixel."""
    return channels if channels % lanes else lanes


def _row_start(node: Node, wide: Lanes) -> int:
    """Cycles of a frame that a stage with weights waits, at the start of each row, for a window that is entirely new.

    It takes a part a cycle. The FIFO already holds some of the parts; the others arrive as fast as the window stage
    reads them.
    """
    if node.kind != WINDOW:
        return 0
    cut, new = parts(node, wide), parts_read(node, wide.fold)
    return node.shape[0] * max(new - SHALLOWEST, 0) * (cut.lanes // cut.stored - 1)
