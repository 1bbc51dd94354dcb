"""Reports in the grammar of the vendor's, with numbers of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any

import pytest

from flows.core.evidence import Metric
from flows.core.part import find_part

Row = Mapping[str, object]


def grid(columns: Sequence[str], rows: Sequence[Row | None], indent: str = "", blanks: int = 1) -> str:
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


RESOURCES = ("BRAM_18K", "DSP", "FF", "LUT")
AREA = {"BRAM_18K": 41, "DSP": 63, "FF": 12_345, "LUT": 23_456}
CYCLES = {"Latency (cycles)/min": 5_000, "Latency (cycles)/max": 6_000, "Interval/min": 4_100, "Interval/max": 5_200}


def there(part: str) -> dict[str, int]:
    """What a part has, by the columns of a report."""
    device = find_part(part).device
    metrics = {"BRAM_18K": Metric.BRAM18, "DSP": Metric.DSP, "DSP48E": Metric.DSP, "FF": Metric.FF, "LUT": Metric.LUT}
    return {name: device.available(metric) for name, metric in metrics.items()}


def whole_area(area: Row, nothing: object = 0) -> dict[str, object]:
    """With every column that a report has."""
    dsp = "DSP48E" if "DSP48E" in area else "DSP"
    return {**area, **{name: nothing for name in ("BRAM_18K", dsp, "FF", "LUT") if name not in area}}


def whole_cycles(cycles: Row) -> dict[str, object]:
    """With every column that a report has."""
    groups = ("Latency" if any(name.startswith("Latency/") for name in cycles) else "Latency (cycles)", "Interval")
    ordered = [*dict.fromkeys([*(name.partition("/")[0] for name in cycles), *groups])]
    named = {group: [name for name in cycles if name.partition("/")[0] == group] for group in ordered}
    columns = [name for group in ordered for name in (*named[group], f"{group}/min", f"{group}/max")]
    return {name: cycles.get(name, "?") for name in columns}


def total_of(rows: Sequence[Row], name: str) -> int:
    return sum(value for row in rows if isinstance(value := row[name], int))


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
    pipeline: str = "dataflow",
    estimated: str = "7.250 ns",
) -> str:
    """``TOP_csynth.rpt``, its columns in the order in which they are given; what is not given is 0 or unknown.

    What of `area` is in no module and no FIFO is in expressions; every table adds up.
    """
    area, cycles = whole_area(area), whole_cycles(cycles)
    timing = {"Clock": "ap_clk", "Target": clock, "Estimated": estimated, "Uncertainty": "2.70 ns"}
    listed = [
        ({"Instance": name, "Module": f"{name}_s"}, {**dict.fromkeys(area, "-"), **whole_area(amounts, "-")}, speed)
        for name, (amounts, speed) in (modules or {}).items()
    ]
    amounts_of = [amounts for _, amounts, _ in listed]
    nothing = dict.fromkeys(area, "-")
    instances = {name: total_of(amounts_of, name) if listed else "-" for name in area}
    rest = {
        name: value - fifos.get(name, 0) - total_of(amounts_of, name) if isinstance(value, int) else value
        for name, value in area.items()
    }
    available = {name: there(part).get(name, 0) for name in area}
    shares = {
        name: 100 * value // available[name] if available[name] and isinstance(value, int) else 0
        for name, value in area.items()
    }
    totals: list[Row | None] = [
        {"Name": "Instance" if not listed else "Expression", **rest},
        {"Name": "FIFO", **nothing, **fifos},
        {"Name": "Instance" if listed else "Expression", **(instances if listed else nothing)},
        {"Name": "Register", **nothing},
        None,
        {"Name": "Total", **area},
        None,
        {"Name": "Available", **available},
        None,
        {"Name": "Utilization (%)", **shares},
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
        grid([*cycles, "Pipeline/Type"], [{**cycles, "Pipeline/Type": pipeline}], "    ", blanks),
    ]
    if listed:
        rows = [{**names, **whole_cycles(speed), "Pipeline/Type": "none"} for names, _, speed in listed]
        parts += ["\n    + Detail: \n        * Instance: ", grid(list(rows[0]), rows, " " * 8, blanks)]
    parts += ["\n== Utilization Estimates", "* Summary: ", grid(["Name", *area], totals, "", blanks)]
    if listed:
        rows = [{**names, **amounts} for names, amounts, _ in listed]
        last = {"Instance": "Total", "Module": "", **{name: total_of(amounts_of, name) for name in area}}
        parts += ["\n+ Detail: \n    * Instance: ", grid(list(rows[0]), [*rows, None, last], "    ", blanks)]
    ports = [{"RTL Ports": "ap_clk", "Dir": "in"}]
    return "\n".join([*parts, "\n== Interface", grid(["RTL Ports", "Dir"], ports, "", blanks), ""])


ON_PART = {"LUT": Metric.LUT, "Reg": Metric.FF, "Blo": Metric.BRAM18, "DSP": Metric.DSP}


def on_part(site: str, part: str) -> float:
    """How many sites of a row a part has."""
    device = find_part(part or "xc7z020").device
    metric = next((metric for word, metric in ON_PART.items() if word in site), Metric.DSP)
    return device.available(metric) / (2 if metric is Metric.BRAM18 else 1)


SITES = {"Slice LUTs": 0, "Slice Registers": 0, "Block RAM Tile": 0, "DSPs": 0}
WORDS = ("LUTs", "Registers", "Tile", "DSPs")


def utilization_report(
    used: Mapping[str, object],
    columns: Sequence[str] = ("Fixed", "Prohibited", "Available", "Util%"),
    part: str = "xc7z020clg400-1",
    top: str = "toy",
    state: str = "Synthesized",
    below: Mapping[str, object] = MappingProxyType({"of which other": 3}),
) -> str:
    """A section a site, with the rows `below` under the first; a site that is not given is 0."""
    rest = {site: 0 for site, word in zip(SITES, WORDS, strict=True) if not any(word in each for each in used)}

    def row(site: str, count: object, of: str) -> Row:
        there = on_part(of, part)
        share = f"{100 * float(str(count)) / there:.2f}" if str(count).replace(".", "").isdigit() else ""
        cells = {"Fixed": 0, "Prohibited": 0, "Available": f"{there:g}", "Util%": share}
        return {"Site Type": site, "Used": count, **{name: cells[name] for name in columns}}

    order = [*columns[:1], "Used", *columns[1:]]
    sections = {}
    for place, (site, count) in enumerate({**used, **rest}.items(), 1):
        rows = [row(site, count, site), *(row(f"  {n}", below[n], site) for n in below if place == 1)]
        sections[f"{place}. Section"] = grid(["Site Type", *order], rows)
    return vivado_report(sections, part, top, state)


def hierarchy_report(columns: Mapping[str, object], top: str = "toy") -> str:
    whole = {"Instance": top, "Module": "(top)", **columns}
    inner = {"Instance": "  conv_U0", "Module": "conv_s", **dict.fromkeys(columns, 0)}
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
    """With the same worst slack in its summary, in the table of its clock and in its worst path."""
    frequency = f"{1000 / float(period):.3f}" if float(period) else "0.000"
    listed = "\n".join(f"{name}  {{0.000 {float(period) / 2:.3f}}}  {period}      {frequency}" for name in clocks)
    missed = slack.startswith("-")
    total, failing = (slack, 1) if missed else ("0.000", 0)
    met = "Timing constraints are not met." if missed else "All user specified timing constraints are met."
    return f"""\
Copyright
| Tool Version : Vivado v.2022.2 (lin64) Build 1
| Command      : report_timing_summary -file x.rpt
| Design       : toy
| Device       : {part}
| Speed File   : -1  PRODUCTION 1.12 2019-11-22

Timing Summary Report

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints
    -------      -------  ---------------------  -------------------
{slack:>11}  {total:>11}  {failing:>21}                      900

{met}

Clock   Waveform(ns)   Period(ns)  Frequency(MHz)
-----   ------------   ----------  --------------
{listed}

Clock       WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints
-----       -------      -------  ---------------------  -------------------
ap_clk  {slack:>11}  {total:>11}  {failing:>21}                      900

Setup :  {failing}  Failing Endpoints,  Worst Slack  {slack}ns,  Total Violation  {total}ns

Slack ({"VIOLATED" if missed else "MET"}) :  {slack}ns  (required time - arrival time)
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


RENDERERS: dict[str, Callable[..., str]] = {
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

    def make(kind: str, *each: Any, **settings: Any) -> str:
        return RENDERERS[kind](*each, **settings)

    return make
