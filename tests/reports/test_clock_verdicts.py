"""A design that misses its clock, and one whose clock nobody vouches for, in every format."""

import csv
import io
import json
from dataclasses import replace

import pytest

import reports.csv
import reports.json
from flows.core.clock import seen
from flows.core.clock_rates import at_credible_clock
from flows.core.evidence import Metric, Reading, Tier
from flows.core.fit import Verdict
from flows.core.record import Run
from reports import html, junit, markdown, words
from reports.comparison import Comparison, compare
from reports.design import designs_of
from reports.difference import difference
from reports.terminal import brief
from reports.terminal import run as terminal
from reports.terminal.comparison import comparison as side_by_side
from tests.reports.runs import document_of, readings_of, run_of


def fmax(mhz: float, tier: Tier = Tier.ROUTED) -> Reading:
    return Reading(Metric.FMAX_MHZ, mhz, tier, "xc7z020", "a report")


@pytest.fixture
def late() -> Run:
    return run_of("late", readings=(*readings_of(fps=5_000.0), fmax(81.2)), options={"a": "1"})


@pytest.fixture
def sure() -> Run:
    return run_of("sure", readings=(*readings_of(fps=100.0), fmax(105.4)), options={"a": "2"})


def doubts(comparison: Comparison) -> dict[str, str]:
    return {doubt.unknown.topic: doubt.unknown.fact for decision in comparison.decisions for doubt in decision.doubts}


def test_a_design_that_misses_its_clock_is_never_taken(late: Run, sure: Run) -> None:
    (decision,) = compare([document_of(late, sure)]).decisions
    assert decision.headline == "Take sure: nothing else fits"
    assert [design.fit.verdict for design in decision.designs] == [Verdict.FITS, Verdict.CLOCK_MISSED]
    assert "late misses its clock: routing reaches 81.2 MHz of the 100 MHz asked for." in decision.why


def test_where_all_miss_it_nothing_fits(late: Run) -> None:
    comparison = compare([document_of(late)])
    (decision,) = comparison.decisions
    assert decision.headline == "Nothing fits at the clock that it was asked for" and not decision.candidates
    assert doubts(comparison)["clock"] == "routing reaches 81.2 MHz of the 100 MHz asked for"
    assert "late: clock missed" in brief.decisions(comparison)


@pytest.mark.parametrize(
    ("report", "doubted"),
    [
        (fmax(105.4), False),
        (fmax(105.4, Tier.SYNTHESISED), False),
        (fmax(137, Tier.HLS), True),  # csynth vouches for nothing
        (fmax(81.2), True),
        (fmax(120, Tier.MODELLED), True),
        (None, True),
    ],
)
def test_the_doubt_about_the_clock_goes_only_where_a_report_meets_it(report: Reading | None, doubted: bool) -> None:
    run = run_of(readings=(*readings_of(), *([report] if report else [])))
    assert ("clock" in doubts(compare([document_of(run)]))) == doubted


def test_a_clock_at_risk_is_said_to_be_what_may_fail() -> None:
    known = seen(100.0, Tier.ROUTED, "xc7z020", "a build")
    fast = run_of("fast", readings=(*readings_of(), known), clock_ns=5.0)
    clock = designs_of([fast])[0].fit.clock
    assert clock
    fast = replace(fast, warnings=("another", clock.warning))
    comparison = compare([document_of(fast)])
    (decision,) = comparison.decisions
    assert decision.candidates[0].fit.verdict is Verdict.AT_RISK
    assert "The resources of fast fit; the clock may not be met." in decision.why and "interval" not in decision.why
    assert doubts(comparison)["warnings"] == "another", "the clock is told once"
    assert "at risk (clock)" in side_by_side(document_of(fast))
    assert not any("other builds" in doubt.unknown.fact for doubt in decision.doubts)


def test_a_rate_at_a_slower_clock_is_reported_with_the_one_asked_for_in_every_format() -> None:
    known = seen(100.0, Tier.ROUTED, "xc7z020clg400-1", "a build")
    readings = at_credible_clock((*readings_of(fps=8_000.0), known), 5.0)
    document = document_of(run_of("fast", readings=readings, clock_ns=5.0))
    comparison = compare([document])
    (decision,) = comparison.decisions
    result = "8,000.0 images/s at the 200 MHz asked for"
    assert f"fast, 4,000.0 images/s, at the highest credible clock ({result})" in decision.why
    for text in (markdown.report(comparison), html.report(comparison), terminal.details(document)):
        assert "4,000.0" in text and result in text
    (design,) = json.loads(reports.json.report(comparison))["decisions"][0]["designs"]
    assert design["clock"]["verdict"] == "at risk" and design["clock"]["credible_mhz"] == 100
    rows = list(csv.DictReader(io.StringIO(reports.csv.report(comparison))))
    counts = {row["scope"]: float(row["value"]) for row in rows if row["metric"] == "throughput_fps"}
    assert counts == {"total": 4_000.0, "at the clock asked for": 8_000.0}


def test_what_other_builds_reached_is_no_block_of_this_one() -> None:
    known = seen(250.0, Tier.ROUTED, "xc7z020", "a build")
    plain, document = (document_of(run_of(readings=(*readings_of(), *more))) for more in ((), (known,)))
    text = terminal.details(document, layers=True)
    assert "other builds" not in text and "Fmax" not in text
    assert html.report(compare([document])).count("other builds") == html.report(compare([plain])).count("other builds")


def test_every_format_says_it(late: Run, sure: Run) -> None:
    document = document_of(late, sure)
    comparison = compare([document])
    table = side_by_side(document)
    assert "clock missed (81.2 of 100 MHz)" in table and "fits (FF)" in table
    assert "| **clock missed** |" in markdown.report(comparison)
    assert "100 MHz missed, 81.2 MHz by routed" in markdown.report(comparison)
    assert "✗ clock missed" in html.report(comparison) and "100 MHz met, 105.4 MHz by routed" in html.report(comparison)
    assert "clock missed: routing reaches 81.2 MHz" in junit.report(comparison)
    assert '<testsuite name="xc7z020clg400-1" tests="4" failures="1"' in junit.report(comparison)
    rows = list(csv.DictReader(io.StringIO(reports.csv.report(comparison))))
    assert {(row["design"], row["verdict"], row["clock"]) for row in rows} == {
        ("late", "clock missed", "missed"),
        ("sure", "fits", "met"),
    }
    (decision,) = json.loads(reports.json.report(comparison))["decisions"]
    clocks = {each["label"]: each["clock"] for each in decision["designs"]}
    assert clocks["late"]["verdict"] == "missed" and clocks["late"]["fmax_mhz"] == 81.2
    assert clocks["sure"]["verdict"] == "met" and clocks["sure"]["asked_mhz"] == 100


def test_over_the_part_says_that_the_clock_is_missed_too() -> None:
    (design,) = designs_of([run_of(readings=(*readings_of(1.2), fmax(81.2)))])
    assert design.fit.verdict is Verdict.OVER
    assert "over: " in words.verdict(design.fit) and "clock missed: routing reaches 81.2 MHz" in words.verdict(
        design.fit
    )
    assert words.why(design.fit) == " (FF, and 81.2 of 100 MHz)"


def test_a_missed_clock_without_resources_is_no_unknown() -> None:
    (design,) = designs_of([run_of(readings=[fmax(81.2)])])
    expected = "clock missed: routing reaches 81.2 MHz of the 100 MHz asked for; resources alone: unknown"
    assert words.verdict(design.fit) == expected


def test_a_difference_tells_a_clock_that_is_met_no_more(late: Run) -> None:
    met = replace(late, readings=(*readings_of(fps=5_000.0), fmax(105.4)))
    (pair,) = difference(document_of(met), document_of(late), {}).pairs
    changes = {change.name: (change.before, change.after) for change in pair.changes if change.about == "verdict"}
    assert changes["clock"] == ("met", "missed") and changes["fit"][1].startswith("clock missed")
