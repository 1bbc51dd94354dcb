"""Vivado's ``report_utilization``, flat and hierarchical."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from backends.amd import tables
from backends.amd.tables import Row, Table, count, damaged, number, twice
from backends.amd.vivado import ROUTED, UNROUTED, head
from flows.core.evidence import RESOURCES, Metric, Tier

TITLE = "Utilization Design Information"
SITES = {
    "Slice LUTs": (Metric.LUT, 1),
    "CLB LUTs": (Metric.LUT, 1),
    "Slice Registers": (Metric.FF, 1),
    "CLB Registers": (Metric.FF, 1),
    "Block RAM Tile": (Metric.BRAM18, 2),  # a tile is two RAMB18, and half a tile is one
    "DSPs": (Metric.DSP, 1),
}
PARTS = (
    ({"Slice LUTs", "CLB LUTs"}, {"LUT as Logic": 1.0, "LUT as Memory": 1.0}),
    ({"LUT as Memory"}, {"LUT as Distributed RAM": 1.0, "LUT as Shift Register": 1.0}),
    ({"Slice Registers", "CLB Registers"}, {"Register as Flip Flop": 1.0, "Register as Latch": 1.0}),
    ({"Block RAM Tile"}, {"RAMB36/FIFO": 1.0, "RAMB18": 0.5}),
)
"""Sites, and the rows below them that add up to them."""
KINDS = ("DSPs", "RAMB36/FIFO", "RAMB18")
"""Sites below which a row for each kind may stand, "RAMB18E1 only", that add up to them."""
PRIMITIVES = {"DSPs": ("DSP48",), "RAMB18": ("RAMB18", "FIFO18"), "RAMB36/FIFO": ("RAMB36", "FIFO36")}
"""Sites, and how the names of what fills them begin in the table of primitives."""
HIERARCHY = {
    "Total LUTs": (Metric.LUT, 1),
    "FFs": (Metric.FF, 1),
    "RAMB36": (Metric.BRAM18, 2),
    "RAMB18": (Metric.BRAM18, 1),
    "DSP48 Blocks": (Metric.DSP, 1),
    "DSP Blocks": (Metric.DSP, 1),  # since 2020
}
"""Columns of the hierarchical form, whose first row is the whole design."""
LUTS = ("Logic LUTs", "LUTRAMs", "SRLs")
"""Columns that add up to "Total LUTs"."""
SHARE = re.compile(r"\(<?\d+(\.\d+)?%\)$", re.ASCII)


@dataclass(frozen=True)
class Utilization:
    """`state` is Vivado's word; what is placed and not routed counts as synthesised, the lower tier.

    `available` is what the part has, by the report, less what must not be used; the hierarchical form has none. Only
    the hierarchical form has `blocks`: its instances by name, except those whose name occurs twice. `has_processor`
    says whether it contains the processing system: then it is a whole design and not a block of one.
    """

    top: str
    part: str
    tool: str
    state: str
    tier: Tier
    resources: Mapping[Metric, float]
    available: Mapping[Metric, float]
    blocks: Mapping[str, Mapping[Metric, float]] = field(default_factory=dict)
    has_processor: bool = False


def parse(text: str, place: str) -> Utilization:
    """Raises `InputError` where it is no such report, or damaged, or cut off, or where what it says twice differs."""
    tables.single(text, rf"^{TITLE}", "a utilisation report", place)
    header = head(text, place)
    state = header.state
    if state not in (*UNROUTED, *ROUTED):
        raise damaged(place, f"its design state is {state or 'not there'}, which is neither synthesised nor routed")
    every = tables.tables(text, place)
    used, available = _sites(every, place) or (_whole(every, header.top, place), {})
    if not used:
        raise damaged(place, "no table of used sites in it: perhaps it is cut off")
    if absent := [metric.unit for metric in RESOURCES if metric not in used]:
        raise damaged(place, f"no row or column for {' and '.join(absent)} in it, where every report has one")
    _check_sections(text, place)
    tier = Tier.ROUTED if state in ROUTED else Tier.SYNTHESISED
    has_processor = any(_is_processor(row) for table in every for row in table.rows)
    return Utilization(
        header.top, header.part, header.tool, state, tier, used, available, _blocks(every, place), has_processor
    )


def _is_processor(row: Row) -> bool:
    return row.get("Ref Name") == "PS7" or "processing_system7" in row.get("Module", "")


def _blocks(every: Iterable[Table], place: str) -> dict[str, dict[Metric, float]]:
    """What the hierarchical form says of each instance below the top."""
    rows = [row for table in every if table.has("Instance", "Total LUTs") for row in table.rows[1:]]
    times = Counter(row["Instance"] for row in rows)
    return {row["Instance"]: _counted(row, place) for row in rows if times[row["Instance"]] == 1}


def _counted(row: Row, place: str) -> dict[Metric, float]:
    used: dict[Metric, float] = {}
    for name, (metric, halves) in HIERARCHY.items():
        if name in row and (value := count(SHARE.sub("", row[name]), place)) is not None:
            used[metric] = used.get(metric, 0) + value * halves
    return used


def _sites(every: Sequence[Table], place: str) -> tuple[dict[Metric, float], dict[Metric, float]] | None:
    """(used, available) of the flat form, None where it is another. Raises `InputError`."""
    listed = [table for table in every if table.has("Site Type", "Used")]
    if not listed:
        return None
    for table in listed:
        if not table.has("Available", "Util%"):
            raise damaged(place, f"the table of sites at line {table.line} lacks Available or Util%")
        for row in table.rows:
            _check_row(row, place)
    rows = _by_site(listed, place)
    known = {name: number(row["Used"], place) for name, row in rows.items()}
    sites = {name: value for name, value in known.items() if value is not None}
    for name, parts in _parts(sites, listed, every, place):
        if sites[name] != (total := sum(value for value, _ in parts)):
            line = f"lines {rows[name].line} and {parts[0][1]}"
            raise damaged(place, f"{sites[name]:g} {name}, while the rows below add up to {total:g} ({line})")
    used: dict[Metric, float] = {}
    available: dict[Metric, float] = {}
    for name, (metric, halves) in SITES.items():
        if name not in sites:
            continue
        if metric in used:
            raise damaged(place, f"sites of two families of parts in it, {name} among them")
        used[metric] = sites[name] * halves
        if used[metric] % 1:
            raise damaged(place, f"{sites[name]:g} {name}, which come whole")
        of, barred = (count(rows[name].get(column, ""), place) for column in ("Available", "Prohibited"))
        if of is not None:
            available[metric] = (of + (barred or 0)) * halves
    return used, available


def _name(row: Row) -> str:
    """The site, without the star of a footnote."""
    return row["Site Type"].removesuffix("*").strip()


def _by_site(listed: Iterable[Table], place: str) -> dict[str, Row]:
    """The rows of sites that are read. One may be listed again further down, and must be the same there."""
    wanted = {*SITES, *(part for names, parts in PARTS for part in (*names, *parts))}
    rows: dict[str, Row] = {}
    for row in (row for table in listed for row in table.rows if _name(row) in wanted):
        first = rows.setdefault(_name(row), row)
        if first["Used"] != row["Used"]:
            raise twice(place, f"{_name(row)}, once {first['Used']} and once {row['Used']},", first.line, row.line)
    return rows


def _parts(
    sites: Mapping[str, float], listed: Iterable[Table], every: Iterable[Table], place: str
) -> Iterator[tuple[str, list[tuple[float, int]]]]:
    """(site, [(count, line)]) of all that must add up to a site."""
    rows = [row for table in listed for row in table.rows]
    lines = {_name(row): row.line for row in rows}
    for names, shares in PARTS:
        if shares.keys() <= sites.keys():
            for name in names & sites.keys():
                yield name, [(sites[part] * share, lines[part]) for part, share in shares.items()]
    for index, row in enumerate(rows):
        if _name(row) in KINDS and _name(row) in sites:
            below = list(takewhile(lambda row: _name(row).endswith(" only"), rows[index + 1 :]))
            if below:
                yield _name(row), [(count(kind["Used"], place) or 0, kind.line) for kind in below]
    primitives = [row for table in every if table.has("Ref Name", "Used", "Functional Category") for row in table.rows]
    for name, beginnings in PRIMITIVES.items():
        fills = [row for row in primitives if row["Ref Name"].startswith(beginnings)]
        if name in sites and fills:
            yield name, [(count(row["Used"], place) or 0, row.line) for row in fills]


def _check_row(row: Row, place: str) -> None:
    """Raises `InputError` where the row's share, of two decimals, is not what is used of what is available, or where
    more is fixed than used."""
    used, fixed, available = (number(row.get(name, ""), place) for name in ("Used", "Fixed", "Available"))
    text = row["Util%"]
    share, where = number(text.removeprefix("<"), place), f"at line {row.line}"
    if used is not None and fixed is not None and fixed > used:
        raise damaged(place, f"{used:g} {_name(row)}, and {fixed:g} of them fixed, {where}")
    if used is None or share is None:
        return
    if not available:
        if share or text.startswith("<"):
            raise damaged(place, f"a share of {text} % of no {_name(row)}, {where}")
        return
    percent = 100 * used / available  # rounded, by some versions cut down
    fits = 0 < percent < share if text.startswith("<") else -0.0051 < percent - share < 0.0101
    if not fits:
        raise damaged(place, f"{used:g} of {available:g} {_name(row)}, but a share of {text} %, {where}")


def _whole(every: Iterable[Table], top: str, place: str) -> dict[Metric, float]:
    """Of the hierarchical form: its first row, in which shares may stand behind the counts."""
    listed = [table for table in every if table.has("Instance", "Total LUTs")]
    if not listed:
        return {}
    if len(listed) > 1:
        raise twice(place, "the table of the hierarchy", listed[0].line, listed[1].line)
    if not listed[0].rows or (first := listed[0].rows[0])["Instance"] != top:
        raise damaged(place, f"its hierarchy, at line {listed[0].line}, does not begin with {top}")
    cells = {name: count(SHARE.sub("", text), place) for name, text in first.items() if name in (*HIERARCHY, *LUTS)}
    values = {name: value for name, value in cells.items() if value is not None}
    if values.keys() >= {"Total LUTs", *LUTS} and values["Total LUTs"] != (
        total := sum(values[column] for column in LUTS)
    ):
        raise damaged(place, f"{values['Total LUTs']:g} LUTs in all at line {first.line}, by their kinds {total:g}")
    for row in listed[0].rows[1:]:
        for name, value in values.items():
            if (part := count(SHARE.sub("", row[name]), place)) is not None and part > value:
                fact = f"{value:g} {name} in all at line {first.line}, and {part:g} in {row['Instance']}"
                raise damaged(place, f"{fact} at line {row.line}")
    missing = [name for name in ("Total LUTs", "FFs", "RAMB36", "RAMB18") if name not in values]
    if missing:
        raise damaged(place, f"its hierarchy, at line {listed[0].line}, has no {' and no '.join(missing)}")
    used: dict[Metric, float] = {}
    for name, (metric, halves) in HIERARCHY.items():
        if name in values:
            used[metric] = used.get(metric, 0) + values[name] * halves
    return used


def _check_sections(text: str, place: str) -> None:
    """Raises `InputError` where a section is listed at the front and is not there, or is there twice."""
    headings = Counter(line.rstrip() for line in re.findall(r"^\d+(?:\.\d+)*\.? \w.*$", text, re.MULTILINE))
    for name, times in headings.items():
        if times != 2:
            fact = "is missing: perhaps it is cut off" if times < 2 else "is there more than once"
            raise damaged(place, f"its section {name!r} {fact}")
