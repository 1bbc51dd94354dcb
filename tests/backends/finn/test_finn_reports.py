"""The timing report of FINN's own build decides on the clock of a design."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.finn import BACKEND
from flows.core.clock import ClockVerdict, judge_clock
from flows.core.errors import InputError
from flows.core.evidence import Metric, Tier
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
    with pytest.raises(InputError, match="timing reports alone are read"):
        BACKEND.read_report(solved(), other)
