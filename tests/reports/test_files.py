"""CSV and JUnit XML."""

import csv
import io
from xml.etree.ElementTree import fromstring

import reports.csv
from flows.core.evidence import RESOURCES, Tier
from flows.core.record import Document
from reports import junit
from reports.comparison import Absent, compare
from tests.reports.runs import document_of, readings_of, run_of


def test_every_reading_is_a_line_of_csv() -> None:
    run = run_of()
    rows = list(csv.DictReader(io.StringIO(reports.csv.report(compare([document_of(run)])))))
    assert len(rows) == len(run.readings)
    lut = rows[0]
    assert (lut["metric"], lut["scope"], float(lut["value"]), lut["unit"]) == ("lut", "total", 26_600, "LUT")
    assert (lut["tier"], lut["stage"], lut["n"]) == ("modelled", "hls", "")


def test_the_csv_says_which_stage_is_judged() -> None:
    counted, built = readings_of(0.9), readings_of(0.4, predicts=Tier.ROUTED)
    run = run_of(readings=(*counted, *(each for each in built if each.metric in RESOURCES)))
    rows = list(csv.DictReader(io.StringIO(reports.csv.report(compare([document_of(run)])))))
    resources = [row for row in rows if row["metric"] in ("lut", "ff", "bram18", "dsp")]
    assert {(row["stage"], row["shown"]) for row in resources} == {("hls", "no"), ("routed", "yes")}
    assert {row["shown"] for row in rows if row not in resources} == {"yes"}


def test_no_cell_is_a_formula(hostile: Document) -> None:
    text = reports.csv.report(compare([hostile]))
    rows = list(csv.reader(io.StringIO(text)))
    assert {len(row) for row in rows} == {len(reports.csv.COLUMNS)}
    assert not [cell for row in rows for cell in row if cell[:1] in "=+@" and cell]
    assert text.replace("\r\n", "").isprintable()


def test_junit_passes_what_is_proven_and_fails_what_is_refuted() -> None:
    fits, over = run_of("fits"), run_of("over", readings=readings_of(2.0))
    risky = run_of("risky", readings=readings_of(0.88, spread=0.2), equal=None)
    (suite,) = fromstring(junit.report(compare([document_of(fits, over, risky)])))
    outcomes = {case.get("name"): [child.tag for child in case] for case in suite}
    assert outcomes == {
        "fits fits": [],
        "fits computes the trained network": [],
        "over fits": ["failure"],
        "over computes the trained network": [],
        "risky fits": ["skipped"],
        "risky computes the trained network": ["skipped"],
    }
    assert [suite.get(key) for key in ("tests", "failures", "skipped")] == ["6", "1", "2"]


def test_junit_skips_what_was_not_run() -> None:
    comparison = compare([document_of(run_of("a"))], [Absent("b", "xc7z010clg400-1", "too large")])
    case = fromstring(junit.report(comparison)).findall("testsuite[@name='xc7z010clg400-1']/testcase")[0]
    assert case.get("name") == "b fits" and case[0].tag == "skipped" and case[0].get("message") == "no run: too large"


def test_junit_stays_xml_whatever_the_names(hostile: Document) -> None:
    root = fromstring(junit.report(compare([hostile])))
    assert "\\x1b[31m" in (root[0][0].get("name") or "")
