"""The memories of the design, weights and line buffers, and what holds each: LUTs, or block RAM.

Sources: AMD UG473 (block RAM), UG474 (LUT RAM: 64 x 1 bits a LUT), UG1399 (``BIND_STORAGE``).
"""

from __future__ import annotations

from dataclasses import dataclass

from backends.cost.blockram import bram18
from backends.cost.fabric import ram_luts
from backends.hls.folding_options import BRAM, LUTRAM, Fold
from flows.core.part import Device
from models.network import Conv2D, MaxPool2D, Shape


@dataclass(frozen=True, slots=True)
class Memory:
    """`copies` memories side by side, each of `depth` words of `bits` bits; a ROM is never written."""

    copies: int
    depth: int
    bits: int
    storage: str
    rom: bool = False

    @property
    def bram18(self) -> int:
        return self.copies * bram18(self.depth, self.bits) if self.storage == BRAM else 0

    @property
    def luts(self) -> int:
        """LUTs that hold the words; a ROM of LUTs holds 64 bits in each."""
        if self.storage == BRAM:
            return 0
        return self.copies * (self.bits * -(-self.depth // 64) if self.rom else ram_luts(self.depth, self.bits))


def weight_rom(size: tuple[int, int], fold: Fold, bits: int, device: Device) -> Memory:
    """The weights of a layer of `size` (products of each result, results): one ROM a PE, a word a cycle."""
    depth = (size[0] // fold.simd) * (size[1] // fold.pe)
    return _smallest(fold.pe, depth, fold.simd * bits, True, device)


def line_buffer(layer: Conv2D | MaxPool2D, taken: Shape, bits: int, device: Device) -> Memory:
    """The rows that a window still needs while another comes in: one memory a row, a word a pixel."""
    return _smallest(layer.kernel[0] - 1, taken[1], taken[2] * bits, False, device)


def _smallest(copies: int, depth: int, bits: int, rom: bool, device: Device) -> Memory:
    """In what is the smaller share of the part."""
    ways = [Memory(copies, depth, bits, storage, rom) for storage in (LUTRAM, BRAM)]
    return min(ways, key=lambda one: one.luts / device.lut + one.bram18 / device.bram18)
