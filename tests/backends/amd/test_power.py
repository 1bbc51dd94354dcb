"""Vivado's power report, and what of utilisation and co-simulation only the ledger takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backends.amd import cosim, power, readings
from backends.amd.utilization import Utilization
from flows.core.errors import InputError
from flows.core.evidence import Metric, Tier
from tests.backends.amd.conftest import grid, vivado_report

Report = Callable[..., str]
ROWS = {"Total On-Chip Power (W)": "1.550", "Dynamic (W)": "1.412", "Device Static (W)": "0.138"}
ROWS |= {"Junction Temperature (C)": "42.9", "Confidence Level": "Medium"}


def power_report(rows: dict[str, str], state: str = "routed") -> str:
    width = max(map(len, rows))
    rule = f"+{'-' * (width + 2)}+--------------+"
    table = "\n".join([rule, *(f"| {name:<{width}} | {value:<12} |" for name, value in rows.items()), rule])
    texts = {"title": "Power Report", "command": "report_power -file x_power_routed.rpt", "state": state}
    return vivado_report({"1. Summary": table}, **texts)


def test_a_power_report_tells_the_watts_of_the_chip() -> None:
    report = power.parse(power_report(ROWS), "x.rpt")
    assert (report.watts, report.tier, report.confidence) == (1.55, Tier.ROUTED, "Medium")
    assert (report.top, report.part) == ("toy", "xc7z020clg400-1")
    assert power.parse(power_report(ROWS, "placed"), "x.rpt").tier is Tier.SYNTHESISED


@pytest.mark.parametrize(
    ("rows", "fact"),
    [
        ({"Total On-Chip Power (W)": "2.550"}, "2.55 W in all"),
        ({"Total On-Chip Power (W)": "NA"}, "the power was not computed"),
        ({"Dynamic (W)": "fast"}, "where a number should be"),
    ],
)
def test_a_power_report_that_does_not_add_up_is_refused(rows: dict[str, str], fact: str) -> None:
    with pytest.raises(InputError, match=fact):
        power.parse(power_report(ROWS | rows), "x.rpt")


def test_a_power_report_that_is_cut_off_is_refused() -> None:
    text = power_report(ROWS)
    with pytest.raises(InputError):
        power.parse(text[: text.index("Dynamic")], "x.rpt")


def test_a_failed_co_simulation_is_an_outcome_and_no_report_of_cycles(report: Report) -> None:
    text = report("cosim", status="Fail")
    result = cosim.parse_outcome(text, "x.rpt")
    assert result.failed == "the co-simulation of the Verilog ended with status Fail" and result.latency.worst is None
    with pytest.raises(InputError, match="ended with status Fail"):
        readings.parse(text, "x.rpt")


def test_a_hierarchy_gives_its_instances_and_says_whether_the_processor_is_in_it() -> None:
    columns = [
        "Instance",
        "Module",
        "Total LUTs",
        "Logic LUTs",
        "LUTRAMs",
        "SRLs",
        "FFs",
        "RAMB36",
        "RAMB18",
        "DSP Blocks",
    ]
    rows = [
        ["top", "(top)", 120, 100, 10, 10, 300, 2, 1, 5],
        ["  conv_U0", "conv_s", 70, 60, 5, 5, 200, 1, 0, 5],
        ["  fifo_U0", "fifo", 1, 1, 0, 0, 2, 0, 0, 0],
        ["  fifo_U0", "fifo", 1, 1, 0, 0, 2, 0, 0, 0],
        ["  ps7", "bd_processing_system7_0_0", 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    cells = [dict(zip(columns, row, strict=True)) for row in rows]
    text = vivado_report({"1. Utilization by Hierarchy": grid(columns, cells)}, top="top", state="Routed")
    report = readings.parse(text, "x.rpt")
    assert isinstance(report, Utilization) and report.has_processor
    assert set(report.blocks) == {"conv_U0", "ps7"}, "two of one name cannot be told apart"
    assert report.blocks["conv_U0"] == {Metric.LUT: 70, Metric.FF: 200, Metric.BRAM18: 2, Metric.DSP: 5}


def test_without_the_processor_it_is_a_block(report: Report) -> None:
    result = readings.parse(report("utilization", {"Slice LUTs": 10}), "x.rpt")
    assert isinstance(result, Utilization) and not result.has_processor and not result.blocks
