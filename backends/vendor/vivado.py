"""Vivado's ``report_utilization`` and ``report_timing_summary``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from backends.vendor import tables
from backends.vendor.tables import damaged, number
from flows.core.evidence import Metric, Tier

SITES = {
    "Slice LUTs": (Metric.LUT, 1),
    "CLB LUTs": (Metric.LUT, 1),
    "Slice Registers": (Metric.FF, 1),
    "CLB Registers": (Metric.FF, 1),
    "Block RAM Tile": (Metric.BRAM18, 2),  # a tile is two RAMB18, and half a tile is one
    "DSPs": (Metric.DSP, 1),
}
UNROUTED = ("Synthesized", "Optimized", "Fully Placed", "Physopt postPlace")
ROUTED = ("Routed", "Fully Routed", "Physopt postRoute")


@dataclass(frozen=True)
class Utilization:
    """`state` is Vivado's word; what is placed and not routed counts as synthesised, the lower tier."""

    top: str
    part: str
    tool: str
    state: str
    tier: Tier
    resources: Mapping[Metric, float]


@dataclass(frozen=True)
class Timing:
    """Of the only clock; `slack_ns` is the worst setup slack, negative where timing is not met."""

    top: str
    part: str
    tool: str
    tier: Tier
    period_ns: float | None
    slack_ns: float | None

    @property
    def fmax_mhz(self) -> float | None:
        """The clock at which the slack would be 0."""
        if self.period_ns is None or self.slack_ns is None or self.slack_ns >= self.period_ns:
            return None
        return 1000 / (self.period_ns - self.slack_ns)


def parse_utilization(text: str, place: str) -> Utilization:
    """Raises `InputError` where it is no such report, or damaged, or cut off."""
    top, part, tool = _head(text, place)
    state = tables.field(text, "Design State")
    if state not in (*UNROUTED, *ROUTED):
        raise damaged(place, f"its design state is {state or 'not there'}, which is neither synthesised nor routed")
    used: dict[Metric, float] = {}
    for table in tables.tables(text, place):
        for row in table.rows if table.has("Site Type", "Used") else ():
            metric, halves = SITES.get(row["Site Type"].replace("*", "").strip(), (None, 1))
            value = number(row["Used"], place)
            if metric and value is not None:
                if (value * halves) % 1:
                    raise damaged(place, f"{row['Used']} of {row['Site Type']}, which come whole")
                used.setdefault(metric, value * halves)
    if not used:
        raise damaged(place, "no table of used sites in it: perhaps it is cut off, or not from report_utilization")
    return Utilization(top, part, tool, state, Tier.ROUTED if state in ROUTED else Tier.SYNTHESISED, used)


def parse_timing(text: str, place: str) -> Timing:
    """Raises `InputError` where it is no such report or cut off before its summary."""
    top, part, tool = _head(text, place)
    grade = (tables.field(text, "Speed File") or "").split()
    summary = _column(text, "WNS(ns)", place)
    if not summary:
        raise damaged(place, "no timing summary in it: perhaps it is cut off, or not from report_timing_summary")
    periods = _column(text, "Period(ns)", place)
    state = tables.field(text, "Design State")
    # Until 2022 the header has no state; every net on a path is marked as routed, estimated or unplaced.
    routed = state in ROUTED if state else set(re.findall(r"\(fo=\d+, (\w+)\)", text)) == {"routed"}
    period = _signed(periods[0], place) if len(periods) == 1 else None
    tier = Tier.ROUTED if routed else Tier.SYNTHESISED
    return Timing(top, f"{part}{grade[0] if grade else ''}", tool, tier, period, _signed(summary[0], place))


def _head(text: str, place: str) -> tuple[str, str, str]:
    """Design, device and tool."""
    found = [tables.field(text, name) for name in ("Design", "Device", "Tool Version")]
    top, part, tool = found
    if top is None or part is None or tool is None or not tool.startswith("Vivado"):
        raise damaged(place, "no report of Vivado's: it does not name its design, device and tool")
    return top, part, f"Vivado {tool.split()[1].removeprefix('v.')}" if len(tool.split()) > 1 else tool


def _column(text: str, name: str, place: str) -> list[str]:
    """The cells below the first heading `name` of a table that is set with blanks and dashes."""
    lines = text.splitlines()
    for index, line in enumerate(lines[:-1]):
        columns = _words(line)
        if name in columns and re.fullmatch(r"\s*-[-\s]*", lines[index + 1]):
            rows = [_words(row) for row in takewhile(str.strip, lines[index + 2 :])]
            if any(len(row) != len(columns) for row in rows):
                raise damaged(place, f"a row under {name} that has not {len(columns)} cells: perhaps it is cut off")
            return [row[columns.index(name)] for row in rows]
    return []


def _words(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def _signed(text: str, place: str) -> float | None:
    value = number(text.removeprefix("-") if len(text) > 1 else text, place)
    return -value if value is not None and text.startswith("-") else value
