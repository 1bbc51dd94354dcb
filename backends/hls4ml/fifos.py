"""The FIFOs between the blocks of a design: how deep, kept in what, at what cost.

hls4ml makes each as deep as a frame, which never deadlocks and takes several times the block RAM of the part. Here
their depths come from the stream simulation, and each is kept in what is the smaller share of the part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backends.cost.blockram import bram18
from backends.cost.fabric import ram_luts, shift_register_luts
from backends.hls4ml.options import AUTO, BRAM, FRAME, LUTRAM, SIMULATED, SRL, TOOL
from backends.hls4ml.schedule import Block, tokens
from backends.stream import Fifo, Stage, sized
from flows.core.part import Device
from models.quantised import QuantisedNetwork

Depths = Mapping[Fifo, int]
Size = Callable[[Sequence[Stage], Depths, int], Depths]

SHALLOWEST = 16
"""Up to this depth two bits share a LUT of a shift register (AMD UG474): less would save nothing."""
READ_BITS = 18
"""HLS reads a RAMB18 of a FIFO at most this wide: 9 of 9 rows of Vitis HLS 2024.2."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """One FIFO of the generated project: `lanes` side by side, each `depth` words of `bits` bits, kept in `storage`.

    Vitis HLS makes one lane of a token with all its channels, Vivado HLS one for each channel.
    """

    writer: str
    reader: str
    depth: int
    lanes: int
    bits: int
    storage: str

    @property
    def fifo(self) -> Fifo:
        return self.writer, self.reader

    @property
    def bram18(self) -> int:
        return self.lanes * bram18(self.depth, self.bits, widest=READ_BITS) if self.storage == BRAM else 0

    @property
    def luts(self) -> int:
        """LUTs that hold the words; those that control them are apart."""
        laws = {SRL: shift_register_luts, LUTRAM: ram_luts}
        return self.lanes * laws[self.storage](self.depth, self.bits) if self.storage in laws else 0


def depths(
    quantised: QuantisedNetwork, design: Sequence[Block], stages: Sequence[Stage], asked: str, size: Size = sized
) -> Depths:
    """The depth of every FIFO of `design`, in tokens; `stages` is its schedule, `asked` the option --fifo-depth."""
    writers = {block.name: block for block in design}
    found = {(source, block.name): writers[source] for block in design for source in block.sources if source in writers}
    if asked == SIMULATED:
        widths = {fifo: one.shape[-1] * quantised.type_of(one.tensor).width for fifo, one in found.items()}
        return size(stages, widths, SHALLOWEST)
    return {fifo: tokens(writer.shape) if asked == FRAME else int(asked) for fifo, writer in found.items()}


def buffers(
    quantised: QuantisedNetwork, design: Sequence[Block], depths: Depths, storage: str, tool: str, device: Device
) -> tuple[Buffer, ...]:
    """Every FIFO, kept in what the option --fifo-storage asks; `auto` is what takes the smallest share of `device`."""
    writers = {block.name: block for block in design}
    found = []
    for (writer, reader), depth in depths.items():
        block = writers[writer]
        channels, width = block.shape[-1], quantised.type_of(block.tensor).width
        lanes, bits = (channels, width) if tool == "vivado" else (1, channels * width)
        ways = {AUTO: (SRL, LUTRAM, BRAM), TOOL: (chosen_by(tool, depth, bits),)}.get(storage, (storage,))
        choices = [Buffer(writer, reader, depth, lanes, bits, way) for way in ways]
        found.append(min(choices, key=lambda one: one.luts / device.lut + one.bram18 / device.bram18))
    return tuple(found)


def chosen_by(tool: str, depth: int, bits: int) -> str:
    """Where a FIFO goes that nothing is said of.

    Vitis HLS keeps up to two words, or fewer than 1024 bits in all, in shift registers (UG1399, ``config_storage``): 9
    of 9 rows of 2024.2. Vivado HLS up to a depth of 32: 390 of 390 FIFOs of one report of 2020.1.
    """
    small = depth <= 2 or depth * bits < 1024 if tool == "vitis" else depth <= 32
    return SRL if small else BRAM
