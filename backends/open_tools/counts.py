"""What a netlist of 7-series cells takes: Yosys' count of them by kind, as resources of the part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOGIC = re.compile(r"LUT[1-6]|INV")
"""An inverter that stands alone takes a LUT."""
MEMORY_LUTS = {
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4,
    "RAM32M": 4, "RAM64M": 4, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1,
}  # fmt: skip
"""LUTs of a SLICEM that a cell takes (AMD UG474)."""
FLIP_FLOP = re.compile(r"FD[RSCP]E(_1)?|LD[CP]E")
RAMB18 = {"RAMB18E1": 1, "RAMB36E1": 2, "FIFO18E1": 1, "FIFO36E1": 2}


@dataclass(frozen=True)
class NetlistCounts:
    """`logic` and `memory` are LUTs; two of one slice may share a LUT, which is not counted here."""

    logic: int = 0
    memory: int = 0
    ff: int = 0
    ramb18: int = 0
    dsp: int = 0

    @property
    def lut(self) -> int:
        return self.logic + self.memory

    def __add__(self, other: NetlistCounts) -> NetlistCounts:
        return NetlistCounts(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def counts(cells: Mapping[str, int]) -> NetlistCounts:
    """
    >>> counts({"LUT6": 5, "RAM32M": 2, "FDRE": 3, "RAMB36E1": 1, "DSP48E1": 4, "CARRY4": 9})
    NetlistCounts(logic=5, memory=8, ff=3, ramb18=2, dsp=4)
    """
    return NetlistCounts(
        sum(many for kind, many in cells.items() if LOGIC.fullmatch(kind)),
        sum(many * MEMORY_LUTS.get(kind, 0) for kind, many in cells.items()),
        sum(many for kind, many in cells.items() if FLIP_FLOP.fullmatch(kind)),
        sum(many * RAMB18.get(kind, 0) for kind, many in cells.items()),
        cells.get("DSP48E1", 0),
    )


def from_statistics(report: Any) -> NetlistCounts:
    """Of what ``stat -json`` prints of a flattened design. Raises `ValueError` where it is something else."""
    try:
        (module,) = report["modules"].values()
        cells = module["num_cells_by_type"]
        return counts({str(kind): _count(many) for kind, many in cells.items()})
    except (KeyError, TypeError, AttributeError):
        raise ValueError("no statistics of one flattened module") from None


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} where a number of cells should be")
    return value
