"""The Pareto front, against its definition."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.evidence import Metric, Reading, Tier
from flows.core.part import devices
from reports import sweep_page
from reports.pareto import Place, parse_metrics, ranking
from reports.terminal.sweep import front
from tests.reports.runs import HOSTILE, document_of, run_of

PART = "xc7z020"
METRICS = (Metric.THROUGHPUT_FPS, Metric.LUT)


def reading(metric: Metric, value: float, spread: float) -> Reading:
    return Reading(
        metric, value, Tier.MODELLED, PART, "a model", predicts=Tier.ROUTED, low=value - spread, high=value + spread
    )


def places(rows: list[tuple[int, int, int, int]]) -> list[Place]:
    """Of designs with these (images/s, its spread, LUT, its spread)."""
    runs = [
        run_of(f"f{at}", PART, [reading(Metric.THROUGHPUT_FPS, fps, more), reading(Metric.LUT, lut, spread)])
        for at, (fps, more, lut, spread) in enumerate(rows)
    ]
    return [each.place for each in ranking(document_of(*runs), METRICS).ranked]


@given(
    st.lists(
        st.tuples(st.integers(50, 55), st.integers(0, 3), st.integers(50, 55), st.integers(0, 3)),
        min_size=1,
        max_size=6,
    )
)
def test_it_is_what_no_other_design_beats(rows: list[tuple[int, int, int, int]]) -> None:
    result = places(rows)
    for place, (fps, fps_spread, lut, lut_spread) in zip(result, rows, strict=True):
        beats = [
            row for row in rows if row[0] >= fps and row[2] <= lut and (row[0], row[2]) != (fps, lut)
        ]  # itself, and its equals, do not
        assert (place is Place.FRONT) == (not beats)
        if place is Place.BEATEN:  # then also at every corner of both intervals, but where the numbers are the same
            corners = [
                all(
                    (beat[0] == fps or beat[0] + a * beat[1] >= fps + b * fps_spread)
                    and (beat[2] == lut or beat[2] + a * beat[3] <= lut + b * lut_spread)
                    for a, b in product((-1, 1), repeat=2)
                )
                for beat in beats
            ]
            assert any(corners)


def test_parts_are_apart_and_what_is_over_beats_nobody() -> None:
    huge = 2 * devices()[PART].available(Metric.LUT)
    assert places([(100, 0, huge, 0), (50, 0, 50, 0), (40, 0, 60, 0)]) == [Place.OUT, Place.FRONT, Place.BEATEN]
    readings = [reading(Metric.THROUGHPUT_FPS, 40, 0), reading(Metric.LUT, 60, 0)]
    other = [reading(Metric.THROUGHPUT_FPS, 50, 0), reading(Metric.LUT, 50, 0)]
    document = document_of(run_of("a", "xc7z010", readings), run_of("b", PART, other))
    assert {ranked.place for ranked in ranking(document, METRICS).ranked} == {Place.FRONT}


def test_what_is_unknown_of_a_design_is_no_number() -> None:
    document = document_of(
        run_of("a", PART, [reading(Metric.THROUGHPUT_FPS, 40, 0), reading(Metric.LUT, 60, 0)]),
        run_of("b", PART, [reading(Metric.LUT, 50, 0)]),
    )
    assert [each.place for each in ranking(document, METRICS).ranked] == [Place.FRONT, Place.UNKNOWN]
    result = ranking(document)
    assert Metric.ACCURACY not in result.metrics and "unknown of 2 of 2" in front(result)


def test_metrics_by_name() -> None:
    assert parse_metrics(["lut", "accuracy", "lut"]) == (Metric.LUT, Metric.ACCURACY)
    with pytest.raises(ValueError, match="'beauty' is none of throughput_fps"):
        parse_metrics(["beauty"])


def test_no_text_does_harm() -> None:
    document = document_of(run_of(HOSTILE, command=HOSTILE))
    page = sweep_page.page(ranking(document, METRICS))
    assert HOSTILE not in page and page.count("<script") == 2 and page.count("</script>") == 2
    assert front(ranking(document, METRICS), every=True).isprintable() is False  # lines, and nothing else
    assert all(line.isprintable() for line in front(ranking(document, METRICS), every=True).splitlines())
