"""The links between nodes: FIFOs as deep as the stream simulation says, and width converters between unlike words.

FINN puts a FIFO between all nodes, and one more behind a converter. On real builds they hold most of the block RAM;
FINN's estimate leaves them out. Here each is as deep as it must be for no deadlock and, within `stream.SLACK`, full
speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

from backends.cost.blockram import bram18
from backends.finn.formulas import AUTO, BLOCK
from backends.finn.nodes import Node, words
from backends.finn.schedule import Folding, stages
from backends.stream import DEEPEST, INPUT, LEAST, SLACK, Fifo, Stage, passable, simulate

SRL = "srl"
DEEPEST_SRL, NARROW, DEEPEST_NARROW = 64, 5, 257
"""Words up to which ``auto`` keeps a FIFO in LUTs, and bits of a word below which it does so for longer: about what
finn-plus' ``fifo.sv`` does, whose LUT RAM is counted as shift registers here."""
SHALLOW = 2
"""Words of a FIFO that only decouples."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """One FIFO of `depth` words of `bits` bits, kept in `storage`."""

    writer: str
    reader: str
    depth: int
    bits: int
    storage: str

    @property
    def bram18(self) -> int:
        """RAMB18: the depth is rounded up to a power of two."""
        return bram18(1 << (self.depth - 1).bit_length(), self.bits) if self.storage == BLOCK else 0


@dataclass(frozen=True, slots=True)
class Converter:
    """Between words of `taken` bits and of `put` bits."""

    writer: str
    reader: str
    taken: int
    put: int


Link = Buffer | Converter


def links(nodes: Sequence[Node], folding: Folding, depths: Mapping[Fifo, int], style: str) -> tuple[Link, ...]:
    """What stands between the nodes; `depths` are in tokens."""
    by_name = {node.name: node for node in nodes}
    found: list[Link] = []
    for (source, reader), depth in depths.items():
        writer, taker = by_name[source], by_name[reader]
        put, taken = writer.puts(folding[source]), taker.takes(folding[reader])
        bits, deep = writer.result.width, max(SHALLOW, depth * words(writer.token, put))
        found.append(Buffer(source, reader, deep, bits * put, stored(deep, bits * put, style)))
        if put != taken:
            found.append(Converter(source, reader, bits * put, bits * taken))
            found.append(Buffer(source, reader, SHALLOW, bits * taken, SRL))
    return tuple(found)


def stored(depth: int, bits: int, style: str) -> str:
    """Where a FIFO of these words goes."""
    if style != AUTO:
        return style if depth > SHALLOW else SRL
    return SRL if depth <= DEEPEST_SRL or (bits < NARROW and depth <= DEEPEST_NARROW) else BLOCK


def sized(nodes: Sequence[Node], made: Sequence[Stage]) -> Mapping[Fifo, int]:
    """Depths in tokens. No FIFO is deeper than what lets tokens pass, unless it is for speed."""
    return dict(_sized(tuple(made), tuple(_widths(nodes).items())))


def passing(nodes: Sequence[Node]) -> Mapping[Fifo, int]:
    """Depths in tokens with which the design does not deadlock, whatever its folding and its speed."""
    return passable(stages(nodes, {node.name: node.folds[0] for node in nodes}), _widths(nodes), LEAST)


def _widths(nodes: Sequence[Node]) -> dict[Fifo, int]:
    """Bits of a pixel in every FIFO."""
    pairs = ((source, node) for node in nodes for source in node.sources if source != INPUT)
    return {(source, node.name): node.data.width * node.taken[-1] for source, node in pairs}


@lru_cache(maxsize=64)
def _sized(made: tuple[Stage, ...], bits: tuple[tuple[Fifo, int], ...]) -> tuple[tuple[Fifo, int], ...]:
    least = passable(made, dict(bits), LEAST)
    allowed = max(max(stage.busy for stage in made) * (1 + SLACK), simulate(made, {}).interval)
    deep = next(
        depth
        for depth in (LEAST << doubling for doubling in count())
        if depth >= DEEPEST or _paced(made, {fifo: max(one, depth) for fifo, one in least.items()}, allowed)
    )
    depths = {fifo: max(one, deep) for fifo, one in least.items()}
    filled = simulate(made, depths).fill
    depths = {fifo: max(one, min(deep, filled[fifo])) for fifo, one in least.items()}
    widest = sorted((fifo for fifo in least if depths[fifo] > least[fifo]), key=lambda fifo: -dict(bits)[fifo])
    return tuple(_lowered(made, depths, least, widest, allowed).items())


def _lowered(
    made: Sequence[Stage], depths: dict[Fifo, int], least: Mapping[Fifo, int], those: Sequence[Fifo], allowed: float
) -> dict[Fifo, int]:
    """`depths`, with as many of `those` FIFOs at their least as the pace bears: all, else each half in turn."""
    lower = depths | {fifo: least[fifo] for fifo in those}
    if lower == depths or _paced(made, lower, allowed):
        return lower
    if len(those) == 1:
        return depths
    middle = len(those) // 2
    depths = _lowered(made, depths, least, those[:middle], allowed)
    return _lowered(made, depths, least, those[middle:], allowed)


def _paced(made: Sequence[Stage], depths: Mapping[Fifo, int], allowed: float) -> bool:
    return simulate(made, depths).interval <= allowed
