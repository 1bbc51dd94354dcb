"""Vivado's ``report_utilization`` and ``report_timing_summary``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from backends.vendor import tables
from backends.vendor.tables import Row, Table, damaged, foreign, number
from flows.core.errors import InputError
from flows.core.evidence import Metric, Tier

SITES = {
    "Slice LUTs": (Metric.LUT, 1),
    "CLB LUTs": (Metric.LUT, 1),
    "Slice Registers": (Metric.FF, 1),
    "CLB Registers": (Metric.FF, 1),
    "Block RAM Tile": (Metric.BRAM18, 2),  # a tile is two RAMB18, and half a tile is one
    "DSPs": (Metric.DSP, 1),
}
PARTS = (
    ({"Slice LUTs", "CLB LUTs"}, {"LUT as Logic": 1, "LUT as Memory": 1}),
    ({"Slice Registers", "CLB Registers"}, {"Register as Flip Flop": 1, "Register as Latch": 1}),
    ({"Block RAM Tile"}, {"RAMB36/FIFO": 1, "RAMB18": 0.5}),
)
"""Sites, and the rows below them that add up to them."""
HIERARCHY = {
    "Total LUTs": (Metric.LUT, 1),
    "FFs": (Metric.FF, 1),
    "RAMB36": (Metric.BRAM18, 2),
    "RAMB18": (Metric.BRAM18, 1),
    "DSP48 Blocks": (Metric.DSP, 1),
    "DSP Blocks": (Metric.DSP, 1),  # since 2020
}
"""Columns of the hierarchical form, whose first row is the whole design."""
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
    period_ns: float
    slack_ns: float

    @property
    def fmax_mhz(self) -> float | None:
        """The clock at which the slack would be 0, None where there is none."""
        return 1000 / (self.period_ns - self.slack_ns) if self.slack_ns < self.period_ns else None


def parse_utilization(text: str, place: str) -> Utilization:
    """Raises `InputError` where it is no such report, or damaged, or cut off."""
    top, part, tool = _head(text, place)
    state = tables.field(text, "Design State")
    if state not in (*UNROUTED, *ROUTED):
        raise damaged(place, f"its design state is {state or 'not there'}, which is neither synthesised nor routed")
    every = tables.tables(text, place)
    used = _sites(every, place) or _whole(every, place)
    if not used:
        raise damaged(place, "no table of used sites in it: perhaps it is cut off")
    _check_sections(text, place)
    return Utilization(top, part, tool, state, Tier.ROUTED if state in ROUTED else Tier.SYNTHESISED, used)


def _sites(every: Iterable[Table], place: str) -> dict[Metric, float]:
    """Of the flat form, where a site may be listed again further down. Raises `InputError`."""
    listed = [row for table in every if table.has("Site Type", "Used") for row in table.rows]
    rows = {row["Site Type"].replace("*", "").strip(): row for row in reversed(listed)}
    known = {name: number(row["Used"], place) for name, row in rows.items()}
    sites = {name: value for name, value in known.items() if value is not None}
    for names, parts in PARTS:
        for name in names & sites.keys() if parts.keys() <= sites.keys() else ():
            if sites[name] != (total := sum(sites[below] * share for below, share in parts.items())):
                raise damaged(place, f"{sites[name]:g} {name}, while the rows below add up to {total:g}")
    used: dict[Metric, float] = {}
    for name, (metric, halves) in SITES.items():
        if name in sites:
            _check_share(sites[name], rows[name], place)
            used[metric] = sites[name] * halves
            if used[metric] % 1:
                raise damaged(place, f"{sites[name]:g} {name}, which come whole")
    return used


def _check_share(used: float, row: Row, place: str) -> None:
    """Raises `InputError` where the row's share, of two decimals, is not what is used of what is available."""
    available, share = number(row.get("Available", ""), place), number(row.get("Util%", "").removeprefix("<"), place)
    if available and share is not None and abs(100 * used / available - share) > 0.011:
        raise damaged(place, f"{used:g} of {available:g} {row['Site Type']}, but a share of {share:g} %")


def _whole(every: Iterable[Table], place: str) -> dict[Metric, float]:
    """Of the hierarchical form: its first row, in which shares may stand behind the counts."""
    used: dict[Metric, float] = {}
    for row in [table.rows[0] for table in every if table.has("Instance", "Total LUTs") and table.rows]:
        for name, (metric, halves) in HIERARCHY.items():
            value = number(re.sub(r"\([<\d.]+%\)$", "", row.get(name, "")), place)
            if value is not None:
                used[metric] = used.get(metric, 0) + value * halves
    return used


def _check_sections(text: str, place: str) -> None:
    """Raises `InputError` where a section is listed at the front and is not there."""
    headings = Counter(line.rstrip() for line in re.findall(r"^\d+(?:\.\d+)*\.? \w.*$", text, re.MULTILINE))
    for name, times in headings.items():
        if times < 2:
            raise damaged(place, f"its section {name!r} is missing: perhaps it is cut off")


def parse_timing(text: str, place: str) -> Timing:
    """Raises `InputError` where it is no such report, cut off before its summary, or not of one clock alone."""
    top, part, tool = _head(text, place)
    grade = [*(tables.field(text, "Speed File") or "").split(), ""][0]
    summary = _column(text, "WNS(ns)", place)
    if not summary:
        raise damaged(place, "no timing summary in it: perhaps it is cut off")
    clocks = _column(text, "Clock", place)
    if len(clocks) != 1:
        fact = f"of {len(clocks)} clocks, {', '.join(clocks)}" if clocks else "in it no clock is constrained"
        raise InputError(f"report {place}", fact, "give the design one clock (create_clock) and make it again")
    period, slack = (_signed(cells[0], place) for cells in (_column(text, "Period(ns)", place), summary))
    if period is None or slack is None:
        raise damaged(place, f"no path is timed in it: its worst slack is {summary[0]}")
    state = tables.field(text, "Design State")
    # Until 2022 the header has no state; every net on a path is marked as routed, estimated or unplaced.
    routed = state in ROUTED if state else set(re.findall(r"\(fo=\d+, (\w+)\)", text)) == {"routed"}
    tier = Tier.ROUTED if routed else Tier.SYNTHESISED
    return Timing(top, part.removesuffix(grade) + grade, tool, tier, period, slack)


def parse(text: str, place: str) -> Utilization | Timing:
    """Either of them. Raises `InputError`, which names the command where it is another report of Vivado's."""
    if "\nUtilization Design Information" in text:
        return parse_utilization(text, place)
    if "\nTiming Summary Report" in text:
        return parse_timing(text, place)
    command = (tables.field(text, "Command") or "a command it does not name").partition(" -")[0]
    if command in ("report_utilization", "report_timing_summary"):
        raise damaged(place, "cut off before its first table")
    raise foreign(place, f"made with {command}")


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
