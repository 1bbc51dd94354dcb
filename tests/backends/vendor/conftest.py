"""Reports in the grammar of the vendor's, with numbers of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import pytest

Row = Mapping[str, object]


def grid(columns: Sequence[str], rows: Sequence[Row], indent: str = "", blanks: int = 1) -> str:
    """A table of `rows` (None is a rule); a column "A/b" stands as "b" under "A", which neighbours share."""
    leaf = [name.rpartition("/")[2] for name in columns]
    texts = [[str(row[name]) for name in columns] for row in rows if row]
    widths = [max(len(cell) for cell in (name, *cells)) for name, *cells in zip(leaf, *texts, strict=True)]
    groups = [(name, list(place)) for name, place in groupby(range(len(columns)), lambda at: group_of(columns[at]))]
    for name, place in groups:
        room = sum(widths[at] for at in place) + (len(place) - 1) * (2 * blanks + 1)
        widths[place[-1]] += max(0, len(name) - room)
    pad = " " * blanks
    rule = "+" + "+".join("-" * (width + 2 * blanks) for width in widths) + "+"

    def line(cells: Sequence[str], wide: Sequence[int]) -> str:
        return "|" + "|".join(f"{pad}{cell:^{width}}{pad}" for cell, width in zip(cells, wide, strict=True)) + "|"

    lines = [rule]
    if any(name for name, _ in groups):
        wide = [sum(widths[at] for at in place) + (len(place) - 1) * (2 * blanks + 1) for _, place in groups]
        lines.append(line([name for name, _ in groups], wide))
    lines += [line(leaf, widths), rule]
    cells = iter(texts)
    lines += [line(next(cells), widths) if row else rule for row in rows]
    return "\n".join(indent + text for text in [*lines, rule])


def group_of(column: str) -> str:
    return column.rpartition("/")[0]


AREA = {"BRAM_18K": 41, "DSP": 63, "FF": 12_345, "LUT": 23_456}
CYCLES = {"Latency (cycles)/min": 5_000, "Latency (cycles)/max": 6_000, "Interval/min": 4_100, "Interval/max": 5_200}


def csynth_report(
    area: Mapping[str, object] = AREA,
    cycles: Mapping[str, object] = CYCLES,
    modules: Mapping[str, tuple[Mapping[str, object], Mapping[str, object]]] | None = None,
    part: str = "xc7z020-clg400-1",
    top: str = "toy",
    clock: str = "10.00 ns",
    fifos: Mapping[str, object] | None = None,
    tool: str = "Vitis",
    blanks: int = 1,
) -> str:
    """``TOP_csynth.rpt``, its columns in the order in which they are given."""
    timing = {"Clock": "ap_clk", "Target": clock, "Estimated": "7.250 ns", "Uncertainty": "2.70 ns"}
    nothing = dict.fromkeys(area, "-")
    totals = [
        {"Name": "Instance", **nothing},
        {"Name": "FIFO", **nothing, **(fifos or {})},
        {"Name": "Register", **nothing},
        None,
        {"Name": "Total", **area},
        None,
        {"Name": "Available", **dict.fromkeys(area, 99_999)},
        None,
        {"Name": "Utilization (%)", **dict.fromkeys(area, 7)},
    ]
    parts = [
        "=" * 64,
        f"== {tool} HLS Report for '{top}'",
        "=" * 64,
        "* Date:           Mon Jan  1 00:00:00 2024\n",
        "* Version:        2023.1 (Build 1 on Jan 01 2023)",
        f"* Target device:  {part}\n",
        "+ Timing: \n    * Summary: ",
        grid(list(timing), [timing], "    ", blanks),
        "\n+ Latency: \n    * Summary: ",
        grid([*cycles, "Pipeline/Type"], [{**cycles, "Pipeline/Type": "dataflow"}], "    ", blanks),
    ]
    listed = [({"Instance": name, "Module": f"{name}_s"}, *both) for name, both in (modules or {}).items()]
    if listed:
        rows = [{**names, **speed} for names, _, speed in listed]
        parts += ["\n    + Detail: \n        * Instance: ", grid(list(rows[0]), rows, " " * 8, blanks)]
    parts += ["\n== Utilization Estimates", "* Summary: ", grid(["Name", *area], totals, "", blanks)]
    if listed:
        rows = [{**names, **amounts} for names, amounts, _ in listed]
        last = {"Instance": "Total", "Module": "", **dict.fromkeys(listed[0][1], 1)}
        parts += ["\n+ Detail: \n    * Instance: ", grid(list(rows[0]), [*rows, None, last], "    ", blanks)]
    ports = [{"RTL Ports": "ap_clk", "Dir": "in"}]
    return "\n".join([*parts, "\n== Interface", grid(["RTL Ports", "Dir"], ports, "", blanks), ""])


def utilization_report(
    used: Mapping[str, object],
    columns: Sequence[str] = ("Fixed", "Prohibited", "Available"),
    part: str = "xc7z020clg400-1",
    top: str = "toy",
    state: str = "Synthesized",
) -> str:
    header = {"Tool Version": "Vivado v.2023.1 (lin64) Build 1", "Design": top, "Device": part, "Design State": state}
    lines = ["-" * 60, *(f"| {name:<12} : {value}" for name, value in header.items() if value), "-" * 60]
    for section, site in enumerate(used, 1):
        rows = [{"Site Type": site, "Used": used[site]}, {"Site Type": "  of which other", "Used": 3}]
        full = [{**row, **dict.fromkeys(columns, 5_000)} for row in rows]
        order = [*columns[:1], "Used", *columns[1:]]
        lines += ["", f"{section}. Section", "-" * 10, grid(["Site Type", *order], full), "* Warning! A footnote."]
    return "\n".join([*lines, ""])


def timing_report(
    slack: str = "0.500", period: str = "10.000", part: str = "7z020-clg400", nets: str = "unplaced"
) -> str:
    return f"""\
Copyright
| Tool Version : Vivado v.2022.2 (lin64) Build 1
| Design       : toy
| Device       : {part}
| Speed File   : -1  PRODUCTION 1.12 2019-11-22

Timing Summary Report

    WNS(ns)      TNS(ns)  TNS Failing Endpoints
    -------      -------  ---------------------
{slack:>11}        0.000                      0

Clock   Waveform(ns)   Period(ns)  Frequency(MHz)
-----   ------------   ----------  --------------
ap_clk  {{0.000 5.000}}  {period}      100.000

                         net (fo=16, {nets})        0.145     0.222    here
"""


def cosim_report(status: str = "Pass", latency: object = 5_900, tail: str = "") -> str:
    return f"""
Report time       : Mon Jan  1 00:00:00 2024.
Simulation tool   : xsim.

+----------+----------+-----------------------------+-----------------------------+{tail}
|          |          |           Latency           |           Interval          |
+   RTL    +  Status  +-----------------------------+-----------------------------+
|          |          |   min   |   avg   |   max   |   min   |   avg   |   max   |
+----------+----------+-----------------------------+-----------------------------+
|      VHDL|        NA|       NA|       NA|       NA|       NA|       NA|       NA|
|   Verilog|{status:>10}|     5500|     5700|{latency:>9}|     4600|     4700|     4800|
+----------+----------+-----------------------------+-----------------------------+
"""


RENDERERS = {
    "csynth": csynth_report,
    "utilization": utilization_report,
    "timing": timing_report,
    "cosim": cosim_report,
    "grid": grid,
}


@pytest.fixture(scope="session")
def report() -> Callable[..., str]:
    """A report of a kind: report("csynth", top="other")."""

    def make(kind: str, *given: Any, **settings: Any) -> str:
        return RENDERERS[kind](*given, **settings)

    return make
