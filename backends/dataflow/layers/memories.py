"""The memories of stages: the weights of a layer, the rows of an image, the values that a layer reads again.

Each is in LUTs (AMD UG474) or block RAM (UG473), whichever takes the smaller share of the part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil

from backends.cost.blockram import bram18
from backends.cost.fabric import ram_luts
from backends.dataflow.buffers import BRAM, LUTRAM, lightest
from backends.dataflow.layers.nodes import POOLS, WINDOW, Lanes, Node, part_width, parts, parts_read, turns
from backends.dataflow.pe_simd import Fold
from flows.core.part import Device
from models.layers import CONVOLUTIONS


@dataclass(frozen=True)
class Memory:
    """`copies` memories side by side, each of `depth` words of `bits` bits; a ROM is never written."""

    copies: int
    depth: int
    bits: int
    storage: str
    rom: bool = False

    @cached_property
    def bram18(self) -> int:
        return self.copies * bram18(self.depth, self.bits) if self.storage == BRAM else 0

    @cached_property
    def luts(self) -> int:
        """LUTs that hold the words; a ROM has 64 bits in each LUT. A single word is in registers, or is constant."""
        if self.storage == BRAM:
            return 0
        if self.rom:
            return self.copies * self.bits * -(-self.depth // 64)
        return self.copies * ram_luts(self.depth, self.bits) if self.depth > 1 else 0


def shared(sharing: int, fold: Fold) -> int:
    """How many results share a multiplier at this fold, where `sharing` could."""
    return 1 if fold.in_luts else min(sharing, fold.pe)


def weight_rom(node: Node, fold: Fold, bits: int, device: Device, sharing: int = 1) -> Memory:
    """The weights of a stage: a ROM for every PE, or for every `sharing` of them, each with one word a cycle."""
    together = shared(sharing, fold)
    return _in(ceil(fold.pe / together), turns(node, fold), fold.simd * together * bits, device, rom=True)


def rows(node: Node, wide: Lanes, bits: int, device: Device) -> Memory:
    """The rows that are needed again: those of a window in one memory, those of a pool in one each except the
    newest."""
    assert isinstance(node.layer, (*CONVOLUTIONS, *POOLS))
    height, width, channels = node.layer.kernel[0], *node.taken[1:]
    if node.kind == WINDOW:
        stored = parts(node, wide).stored
        return _in(1, height * width * channels // stored, stored * bits, device)
    return _in(height - 1, width * channels // wide.takes, wide.takes * bits, device)


def kept(node: Node, fold: Fold, bits: int, device: Device) -> Memory:
    """The values that a stage with weights keeps after reading: a window, or all of them."""
    return _in(1, parts_read(node, fold), part_width(node.layer, fold) * bits, device)


def _in(copies: int, depth: int, bits: int, device: Device, rom: bool = False) -> Memory:
    return lightest(_ways(copies, depth, bits, rom), device)


@lru_cache(maxsize=4096)  # of one network they are the same on every part
def _ways(copies: int, depth: int, bits: int, rom: bool) -> tuple[Memory, Memory]:
    return Memory(copies, depth, bits, LUTRAM, rom), Memory(copies, depth, bits, BRAM, rom)
