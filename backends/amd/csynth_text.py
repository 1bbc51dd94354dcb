"""The text form of a csynth report, ``TOP_csynth.rpt``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile

from backends.amd import tables
from backends.amd.csynth_checks import (
    TIME,
    UNITS,
    Cycles,
    Module,
    check_cycles,
    check_share,
    check_time,
    check_whole,
)
from backends.amd.csynth_values import FIFOS, RESOURCES, Csynth, check_columns, known, release, resources
from backends.amd.tables import Row, Table, damaged, foreign, number, twice
from flows.core.evidence import RESOURCES as COUNTED
from flows.core.evidence import Metric

LATENCIES = ("Latency (cycles)", "Latency")
"""The headings of the columns of cycles: since Vivado HLS 2019.2, and before."""
ABSOLUTE = "Latency (absolute)"
"""The same in time; reports before Vivado HLS 2019.2 have none."""
HEADING = r"^== (Vivado|Vitis) HLS Report for '(\w+)'"
SHARES = {"Available": "Utilization (%)", "Available SLR": "Utilization SLR (%)"}
"""The rows of what is available, and the row of what is used."""


def parse_text(text: str, place: str) -> Csynth:
    heading = tables.single(text, HEADING, "a csynth report", place)
    if heading is None:
        raise foreign(place, "no csynth report of Vivado HLS or Vitis HLS")
    tool, top = heading[1], heading[2]
    part, version = (tables.only_field(text, name, place) for name in ("Target device", "Version"))
    every = tables.tables(text, place)
    clock, latency = (_only(every, kind, name, place) for kind, name in ((_is_clock, "clocks"), (_is_top, "latency")))
    summary = _summary(every, place)
    there = {
        "target device": part,
        "clock": clock,
        "table of latencies": latency,
        "line of utilisation totals": summary,
    }
    if missing := [what for what, value in there.items() if not value]:
        raise damaged(place, f"no {' and no '.join(missing)} in it: perhaps it is cut off")
    assert part and clock and latency  # mypy
    timing = _only_row(clock, place)
    target, estimated = _ns(timing.get("Target", ""), place), _ns(timing["Estimated"], place)
    if target is None:
        raise damaged(place, f"no clock period in the table at line {clock.line}")
    periods = target, max(target, estimated or 0)
    used, available = _used(summary, place)
    whole = Module(top, used, *_cycles(_only_row(latency, place), "the design", periods, place))
    modules = _instances(every, summary, periods, place)
    check_cycles(whole, place, is_top=True)
    check_whole(whole, modules, place)
    fifos = resources(summary.get(FIFOS, {}), place)
    return Csynth(
        whole,
        part,
        f"{tool} HLS {release(version, place)}",
        target,
        estimated,
        (*modules, *([Module(FIFOS, fifos)] if fifos else [])),
        available,
        _ns(timing.get("Uncertainty", ""), place),
    )


def _summary(every: Sequence[Table], place: str) -> Mapping[str, Row]:
    """The rows of the utilisation summary by name. "Total" is what is used, not what is available or the share of it.

    Tables of FIFOs, multiplexers and registers have names and totals too, but no row of what is available.
    """
    summary = _only(every, _is_summary, "its utilisation", place)
    if summary is None:
        return {}
    check_columns(summary.columns, f"the table of its utilisation, at line {summary.line},", place)
    return _by_name(summary, "Name", place)


def _used(summary: Mapping[str, Row], place: str) -> tuple[Mapping[Metric, float], Mapping[Metric, float]]:
    """(used, available) in all. Raises `InputError` where they are not what rows and shares say."""
    used, available = (resources(summary[name], place) for name in ("Total", "Available"))
    _check_sum(summary, place)
    for of, share in SHARES.items():
        there = resources(summary.get(of, {}), place)
        for name, text in summary.get(share, {}).items():
            metric = RESOURCES.get(name)
            if metric in used and metric in there:
                check_share(metric.unit, used[metric], there[metric], text, place)
    return used, available


def _check_sum(rows: Mapping[str, Row], place: str) -> None:
    """Raises `InputError` where "Total" is not the sum of the rows above it, as it is in every report."""
    if "Total" not in rows:
        return
    total = resources(rows["Total"], place)
    above = [rows[name] for name in takewhile(lambda name: name != "Total", rows)]
    parts_of = [resources(row, place) for row in above]
    for metric in COUNTED:
        parts = sum(row.get(metric, 0) for row in parts_of)
        if total.get(metric, 0) != parts and (metric in total or parts):
            said = f"{total[metric]:,.0f} {metric.unit}" if metric in total else f"no {metric.unit}"
            line = f"{above[0].line} to {rows['Total'].line}" if above else str(rows["Total"].line)
            raise damaged(place, f"{said} in all, while the rows above add up to {parts:,.0f} (lines {line})")


def _instances(
    every: Sequence[Table], summary: Mapping[str, Row], periods: tuple[float | None, ...], place: str
) -> tuple[Module, ...]:
    """The two tables of instances, area and cycles, joined by the instance's name. The table of areas also lists
    operators that are no functions, such as a multiplier."""
    area_table = _only(every, _is_area, "the area of its instances", place)
    speed_table = _only(every, _is_speed, "the latency of its instances", place)
    area, speed = (_by_name(table, "Instance", place) if table else {} for table in (area_table, speed_table))
    _check_sum(area, place)
    if area_table:
        check_columns(area_table.columns, f"the table of instances, at line {area_table.line},", place)
        if absent := next((row for name, row in speed.items() if name not in area), None):
            fact = f"{absent['Instance']} at line {absent.line} is not among the instances at line {area_table.line}"
            raise damaged(place, fact)
    if "Total" in area and "Instance" in summary:
        listed, summed = resources(area["Total"], place), resources(summary["Instance"], place)
        for metric in COUNTED:
            if listed.get(metric, 0) != summed.get(metric, 0):
                fact = f"{summed.get(metric, 0):,.0f} {metric.unit} of instances at line {summary['Instance'].line}, "
                raise damaged(place, f"{fact}but {listed.get(metric, 0):,.0f} at line {area['Total'].line}")
    modules = tuple(
        Module(
            name,
            resources(area.get(name, {}), place),
            *_cycles(speed.get(name, Row()), name, periods, place),
        )
        for name in dict.fromkeys([*area, *speed])
        if name != "Total"
    )
    for module in modules:
        check_cycles(module, place)
    return modules


def _only(every: Iterable[Table], kind: Callable[[Table], bool], what: str, place: str) -> Table | None:
    """The table of a kind of which a report has one. Raises `InputError` where it has two, or lacks columns."""
    matches = [table for table in every if kind(table)]
    if len(matches) > 1:
        raise twice(place, f"the table of {what}", matches[0].line, matches[1].line)
    for table in matches:
        if _is_of_instances(table) and not table.has("Instance", "Module"):
            raise damaged(place, f"the table of {what}, at line {table.line}, lacks Instance or Module")
        if _is_latency(table):
            _check_sides(table, place)
    return matches[0] if matches else None


def _only_row(table: Table, place: str) -> Row:
    """Raises `InputError` where the table has another number of rows."""
    if len(table.rows) != 1:
        raise damaged(place, f"{len(table.rows)} rows in the table at line {table.line}, where every report has one")
    return table.rows[0]


def _by_name(table: Table, column: str, place: str) -> Mapping[str, Row]:
    rows: dict[str, Row] = {}
    for row in table.rows:
        if first := rows.get(row[column]):
            raise twice(place, row[column], first.line, row.line)
        rows[row[column]] = row
    return rows


def _is_clock(table: Table) -> bool:
    return table.has("Clock", "Estimated")


def _is_latency(table: Table) -> bool:
    """Of the top or its instances; loops and a co-simulation's report, which may follow, have cycles as well."""
    if table.has("Loop Name") or table.has("RTL"):
        return False
    return any(name.startswith(LATENCIES) for name in table.columns)


def _check_sides(table: Table, place: str) -> None:
    """Raises `InputError` where a table of latencies lacks the least or the most cycles of latency or interval."""
    for names in (LATENCIES, ("Interval",)):
        for side in ("min", "max"):
            if not any(table.has(f"{name} {side}") for name in names):
                raise damaged(place, f"the table of latencies, at line {table.line}, has no {names[0]} {side}")


def _is_of_instances(table: Table) -> bool:
    """Memories of Vitis HLS have modules, too."""
    return table.has("Instance") or (table.has("Module") and not table.has("Memory"))


def _is_top(table: Table) -> bool:
    return _is_latency(table) and not _is_of_instances(table)


def _is_speed(table: Table) -> bool:
    return _is_latency(table) and _is_of_instances(table)


def _is_area(table: Table) -> bool:
    return _is_of_instances(table) and not _is_latency(table) and bool(RESOURCES.keys() & set(table.columns))


def _is_summary(table: Table) -> bool:
    return table.has("Name") and {"Total", "Available"} <= {row["Name"] for row in table.rows}


def _cycles(row: Row, what: str, periods: tuple[float | None, ...], place: str) -> tuple[Cycles, Cycles, str]:
    """Latency, interval and pipeline type. Raises `InputError` where the latency in time is another."""
    what = f"{what}, at line {row.line}" if row.line else what

    def cycles(*names: str) -> Cycles:
        best, worst = (
            next((row[column] for name in names if (column := f"{name} {side}") in row), "?") for side in ("min", "max")
        )
        return Cycles(known(best, f"a number of cycles of {what}", place), known(worst, f"one of {what}", place))

    latency = cycles(*LATENCIES)
    for side, value in (("min", latency.best), ("max", latency.worst)):
        check_time(what, value, row.get(f"{ABSOLUTE} {side}", ""), periods, place)
    return latency, cycles("Interval"), row.get("Pipeline Type", "")


def _ns(cell: str, place: str) -> float | None:
    """A clock period, which csynth prints in us from 100 ns on."""
    match = TIME.fullmatch(cell.strip())
    value = number(match[1] if match else cell, place)
    return value * UNITS[match[2]] if match and value is not None else value
