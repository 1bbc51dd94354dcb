"""What FINN's own build reports: its clock, and what its nodes take, beside the estimates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backends.finn import BACKEND
from flows.core.clock import ClockVerdict, judge_clock
from flows.core.errors import InputError
from flows.core.evidence import DESIGN, TOTAL, Metric, Tier
from tests.backends.amd.conftest import timing_report, utilization_report
from tests.backends.finn.w4a4 import solved

TOP = "top_i/StreamingDataflowPartition_1/inst/StreamingDataflowPartition_1_"


def report(folder: Path, node: str, slack: str = "0.241", top: str = TOP) -> Path:
    """As FINN's builder leaves it: of the whole system, with a path in `node`."""
    text = timing_report(slack=slack, nets="routed").replace("| Design       : toy", "| Design       : top_wrapper")
    path = f"  Source: {top}{node}/inst/a_reg[1]/C\n  Destination: {top}{node}/inst/b_reg[9]/D\n"
    place = folder / "post_route_timing.rpt"
    place.write_text(text.replace("                         net (fo", path + "  net (fo"))
    return place


def test_it_decides_on_the_clock_and_says_which_node_limits(tmp_path: Path) -> None:
    assert BACKEND.read_report
    read = BACKEND.read_report(solved(), report(tmp_path, "MVAU_rtl_0"))
    (fmax,) = read.readings
    assert (fmax.metric, fmax.tier) == (Metric.FMAX_MHZ, Tier.ROUTED) and fmax.value == pytest.approx(1e3 / 9.759)
    assert judge_clock(read.readings, 10).verdict is ClockVerdict.MET
    assert [note.text for note in read.notes][-1] == "the slowest path ends in MVAU_rtl_0"

    read = BACKEND.read_report(solved(), report(tmp_path, "LabelSelect_hls_0", "-2.002"))
    assert judge_clock(read.readings, 10).verdict is ClockVerdict.MISSED
    assert [note.text for note in read.notes][-1] == (
        "the slowest path ends in LabelSelect_hls_0, of which this design has none; "
        "set its PE to 1: with PE 1 it takes a cycle a label, which slows only a design that takes fewer for an image"
    )


def test_what_is_not_of_finn_or_tells_no_time_is_refused(tmp_path: Path) -> None:
    assert BACKEND.read_report
    with pytest.raises(InputError, match="of top_wrapper, not of StreamingDataflowPartition"):
        BACKEND.read_report(solved(), report(tmp_path, "conv_0", top="design_1_i/"))
    other = tmp_path / "utilization.rpt"
    other.write_text(utilization_report({"Slice LUTs": 12}, top="StreamingDataflowPartition"))
    with pytest.raises(InputError, match="the timing report alone is read"):
        BACKEND.read_report(solved(), other)


ESTIMATED = {"MVAU_rtl_0": {"LUT": 12, "BRAM_18K": 3, "DSP": 1}, "total": {"LUT": 40, "BRAM_18K": 3, "DSP": 1}}
BUILT = {"(top)": {"LUT": 900, "FF": 800, "DSP": 4, "BRAM_18K": 2, "BRAM_36K": 1}, "MVAU_rtl_0": {"LUT": 300}}
SIMULATED = {"N": 2, "latency_cycles": 5000, "interval_cycles": 4000}


def folder_of(folder: Path, **others: object) -> Path:
    """A report folder of FINN's, by its files' names."""
    content = {"estimate_layer_resources": ESTIMATED, "post_synth_resources": BUILT, "rtlsim_performance": SIMULATED}
    for name, value in (content | others).items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    report(folder, "MVAU_rtl_0")
    return folder


def test_the_whole_report_folder_is_evidence(tmp_path: Path) -> None:
    assert BACKEND.read_report
    read = BACKEND.read_report(solved(), folder_of(tmp_path))
    counts = {(reading.metric, reading.scope, reading.tier): reading.value for reading in read.readings}
    assert (
        counts[Metric.LUT, "MVAU_rtl_0", Tier.ROUTED] == 300 and counts[Metric.LUT, "MVAU_rtl_0", Tier.MODELLED] == 12
    )
    assert counts[Metric.BRAM18, DESIGN, Tier.ROUTED] == 4  # two halves make a RAMB36
    assert counts[Metric.INTERVAL_CYCLES, TOTAL, Tier.RTL_SIMULATED] == 4000
    assert {reading.on.split(",")[0] for reading in read.readings} == {solved().design.job.target.part.device.name}
    assert {Metric.FMAX_MHZ} <= {reading.metric for reading in read.readings}
    assert all("of another one" not in note.text for note in read.notes)


def test_one_file_of_it_is_enough_and_other_nodes_are_reported(tmp_path: Path) -> None:
    assert BACKEND.read_report
    folder_of(tmp_path, estimate_layer_resources={"Shuffle_hls_7": {"LUT": 5}})
    read = BACKEND.read_report(solved(), tmp_path / "estimate_layer_resources.json")
    assert "has nodes that this design has not (Shuffle_hls_7)" in read.notes[-1].text


def test_an_empty_folder_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    assert BACKEND.read_report
    with pytest.raises(InputError, match="none of FINN's reports"):
        BACKEND.read_report(solved(), tmp_path)
    folder_of(tmp_path, rtlsim_performance={"N": "many"})
    with pytest.raises(InputError, match="damaged"):
        BACKEND.read_report(solved(), tmp_path)
