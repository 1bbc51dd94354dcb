"""What an HLS tool prints of a core that it synthesised or routed alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.amd.export import parse
from backends.amd.identity import ANYTHING
from backends.amd.steps import read_report
from flows.core.errors import InputError
from flows.core.evidence import DESIGN, Metric, Tier
from flows.core.part import Target, find_part
from flows.ledger.vendor import entry

ROUTED = """

Implementation tool: Xilinx Vivado v.2025.2
Project:             top
Solution:            hls
Device target:       xc7z020-clg484-1
Report date:         Sat Mar 07 19:19:50 PKT 2026

#=== Post-Implementation Resource usage ===
SLICE:         2784
LUT:           6768
FF:            7171
DSP:             31
BRAM:            48
SRL:            357

#=== Final timing ===
CP required:                     10.000
CP achieved post-synthesis:      8.946
CP achieved post-implementation: 9.301
Timing met
"""
SYNTHESISED = ROUTED.replace("Post-Implementation", "Post-Synthesis").replace(
    "CP achieved post-implementation: 9.301\n", ""
)

RESULTS = """
================================================================
== Vivado Place & Route Results
================================================================
+ General Information:
    * Date:            Sat Mar 07 19:19:50 PKT 2026
    * Version:         2025.2 (Build 6295257 on Nov 14 2025)
    * Project:         hls_component
    * Target device:   xc7z020-clg484-1


================================================================
== Place & Route Resource Summary
================================================================
LUT:              6768
FF:               7171
DSP:              31
BRAM:             48
URAM:             0
SRL:              357


================================================================
== Place & Route Timing Summary
================================================================
* Timing was met
+----------------+-------------+
| Timing         | Period (ns) |
+----------------+-------------+
| Target         | 10.000      |
| Post-Synthesis | 8.946       |
| Post-Route     | 9.301       |
+----------------+-------------+
"""
"""What Vitis HLS writes since 2022."""
RESULTS_OF_SYNTHESIS = RESULTS.replace("Place & Route", "RTL Synthesis").replace(
    "| Post-Route     | 9.301       |\n", ""
)


@pytest.mark.parametrize(
    ("text", "tier", "achieved"),
    [
        (ROUTED, Tier.ROUTED, 9.301), (SYNTHESISED, Tier.SYNTHESISED, 8.946),
        (RESULTS, Tier.ROUTED, 9.301), (RESULTS_OF_SYNTHESIS, Tier.SYNTHESISED, 8.946),
    ],
)  # fmt: skip
def test_resources_and_period_are_of_the_stage_that_was_reached(text: str, tier: Tier, achieved: float) -> None:
    report = parse(text, "top_export.rpt")
    assert report.resources == {Metric.LUT: 6768, Metric.FF: 7171, Metric.BRAM18: 48, Metric.DSP: 31}
    assert (report.tier, report.clock_ns, report.achieved_ns) == (tier, 10, achieved)
    assert (report.part, report.tool) == ("xc7z020-clg484-1", "Vivado 2025.2")


def test_in_the_ledger_it_is_a_design_without_its_shell() -> None:
    result = entry(ROUTED, "top_export.rpt", "sha256:0", "2026-11-29")
    assert (result.whole, result.part, result.clock_ns) == (False, "xc7z020clg484-1", 10)
    assert {
        reading.metric: reading.value
        for reading in result.readings
        if reading.scope == DESIGN and reading.metric is Metric.LUT
    } == {Metric.LUT: 6768}
    (fmax,) = (reading for reading in result.readings if reading.metric is Metric.FMAX_MHZ)
    assert round(fmax.value, 1) == 107.5 and fmax.tier is Tier.ROUTED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LUT:           6768\n", ""), ("6768", "many"), ("6768", "67.5"), ("v.2025.2", "v.x"), ("10.000", "0.000"),
        ("#=== Post-Implementation", "#=== Pre-Implementation"), ("FF:            7171", "FF: 7171\nFF: 7172"),
    ],
)  # fmt: skip
def test_a_damaged_report_is_refused(old: str, new: str) -> None:
    assert old in ROUTED
    with pytest.raises(InputError, match=r"top_export.rpt"):
        parse(ROUTED.replace(old, new), "top_export.rpt")


@given(st.sampled_from([ROUTED, RESULTS]), st.floats(0, 1))
def test_a_report_that_is_cut_off_is_refused_or_tells_nothing_else(text: str, share: float) -> None:
    whole = parse(text, "top_export.rpt")
    try:
        report = parse(text[: int(share * len(text))], "top_export.rpt")
    except InputError:
        return
    assert report.resources == whole.resources and report.achieved_ns in (None, whole.achieved_ns)


TARGET = Target(find_part("xc7z020clg484-1"))


@pytest.mark.parametrize("text", [ROUTED, RESULTS])
def test_it_is_a_report_of_a_run_whose_part_and_clock_it_has(text: str, tmp_path: Path) -> None:
    path = tmp_path / "top_export.rpt"
    path.write_text(text)
    imported = read_report(path, "myproject", TARGET, ANYTHING, "vitis")
    values = {reading.metric: (reading.value, reading.tier) for reading in imported.readings}
    assert values[Metric.LUT] == (6768, Tier.ROUTED) and round(values[Metric.FMAX_MHZ][0], 1) == 107.5
    assert "compared were part and clock" in str(imported.notes[0])
    for other, fact in (
        (Target(find_part("xc7z010clg400-1")), "for part xc7z020-clg484-1"),
        (replace(TARGET, clock_ns=8), "for a clock of 10 ns"),
    ):
        with pytest.raises(InputError, match=fact):
            read_report(path, "myproject", other, ANYTHING, "vitis")
