"""The co-simulation report of Vivado HLS and Vitis HLS (``TOP_cosim.rpt``). It names neither part nor top."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backends.vendor import tables
from backends.vendor.csynth import Cycles
from backends.vendor.tables import damaged, number

HEADING = re.compile(r"^\+ +RTL +\+ +Status +\+", re.MULTILINE)
CYCLES = "(Clock Cycles)"
"""What Vitis HLS adds to the headings."""


@dataclass(frozen=True)
class Cosim:
    """Cycles over the transactions of the test bench."""

    language: str
    latency: Cycles
    interval: Cycles


def parse(text: str, place: str) -> Cosim:
    """Raises `InputError` where it is no such report, where nothing was simulated, or where a simulation failed."""
    plain = text.replace(CYCLES, " " * len(CYCLES))
    found = next((one for one in tables.tables(plain, place) if one.has("RTL", "Status", "Latency max")), None)
    if found is None:
        raise damaged(place, "no co-simulation report")
    ran = [row for row in found.rows if row["Status"].upper() not in ("NA", "")]
    if not ran:
        raise damaged(place, "nothing was co-simulated")
    for row in ran:
        if row["Status"].lower() != "pass":
            raise damaged(place, f"the co-simulation of the {row['RTL']} ended with status {row['Status']}")

    def cycles(name: str) -> Cycles:
        return Cycles(number(ran[0].get(f"{name} min", ""), place), number(ran[0].get(f"{name} max", ""), place))

    latency = cycles("Latency")
    if latency == Cycles(None, None):
        raise damaged(place, f"the co-simulation of the {ran[0]['RTL']} passed and measured no latency")
    return Cosim(ran[0]["RTL"], latency, cycles("Interval"))
