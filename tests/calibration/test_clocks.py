"""What is said of clocks is what the rows of timing reports bear."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backends.cost.clock import NET, ROUTED
from backends.finn import BACKEND as FINN
from backends.hls import BACKEND as HLS
from backends.hls4ml import BACKEND as HLS4ML
from calibration import clocks
from flows.core.clock import ClockVerdict
from flows.core.part import find_part

ROWS = clocks.rows()
LABEL_SELECT = "LabelSelect_hls"


def count(flow: str, holds: Callable[[clocks.Row], bool]) -> int:
    return sum(row["flow"] == flow and holds(row) for row in ROWS)


def at_100(row: clocks.Row) -> bool:
    return bool(row["asked_ns"] == 10)


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_row_is_whole_and_the_verdict_on_it_is_right(row: clocks.Row) -> None:
    find_part(row["part"])
    assert row["wns_ns"] < row["asked_ns"] and row["path"] and row["repo"] and row["tool"]
    fmax, judged = clocks.judged_by_model(row)
    assert judged.verdict is (ClockVerdict.CREDIBLE if clocks.is_met(row) else ClockVerdict.AT_RISK)
    assert fmax.low and fmax.high
    assert clocks.reached(row) <= fmax.high
    assert clocks.is_met(row) or fmax.low <= clocks.reached(row)


def test_the_constants_are_those_of_the_rows() -> None:
    value, low, high = clocks.routed(ROWS)
    assert (value, low, high) == pytest.approx((1000 / ROUTED.value, 1000 / ROUTED.high, 1000 / ROUTED.low), rel=0.01)
    assert clocks.net(ROWS) == pytest.approx(NET, abs=0.005)


def test_the_general_law_holds_for_every_project_left_out() -> None:
    """Of a project that met its clocks, that what it reached is not above the upper end says little; of the one that
    missed them, that it is inside says that builds which met theirs alone cannot tell how fast they could be."""
    for project in {row["repo"] for row in ROWS}:
        others = [row for row in ROWS if row["repo"] != project]
        _, low, high = clocks.routed(others)
        assert low >= 100, "a clock of 100 MHz stays credible"
        for row in (each for each in ROWS if each["repo"] == project and each.get("unit") != LABEL_SELECT):
            assert clocks.reached(row) <= high


def test_the_sentences_count_the_rows() -> None:
    assert FINN.seen_clocks and HLS4ML.seen_clocks and HLS.seen_clocks
    met, of_all = count("finn", lambda row: at_100(row) and clocks.is_met(row)), count("finn", at_100)
    assert f"{met} of {of_all} builds with a timing report met it" in FINN.seen_clocks[0].source
    missed = [row for row in ROWS if row["flow"] == "finn" and not clocks.is_met(row)]
    assert {row["config"][LABEL_SELECT]["PE"] for row in missed} == {5} and f"the {len(missed)} with" in (
        FINN.seen_clocks[0].source
    )
    met = count("hls4ml", lambda row: at_100(row) and clocks.is_met(row))
    assert met == count("hls4ml", at_100) and f"{met} of {met} builds" in HLS4ML.seen_clocks[0].source
    met = count("hls", lambda row: at_100(row) and clocks.is_met(row))
    assert met == count("hls", at_100) and f"{met} of {met} builds" in HLS.seen_clocks[0].source
    assert {each.value for flow in (FINN, HLS4ML, HLS) for each in flow.seen_clocks} == {100.0}
    assert f"{sum(map(clocks.is_met, ROWS))} met the 77 to 100 MHz" in ROUTED.why
