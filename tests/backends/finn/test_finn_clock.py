"""Which clock FINN's nodes bear, by their types and attributes, and what a design's estimate says of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cost.clock import ROUTED
from backends.finn import BACKEND
from backends.finn.clock import Node, limits, predicted
from flows.core.clock import ClockVerdict, judge_clock
from flows.core.evidence import TOTAL, Reading
from flows.core.part import find_part

PART = find_part("xc7z020")
OTHERS: list[Node] = [("MVAU_rtl", {"PE": 32, "SIMD": 112}), ("StreamingFIFO_rtl", {"depth": 2})]


def label_select(pe: int, bits: int) -> Node:
    return "LabelSelect_hls", {"PE": pe, "inputDataType": f"INT{bits}", "Labels": 40, "K": 1}


def total(nodes: list[Node], part: str = "xc7z020") -> Reading:
    (reading,) = [each for each in predicted(nodes, find_part(part)) if each.scope == TOTAL]
    return reading


@pytest.mark.parametrize(
    ("pe", "bits", "verdict"),
    [
        (1, 7, ClockVerdict.CREDIBLE),
        (1, 32, ClockVerdict.CREDIBLE),
        (2, 16, ClockVerdict.CREDIBLE),
        (4, 7, ClockVerdict.AT_RISK),
        (5, 7, ClockVerdict.AT_RISK),
        (10, 7, ClockVerdict.AT_RISK),
        (10, 24, ClockVerdict.AT_RISK),
    ],
)
def test_comparisons_in_a_row_cost_the_clock(pe: int, bits: int, verdict: ClockVerdict) -> None:
    clock = judge_clock([total([*OTHERS, label_select(pe, bits)]), *BACKEND.seen_clocks], 10)
    assert clock.verdict is verdict
    if verdict is ClockVerdict.AT_RISK:
        assert "LabelSelect_hls: it compares" in clock.fact and "set its PE to" in clock.fact
        assert clock.credible_mhz and clock.credible_mhz < 100


def test_a_design_without_it_is_as_fast_as_routing_lets_it() -> None:
    assert total(OTHERS).value == pytest.approx(1000 / ROUTED.value)
    assert not limits(OTHERS) and len(predicted(OTHERS, PART)) == 1
    assert total([label_select(1, 32)]) == total([])


def test_the_unit_that_limits_has_a_reading_of_its_own() -> None:
    whole, unit = predicted([*OTHERS, label_select(5, 7)], PART)
    assert (whole.value, whole.low, whole.high) == (unit.value, unit.low, unit.high)
    assert (whole.scope, unit.scope) == (TOTAL, "LabelSelect_hls")


def test_a_unit_with_a_loop_counter_is_slower_than_routing_alone_and_bears_100_mhz() -> None:
    plain, counting = total(OTHERS), total([*OTHERS, ("MVAU_hls", {})])
    assert counting.value < plain.value and (counting.high or 0) < (plain.high or 0)
    assert counting.low and counting.low > 100 and "MVAU_hls: it counts its turns in 32 bits" in counting.source
    assert total([("MVAU_hls", {}), label_select(5, 7)]) == total([label_select(5, 7)])
    assert [each.scope for each in predicted([("MVAU_hls", {}), label_select(5, 7)], PART)] == [
        TOTAL, "MVAU_hls", "LabelSelect_hls",
    ]  # fmt: skip


@pytest.mark.parametrize(("part", "limit"), [("xc7z020clg400-2", 628), ("xc7z045ffg900-1", 458)])
def test_how_much_faster_another_part_can_be_at_most_is_not_known(part: str, limit: float) -> None:
    assert total([label_select(5, 7)], part).high == limit


@given(st.integers(1, 40), st.integers(1, 32), st.sampled_from(("xc7z020", "xc7z020clg400-2", "xc7z045")))
def test_more_or_wider_comparisons_are_never_faster(pe: int, bits: int, part: str) -> None:
    reading, more, wider = (total([label_select(*each)], part) for each in ((pe, bits), (pe + 1, bits), (pe, bits + 1)))
    for slower in (more, wider):
        assert slower.value <= reading.value and (slower.low or 0) <= (reading.low or 0)
    assert reading.low and reading.high and reading.low <= reading.value <= reading.high
    assert total([label_select(pe, bits)], "xc7z020clg400-2").value == pytest.approx(
        total([label_select(pe, bits)]).value / 0.88
    )


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"PE": 0, "inputDataType": "INT7"}, "PE 0"),
        ({"inputDataType": "INT7"}, "PE 0"),
        ({"PE": 1, "inputDataType": "FLOAT32"}, "'FLOAT32' is no integer type"),
        ({"PE": 1}, "'' is no integer type"),
    ],
)
def test_what_is_no_fold_or_no_integer_is_refused(attributes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        limits([("LabelSelect_hls", attributes)])
