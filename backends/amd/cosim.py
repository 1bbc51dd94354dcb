"""The co-simulation report of Vivado HLS and Vitis HLS (``TOP_cosim.rpt``). It names neither part nor top."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backends.amd import tables
from backends.amd.csynth_checks import Cycles
from backends.amd.tables import Row, count, damaged

HEADING = re.compile(r"^\+ +RTL +\+ +Status +\+", re.MULTILINE)
CYCLES = "(Clock Cycles)"
"""What Vitis HLS adds to the headings."""


@dataclass(frozen=True)
class Cosim:
    """Cycles over the transactions of the test bench; `failed` says how the simulation ended where it did not pass."""

    language: str
    latency: Cycles
    interval: Cycles
    failed: str = ""


def parse(text: str, place: str) -> Cosim:
    """A simulation that passed. Raises `InputError` as `parse_outcome`, and where a simulation failed."""
    outcome = parse_outcome(text, place)
    if outcome.failed:
        raise damaged(place, outcome.failed)
    return outcome


def parse_outcome(text: str, place: str) -> Cosim:
    """A simulation, passed or failed. Raises `InputError` where it is no such report, or two, where nothing was
    simulated, or where its cycles exclude each other."""
    tables.single(text, HEADING.pattern, "a co-simulation report", place)
    plain = text.replace(CYCLES, " " * len(CYCLES))
    transactions = next(
        (table for table in tables.tables(plain, place) if table.has("RTL", "Status", "Latency max")), None
    )
    if transactions is None:
        raise damaged(place, "no co-simulation report")
    ran = [row for row in transactions.rows if row["Status"].upper() not in ("NA", "")]
    if not ran:
        raise damaged(place, "nothing was co-simulated")
    for row in ran:
        if row["Status"].lower() != "pass":
            failed = f"the co-simulation of the {row['RTL']} ended with status {row['Status']}"
            return Cosim(row["RTL"], Cycles(None, None), Cycles(None, None), failed)

    latency, interval = (_cycles(ran[0], name, place) for name in ("Latency", "Interval"))
    if latency == Cycles(None, None):
        raise damaged(place, f"the co-simulation of the {ran[0]['RTL']} passed and measured no latency")
    return Cosim(ran[0]["RTL"], latency, interval)


def _cycles(row: Row, name: str, place: str) -> Cycles:
    """Raises `InputError` unless the average lies between the ends."""
    best, average, worst = (count(row.get(f"{name} {side}", ""), place) for side in ("min", "avg", "max"))
    known = [value for value in (best, average, worst) if value is not None]
    if known != sorted(known):
        cells = " to ".join(f"{value:,.0f}" for value in known)
        raise damaged(place, f"a {name.lower()} of {cells} cycles (min, avg, max) at line {row.line}")
    return Cycles(best, worst)
