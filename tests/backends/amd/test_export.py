"""What an HLS tool prints of a core that it synthesised or routed alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.amd.export import parse
from flows.core.errors import InputError
from flows.core.evidence import DESIGN, Metric, Tier
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


@pytest.mark.parametrize(
    ("text", "tier", "achieved"), [(ROUTED, Tier.ROUTED, 9.301), (SYNTHESISED, Tier.SYNTHESISED, 8.946)]
)
def test_resources_and_period_are_of_the_stage_that_was_reached(text: str, tier: Tier, achieved: float) -> None:
    report = parse(text, "top_export.rpt")
    assert report.resources == {Metric.LUT: 6768, Metric.FF: 7171, Metric.BRAM18: 48, Metric.DSP: 31}
    assert (report.tier, report.clock_ns, report.achieved_ns) == (tier, 10, achieved)
    assert (report.part, report.tool) == ("xc7z020-clg484-1", "Vivado 2025.2")


def test_in_the_ledger_it_is_a_design_without_its_shell() -> None:
    found = entry(ROUTED, "top_export.rpt", "sha256:0", "2026-11-29")
    assert (found.whole, found.part, found.clock_ns) == (False, "xc7z020clg484-1", 10)
    assert {
        reading.metric: reading.value
        for reading in found.readings
        if reading.scope == DESIGN and reading.metric is Metric.LUT
    } == {Metric.LUT: 6768}
    (fmax,) = (reading for reading in found.readings if reading.metric is Metric.FMAX_MHZ)
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


@given(st.integers(0, len(ROUTED)))
def test_a_report_that_is_cut_off_is_refused_or_tells_no_other_resources(place: int) -> None:
    try:
        report = parse(ROUTED[:place], "top_export.rpt")
    except InputError:
        return
    assert report.resources == parse(ROUTED, "top_export.rpt").resources
