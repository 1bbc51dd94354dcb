"""Reports in the grammar of the vendor's, with numbers of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
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
    fifos: Mapping[str, int] = MappingProxyType({}),
    tool: str = "Vitis",
    blanks: int = 1,
) -> str:
    """``TOP_csynth.rpt``, its columns in the order in which they are given."""
    timing = {"Clock": "ap_clk", "Target": clock, "Estimated": "7.250 ns", "Uncertainty": "2.70 ns"}
    nothing = dict.fromkeys(area, "-")
    rest = {name: value - fifos.get(name, 0) if isinstance(value, int) else value for name, value in area.items()}
    totals = [
        {"Name": "Instance", **rest},
        {"Name": "FIFO", **nothing, **fifos},
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
        sums = {name: sum(value for row in rows if isinstance(value := row[name], int)) for name in listed[0][1]}
        last = {"Instance": "Total", "Module": "", **sums}
        parts += ["\n+ Detail: \n    * Instance: ", grid(list(rows[0]), [*rows, None, last], "    ", blanks)]
    ports = [{"RTL Ports": "ap_clk", "Dir": "in"}]
    return "\n".join([*parts, "\n== Interface", grid(["RTL Ports", "Dir"], ports, "", blanks), ""])


def utilization_report(
    used: Mapping[str, object],
    columns: Sequence[str] = ("Fixed", "Prohibited", "Available"),
    part: str = "xc7z020clg400-1",
    top: str = "toy",
    state: str = "Synthesized",
    below: Mapping[str, object] = MappingProxyType({"of which other": 3}),
) -> str:
    """A section a site, with the rows `below` under each."""

    def row(site: str, count: object) -> Row:
        share = f"{float(str(count)) / 50:.2f}" if str(count).replace(".", "").isdigit() else ""
        return {"Site Type": site, "Used": count, **dict.fromkeys(columns, 5_000), "Util%": share}

    order = ["Used", *columns] if "Util%" in columns else [*columns[:1], "Used", *columns[1:]]
    sections = {
        f"{place}. Section": grid(
            ["Site Type", *order], [row(site, used[site]), *(row(f"  {n}", below[n]) for n in below)]
        )
        for place, site in enumerate(used, 1)
    }
    return vivado_report(sections, part, top, state)


def hierarchy_report(columns: Mapping[str, object], top: str = "toy") -> str:
    whole = {"Instance": top, "Module": "(top)", **columns}
    inner = {"Instance": "  conv_U0", "Module": "conv_s", **dict.fromkeys(columns, 1)}
    return vivado_report({"1. Utilization by Hierarchy": grid(list(whole), [whole, inner])}, top=top, state="Routed")


def vivado_report(
    sections: Mapping[str, str],
    part: str = "xc7z020clg400-1",
    top: str = "toy",
    state: str = "Synthesized",
    command: str = "report_utilization -file x.rpt",
    title: str = "Utilization Design Information",
) -> str:
    tool = {"Tool Version": "Vivado v.2023.1 (lin64) Build 1", "Command": command}
    header = {**tool, "Design": top, "Device": part, "Design State": state}
    lines = ["-" * 60, *(f"| {name:<12} : {value}" for name, value in header.items() if value), "-" * 60]
    lines += ["", title, "", "Table of Contents", "-" * 17, *sections]
    for name, text in sections.items():
        lines += ["", name, "-" * len(name), "", text, "* Warning! A footnote."]
    return "\n".join([*lines, ""])


def timing_report(
    slack: str = "0.500",
    period: str = "10.000",
    part: str = "7z020-clg400",
    nets: str = "unplaced",
    clocks: Sequence[str] = ("ap_clk",),
) -> str:
    listed = "\n".join(f"{name}  {{0.000 5.000}}  {period}      100.000" for name in clocks)
    return f"""\
Copyright
| Tool Version : Vivado v.2022.2 (lin64) Build 1
| Command      : report_timing_summary -file x.rpt
| Design       : toy
| Device       : {part}
| Speed File   : -1  PRODUCTION 1.12 2019-11-22

Timing Summary Report

    WNS(ns)      TNS(ns)  TNS Failing Endpoints
    -------      -------  ---------------------
{slack:>11}        0.000                      0

Clock   Waveform(ns)   Period(ns)  Frequency(MHz)
-----   ------------   ----------  --------------
{listed}

                         net (fo=16, {nets})        0.145     0.222    here
"""


def cosim_report(
    status: str = "Pass", cycles: Sequence[object] = (5500, 5700, 5900, 4600, 4700, 4800), vitis: bool = False
) -> str:
    """In the form of Vivado HLS, or of Vitis HLS since 2020.2."""
    rule = "+----------+----------+--------------------------------+--------------------------------+"
    tail, unit = ("-" * 22 + "+", "(Clock Cycles)") if vitis else ("", "")
    middle = "    (Clock Cycles)    +" if vitis else ""

    def end(text: str) -> str:
        return f"{text:^22}|" if vitis else ""

    def row(name: str, state: str, cells: Sequence[object]) -> str:
        first, second = ("|".join(f"{cell:>10}" for cell in part) for part in (cells[:3], cells[3:]))
        return f"|{name:>10}|{state:>10}|{first}|{second}|"

    return "\n".join(
        [
            "Report time       : Mon Jan  1 00:00:00 2024.",
            "Solution          : solution1.",
            "",
            rule + tail,
            f"|          |          |{f'Latency{unit}':^32}|{f'Interval{unit}':^32}|" + end("Total Execution Time"),
            "+   RTL    +  Status  +--------------------------------+--------------------------------+" + middle,
            row("", "", ["min", "avg", "max"] * 2) + end(""),
            rule + tail,
            row("VHDL", "NA", ["NA"] * 6) + end("NA"),
            row("Verilog", status, cycles) + end("12345"),
            rule + tail,
            "",
        ]
    )


RENDERERS = {
    "csynth": csynth_report,
    "utilization": utilization_report,
    "hierarchy": hierarchy_report,
    "vivado": vivado_report,
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
