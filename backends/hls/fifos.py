"""The FIFOs between the stages: how wide and deep, kept in what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backends.cost.blockram import bram18
from backends.cost.fabric import ram_luts, shift_register_luts
from backends.hls.folding_options import AUTO, BRAM, LUTRAM, SHALLOWEST, SIMULATED, SRL
from backends.hls.lanes import Lanes
from backends.hls.memories import lightest
from backends.hls.nodes import WINDOW, Node
from backends.stream import Fifo, Stage, sized
from flows.core.part import Device
from models.network import INPUT
from models.quantised import QuantisedNetwork

Size = Callable[[Sequence[Stage], Mapping[Fifo, int], int], Mapping[Fifo, int]]

READ_BITS = 18
"""HLS reads a RAMB18 of a FIFO at most this wide: 9 of 9 FIFOs of a csynth report of Vitis HLS 2024.2."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """One FIFO of `depth` words of `bits` bits, kept in `storage`."""

    writer: str
    reader: str
    depth: int
    bits: int
    storage: str

    @property
    def fifo(self) -> Fifo:
        return self.writer, self.reader

    @property
    def bram18(self) -> int:
        return bram18(self.depth, self.bits, widest=READ_BITS) if self.storage == BRAM else 0

    @property
    def luts(self) -> int:
        """LUTs that hold the words; those that control them are apart."""
        laws = {SRL: shift_register_luts, LUTRAM: ram_luts}
        return laws[self.storage](self.depth, self.bits) if self.storage in laws else 0


def depths(
    quantised: QuantisedNetwork, design: Sequence[Node], stages: Sequence[Stage], asked: str, size: Size = sized
) -> Mapping[Fifo, int]:
    """The depth of every FIFO of `design` in words; `asked` is the option --fifo-depth."""
    writers = {node.name: node for node in design}
    found = [(source, node.name) for node in design for source in node.sources if source != INPUT]
    if asked == SIMULATED:
        return size(stages, {fifo: pixel_bits(quantised, writers[fifo[0]]) for fifo in found}, SHALLOWEST)
    return dict.fromkeys(found, int(asked))


def pixel_bits(quantised: QuantisedNetwork, node: Node) -> int:
    """Bits of a pixel that `node` puts, all channels; of a window all that it covers."""
    values = node.size[0] if node.kind == WINDOW else node.shape[-1]
    return values * quantised.type_of(node.tensor).width


def buffers(
    quantised: QuantisedNetwork,
    design: Sequence[Node],
    lanes: Mapping[str, Lanes],
    depths: Mapping[Fifo, int],
    storage: str,
    device: Device,
) -> tuple[Buffer, ...]:
    """Every FIFO, kept in what the option --fifo-storage asks; `auto` is what takes the smallest share of `device`."""
    types = {node.name: quantised.type_of(node.tensor) for node in design}
    ways = (SRL, LUTRAM, BRAM) if storage == AUTO else (storage,)
    found = []
    for (writer, reader), depth in depths.items():
        bits = lanes[writer].puts * types[writer].width
        found.append(lightest((Buffer(writer, reader, depth, bits, way) for way in ways), device))
    return tuple(found)
