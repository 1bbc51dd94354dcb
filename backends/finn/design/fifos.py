"""The links between nodes: FIFOs as deep as the stream simulation says, and width converters between unlike words.

FINN puts a FIFO between all nodes, and one more behind a converter. On real builds they hold most of the block RAM;
FINN's estimate leaves them out. Here each is as deep as it must be for no deadlock and, within `stream.SLACK`, full
speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backends.cost.blockram import bram18
from backends.dataflow.buffers import SRL
from backends.dataflow.stages import INPUT, Fifo
from backends.finn.design.nodes import HardwareNode, Join, words
from backends.finn.design.schedule import Folding
from backends.finn.resources.formulas import AUTO, BLOCK

DEEPEST_SRL, NARROW, DEEPEST_NARROW = 64, 5, 257
"""Words up to which ``auto`` keeps a FIFO in LUTs, and bits of a word below which it does so for longer: about what
finn-plus' ``fifo.sv`` does, whose LUT RAM is counted as shift registers here."""
SHALLOW = 2
"""Words of a FIFO that only decouples."""


@dataclass(frozen=True, slots=True)
class StreamingFifo:
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
class WidthConverter:
    """Between words of `taken` bits and of `put` bits."""

    writer: str
    reader: str
    taken: int
    put: int


Link = StreamingFifo | WidthConverter


def links(nodes: Sequence[HardwareNode], folding: Folding, depths: Mapping[Fifo, int], style: str) -> tuple[Link, ...]:
    """What stands between the nodes; `depths` are in tokens."""
    by_name = {node.name: node for node in nodes}
    chain: list[Link] = []
    for (source, reader), depth in depths.items():
        writer, taker = by_name[source], by_name[reader]
        put, taken = writer.puts(folding[source]), taker.takes(folding[reader])
        bits, deep = writer.result.width, max(SHALLOW, depth * words(writer.token, put))
        chain.append(StreamingFifo(source, reader, deep, bits * put, stored(deep, bits * put, style)))
        if put != taken:
            chain.append(WidthConverter(source, reader, bits * put, bits * taken))
            chain.append(StreamingFifo(source, reader, SHALLOW, bits * taken, SRL))
    return tuple(chain)


def stored(depth: int, bits: int, style: str) -> str:
    """Where a FIFO of these words goes."""
    if style != AUTO:
        return style if depth > SHALLOW else SRL
    return SRL if depth <= DEEPEST_SRL or (bits < NARROW and depth <= DEEPEST_NARROW) else BLOCK


def pixel_bits(nodes: Sequence[HardwareNode]) -> dict[Fifo, int]:
    """Bits of a pixel in every FIFO."""
    writers = {node.name: node for node in nodes}
    pairs = ((source, node) for node in nodes for source in node.sources if source != INPUT)
    return {
        (source, node.name): node.data.width * (writers[source].channels if isinstance(node, Join) else node.taken[-1])
        for source, node in pairs
    }
