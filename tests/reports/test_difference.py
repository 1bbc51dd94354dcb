"""What changed between runs, and how it is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.errors import InputError
from flows.core.evidence import TOTAL, Metric, Reading, Tier
from flows.core.record import Document, Run
from reports import changes
from reports.difference import EVERY, Change, difference
from reports.terminal import bars
from tests.reports.runs import document_of, readings_of, run_of


def scaled(run: Run, metric: Metric, scope: str, factor: float) -> Run:
    readings = tuple(
        replace(reading, value=reading.value * factor)
        if (reading.metric, reading.scope) == (metric, scope)
        else reading
        for reading in run.readings
    )
    return replace(run, readings=readings)


def test_nothing_changed() -> None:
    document = document_of(run_of())
    (pair,) = difference(document, document, {}).pairs
    assert pair.changes == () and pair.same == len(document.runs[0].readings)
    assert "nothing changed" in changes.terminal(difference(document, document, {}))


@given(st.floats(0.5, 2.0), st.floats(0, 0.5))
def test_a_change_is_counted_where_it_is_beyond_its_tolerance(factor: float, tolerance: float) -> None:
    before = run_of()
    after = scaled(before, Metric.LUT, "conv1", factor)
    for tolerances in ({EVERY: tolerance}, {"lut": tolerance, EVERY: 9.0}):
        (pair,) = difference(document_of(before), document_of(after), tolerances).pairs
        assert len(pair.changes) <= 1
        for change in pair.changes:
            assert change.about == "layer" and change.name == "conv1 lut"
            assert change.relative == pytest.approx(factor - 1, abs=1e-9)
            assert change.within is (abs(change.relative or 0.0) <= tolerance)


def test_inputs_and_options_are_reported() -> None:
    before = run_of(options={"precision": "16"})
    after = replace(before, options={"precision": "8", "new": "yes"}, clock_ns=5.0, quantised="e" * 16)
    (pair,) = difference(document_of(before), document_of(after), {}).pairs
    assert pair.changes == (
        Change("input", "clock", "10 ns", "5 ns"),
        Change("input", "arithmetic", "0123456789abcdef", "e" * 16),
        Change("option", "precision", "16", "8"),
        Change("option", "new", "absent", "yes"),
    )


def test_another_verdict_is_reported_before_the_numbers() -> None:
    before, after = run_of(), run_of(readings=readings_of(1.2))
    (pair,) = difference(document_of(before), document_of(after), {EVERY: 9.0}).pairs
    first = pair.changes[0]
    texts = "fits at csynth, binding resource FF", "over at csynth, binding resource FF"
    assert first == Change("verdict", "fit", *texts) and pair.beyond == (first,)


def test_absent_is_absent_and_another_tier_is_not_compared() -> None:
    before = run_of()
    lut, *others = before.readings
    report = Reading(Metric.LUT, lut.value, Tier.SYNTHESISED, lut.on, "a report")
    without = replace(before, readings=(report, *(other for other in others if other.metric is not Metric.FF)))
    (pair,) = difference(document_of(before), document_of(without), {EVERY: 9.0}).pairs
    by_name = {change.name: change for change in pair.changes}
    assert by_name["lut"].relative is None and "not comparable" in by_name["lut"].remark
    assert by_name["ff"].after == "absent" and not by_name["ff"].within
    assert sum(reading.scope == TOTAL for reading in before.readings) > 2


def test_runs_are_paired_by_name_then_by_flow_and_part() -> None:
    before = document_of(run_of("a"), run_of("b", options={"x": "1"}), run_of("gone"))
    after = document_of(run_of("new"), run_of("b", options={"x": "2"}), run_of("a"))
    result = difference(before, after, {})
    assert [(pair.before.flow, pair.after.flow) for pair in result.pairs] == [("a", "a"), ("b", "b"), ("gone", "new")]
    more = difference(before, document_of(run_of("a")), {})
    assert [each.flow for each in more.removed] == ["b", "gone"] and not more.added
    assert "only in the first: b-" in changes.terminal(more)


def test_other_architectures_are_refused() -> None:
    with pytest.raises(InputError, match="fedcba9876543210"):
        difference(document_of(run_of()), document_of(run_of(), architecture="fedcba9876543210"), {})


def test_every_format_tells_the_same() -> None:
    before = run_of()
    result = difference(document_of(before), document_of(scaled(before, Metric.LUT, TOTAL, 1.05)), {})
    for text in (changes.terminal(result), changes.to_markdown(result), changes.to_html(result)):
        assert "26,600" in text and "27,930" in text and "+5.00 %" in text and "1 changed" in text


def test_names_do_no_harm(hostile: Document) -> None:
    other = Document(hostile.network, (run_of("b"),))
    result = difference(hostile, other, {})
    page = changes.to_html(result)
    assert "<script" not in page and page.replace("\n", "").isprintable()
    assert changes.to_markdown(result).replace("\n", "").isprintable()


def test_a_waterfall_in_the_terminal() -> None:
    text = bars.waterfalls(run_of())
    lines = [line.split() for line in text.splitlines()]
    assert ["conv1", "5,320", "#" * 11] in lines and ["total", "26,600", "=" * 56] in lines
    (worst,) = [line for line in text.splitlines() if line.endswith("bottleneck")]
    assert worst.startswith("conv1")
    assert bars.waterfalls(run_of(readings=())) == ""


def test_numbers_within_each_others_intervals_are_grey() -> None:
    def known(value: float, low: float, high: float) -> Run:
        reading = Reading(
            Metric.LUT, value, Tier.MODELLED, "xc7z020", "a model", low=low, high=high, predicts=Tier.ROUTED
        )
        return replace(run_of(), readings=(reading,))

    close = difference(document_of(known(100, 80, 120)), document_of(known(110, 90, 130)), {})
    assert [change.noise for change in close.pairs[0].changes if change.about == "total"] == [True]
    assert "1 of them within both intervals" in changes.terminal(close) and 'class="soft"' in changes.to_html(close)
    apart = difference(document_of(known(100, 80, 105)), document_of(known(110, 90, 130)), {})
    assert not any(change.noise for change in apart.pairs[0].changes)
    assert 'class="soft"' not in changes.to_html(apart)
