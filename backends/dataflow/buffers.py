"""The FIFOs between the stages of a design: how wide and deep they are, and what holds their words.

Sources: AMD UG473 (block RAM), UG474 (LUTs as shift registers and RAM), UG1399 (``config_storage``, ``BIND_STORAGE``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeVar

from backends.cost.blockram import bram18
from backends.cost.fabric import ram_luts, shift_register_luts
from backends.cost.shell import DEFAULT
from backends.dataflow.stages import Fifo
from flows.core.evidence import Metric
from flows.core.part import Device

SRL, LUTRAM, BRAM = "srl", "lutram", "bram"
STORAGES = {SRL: "shift registers", LUTRAM: "LUT RAM", BRAM: "block RAM"}
"""What may hold the words of a FIFO, with the name that users see."""
SHALLOWEST = 16
"""Words of the shallowest FIFO: up to this depth two bits share a LUT of a shift register, so fewer save nothing."""
READ_BITS = 18
"""The widest read of a RAMB18 in an HLS FIFO: so in 9 of 9 FIFOs of a csynth report of Vitis HLS 2024.2."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """One FIFO of HLS C++: `lanes` side by side, each of `depth` words of `bits` bits, kept in `storage`."""

    writer: str
    reader: str
    depth: int
    bits: int
    storage: str
    lanes: int = 1

    @property
    def fifo(self) -> Fifo:
        return self.writer, self.reader

    @property
    def bram18(self) -> int:
        return self.lanes * bram18(self.depth, self.bits, widest=READ_BITS) if self.storage == BRAM else 0

    @property
    def luts(self) -> int:
        """LUTs that hold the words; LUTs of the control logic are counted elsewhere."""
        luts_of = {SRL: shift_register_luts, LUTRAM: ram_luts}
        return self.lanes * luts_of[self.storage](self.depth, self.bits) if self.storage in luts_of else 0


class Stored(Protocol):
    """A memory, built in one of several ways."""

    @property
    def luts(self) -> int: ...

    @property
    def bram18(self) -> int: ...


Way = TypeVar("Way", bound=Stored)


def lightest(ways: Iterable[Way], device: Device) -> Way:
    """The way that takes the smallest share of what the usual shell leaves of `device`.

    So LUTs weigh more where they are scarce.
    """
    luts, rams = _room(device.lut, device.bram18)
    return min(ways, key=lambda way: way.luts / luts + way.bram18 / rams)


@cache
def _room(luts: int, rams: int) -> tuple[float, float]:
    """What the usual shell leaves of so many LUTs and RAMB18."""
    return luts - DEFAULT.range(Metric.LUT).value, rams - DEFAULT.range(Metric.BRAM18).value
