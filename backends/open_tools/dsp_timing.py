"""Delays of the DSP48E1 by what it is set to, as Project X-Ray's database has them (``dsp48e1.json`` beside this file).

``python -m calibration.dsp_timing`` made the file. The database names no speed grade; its slow corner is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from backends.open_tools.sdf import Delays

DEFAULTS = {
    "ACASCREG": "1", "ADREG": "1", "ALUMODEREG": "1", "AREG": "1", "BCASCREG": "1", "BREG": "1", "CARRYINREG": "1",
    "CARRYINSELREG": "1", "CREG": "1", "DREG": "1", "INMODEREG": "1", "MREG": "1", "OPMODEREG": "1", "PREG": "1",
    "A_INPUT": "DIRECT", "B_INPUT": "DIRECT", "USE_DPORT": "FALSE", "USE_MULT": "MULTIPLY",
    "USE_PATTERN_DETECT": "NO_PATDET",
}  # fmt: skip
"""What the primitive has where a design sets nothing (AMD UG953)."""
SETUP, LAUNCH, THROUGH = "setup", "launch", "through"
Arc = tuple[Mapping[str, str], str, str, str, float]
"""(what must be set, kind, from which port, to which, ns); a setup has no second port, a launch no first."""
PIN = re.compile(r"([A-Z]+)(\d*)$")


@cache
def arcs() -> tuple[Arc, ...]:
    rows = json.loads((Path(__file__).parent / "dsp48e1.json").read_text())["arcs"]
    return tuple((row["set"], row["kind"], row.get("from", ""), row.get("to", ""), row["ns"]) for row in rows)


def settings(parameters: Mapping[str, str]) -> dict[str, str]:
    """What a cell is set to; Yosys writes numbers in bits.

    >>> settings({"AREG": "00000000000000000000000000000010", "USE_MULT": "NONE "})["AREG"]
    '2'
    """
    given = {name: value.strip() for name, value in parameters.items() if name in DEFAULTS}
    return DEFAULTS | {
        name: str(int(value, 2)) if re.fullmatch("[01]{2,}", value) else value for name, value in given.items()
    }


def add(delays: Delays, cells: Mapping[str, Mapping[str, str]]) -> None:
    """Adds to `delays` those of the slices `cells`, by name with their parameters, at the pins that nets lead to."""
    pins: dict[str, set[str]] = {name: set() for name in cells}
    for source, sinks in list(delays.edges.items()):
        for pin in (source, *(sink for sink, _ in sinks)):
            cell, _, port = pin.rpartition("/")
            if cell in pins:
                pins[cell].add(port)
    for name, parameters in cells.items():
        for kind, source, sink, ns in _of(settings(parameters)):
            if kind == SETUP:
                for pin in _pins(pins[name], source):
                    at = f"{name}/{pin}"
                    delays.captured[at] = max(ns, delays.captured.get(at, 0.0))
            elif kind == LAUNCH:
                for pin in _pins(pins[name], sink):
                    at = f"{name}/{pin}"
                    delays.launched[at] = max(ns, delays.launched.get(at, 0.0))
            else:
                for pin in _pins(pins[name], source):
                    delays.edges[f"{name}/{pin}"] += [(f"{name}/{other}", ns) for other in _pins(pins[name], sink)]


def _of(settings: Mapping[str, str]) -> Iterator[tuple[str, str, str, float]]:
    for needed, kind, source, sink, ns in arcs():
        if all(settings[name] == value for name, value in needed.items()):
            yield kind, source, sink, ns


def _pins(pins: set[str], port: str) -> list[str]:
    """Those of a port: P3 is of P, PCIN3 is not."""
    return sorted(pin for pin in pins if (match := PIN.match(pin)) and match[1] == port)
