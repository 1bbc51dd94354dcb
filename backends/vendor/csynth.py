"""csynth reports of Vivado HLS and Vitis HLS, text form (``TOP_csynth.rpt``) and XML (``csynth.xml``), to one value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from backends.vendor import tables
from backends.vendor.tables import Row, Table, damaged, foreign, number
from flows.core.evidence import Metric

RESOURCES = {
    "BRAM_18K": Metric.BRAM18,
    "DSP": Metric.DSP,
    "DSP48E": Metric.DSP,  # Vivado HLS
    "FF": Metric.FF,
    "LUT": Metric.LUT,
}
"""The columns and elements of a report. What the report does not say is absent."""
LATENCIES = ("Latency (cycles)", "Latency")
"""What stands above the columns of cycles: since Vivado HLS 2019.2, and before."""
FIFOS = "FIFO"
"""The name under which a text report sums up the FIFOs between instances."""


@dataclass(frozen=True)
class Cycles:
    """From the best case to the worst, as the compiler's static schedule has them; None where it cannot tell."""

    best: float | None
    worst: float | None


@dataclass(frozen=True)
class Module:
    """One instance directly below the top, all FIFOs between these together, or the top itself."""

    name: str
    resources: Mapping[Metric, float]
    latency: Cycles = Cycles(None, None)
    interval: Cycles = Cycles(None, None)


@dataclass(frozen=True)
class Csynth:
    """`part` and `tool` are as the report has them; clock periods are in ns, `estimated_ns` before uncertainty."""

    top: Module
    part: str
    tool: str
    clock_ns: float | None
    estimated_ns: float | None
    modules: tuple[Module, ...] = field(default=())
    uncertainty_ns: float | None = None


def parse(text: str, place: str) -> Csynth:
    """A report in either form. Raises `InputError` naming `place` where it is none, or damaged, or cut off."""
    if text.lstrip("\ufeff \r\n\t").startswith("<"):
        from backends.vendor.csynth_xml import parse_xml

        return parse_xml(text, place)
    return parse_text(text, place)


def parse_text(text: str, place: str) -> Csynth:
    found = set(re.findall(r"^== (Vivado|Vitis) HLS Report for '(\w+)'", text, re.MULTILINE))
    if len(found) != 1:
        raise foreign(place, "of several designs" if found else "no csynth report of Vivado HLS or Vitis HLS")
    ((tool, top),) = found
    part, version = tables.field(text, "Target device"), tables.field(text, "Version")
    every = tables.tables(text, place)
    summary = _summary(every)
    total, fifos = summary.get("Total"), resources(summary.get(FIFOS, {}), place)
    clock = _first(every, "Clock", "Estimated")
    timing = clock.rows[0] if clock and clock.rows else {}
    if part is None or total is None:
        missing = "line of utilisation totals" if part else "target device"
        raise damaged(place, f"no {missing} in it: perhaps it is cut off")
    _check_sum(summary, place)
    cycles = next((one for one in every if _is_latency(one) and "Instance" not in one.columns), None)
    return Csynth(
        Module(top, resources(total, place), *_cycles(cycles.rows[0] if cycles and cycles.rows else {}, place)),
        part,
        f"{tool} HLS {version.split()[0] if version else 'of unknown version'}",
        _ns(timing.get("Target", ""), place),
        _ns(timing.get("Estimated", ""), place),
        (*_instances(every, place), *([Module(FIFOS, fifos)] if fifos else [])),
        _ns(timing.get("Uncertainty", ""), place),
    )


def resources(amounts: Mapping[str, str], place: str) -> dict[Metric, float]:
    """What is known of the resources in a row or element."""
    values = {metric: number(amounts[name], place) for name, metric in RESOURCES.items() if name in amounts}
    return {metric: value for metric, value in values.items() if value is not None}


def _summary(every: Iterable[Table]) -> Mapping[str, Row]:
    """The rows of the utilisation summary by name. "Total" is what is used, not what there is or the share of it.

    Tables of FIFOs, multiplexers and registers have names and totals too, but no row of what is available.
    """
    named = [{row["Name"]: row for row in one.rows} for one in every if "Name" in one.columns]
    return next((rows for rows in named if {"Total", "Available"} <= rows.keys()), {})


def _check_sum(rows: Mapping[str, Row], place: str) -> None:
    """Raises `InputError` where "Total" is not the sum of the rows above it, as it is in every report."""
    total = resources(rows.get("Total", {}), place)
    above = [resources(rows[name], place) for name in takewhile(lambda name: name != "Total", rows)]
    for metric, value in total.items():
        if value != (parts := sum(row.get(metric, 0) for row in above)):
            raise damaged(place, f"{value:,.0f} {metric.unit} in all, while the rows above add up to {parts:,.0f}")


def _instances(every: Iterable[Table], place: str) -> tuple[Module, ...]:
    """The two tables of instances, area and cycles, joined by the instance's name."""
    listed = [one for one in every if one.has("Instance", "Module")]
    area = {row["Instance"]: row for one in listed if RESOURCES.keys() & set(one.columns) for row in one.rows}
    speed = {row["Instance"]: row for one in listed if _is_latency(one) for row in one.rows}
    _check_sum(area, place)
    return tuple(
        Module(name, resources(area.get(name, {}), place), *_cycles(speed.get(name, {}), place))
        for name in dict.fromkeys([*area, *speed])
        if name != "Total"
    )


def _is_latency(table: Table) -> bool:
    """Of the top or its instances; loops and a co-simulation's report, which may follow, have cycles as well."""
    if table.has("Loop Name") or table.has("RTL"):
        return False
    return any(table.has(f"{name} {side}") for name in LATENCIES for side in ("min", "max"))


def _cycles(row: Row, place: str) -> tuple[Cycles, Cycles]:
    def cycles(*names: str) -> Cycles:
        best, worst = (
            next((row[column] for name in names if (column := f"{name} {side}") in row), "") for side in ("min", "max")
        )
        return Cycles(number(best, place), number(worst, place))

    return cycles(*LATENCIES), cycles("Interval")


def _ns(cell: str, place: str) -> float | None:
    return number(cell.removesuffix("ns"), place)


def _first(every: Iterable[Table], *columns: str) -> Table | None:
    return next((one for one in every if one.has(*columns)), None)
