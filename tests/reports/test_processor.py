"""A program on the processor beside designs of the fabric: how many times as fast they are, and when it is enough."""

from __future__ import annotations

import csv
import io
import json

import pytest

import reports.csv
import reports.json
from flows.core.evidence import RESOURCES, Metric, Reading, Tier
from flows.core.fit import Verdict
from flows.core.record import Run, document_to_json
from flows.core.record_reader import document_from_json
from reports import html, junit, markdown
from reports.comparison import Comparison, compare
from reports.pareto import ranking
from reports.processor import HEAD, speed_up
from reports.terminal.comparison import comparison as table
from reports.terminal.run import details
from reports.terminal.sweep import front
from tests.reports.runs import document_of, readings_of, run_of

ON = "one Cortex-A9 at 667 MHz"


def program(fps: float | None = 20.0, flow: str = "c", instructions: float | None = 17e6) -> Run:
    readings = [Reading(Metric.CONSTANT_BYTES, 53408, Tier.SIMULATED, ON, "sections")]
    if instructions:
        readings.append(Reading(Metric.INSTRUCTIONS, instructions, Tier.SIMULATED, ON, "counted"))
    if fps:
        range_ = {"predicts": Tier.MEASURED, "low": fps / 4, "high": fps * 4}
        readings.append(Reading(Metric.THROUGHPUT_FPS, fps, Tier.MODELLED, ON, "a range of cycles", **range_))  # type: ignore[arg-type]
        readings.append(Reading(Metric.LATENCY_US, 1e6 / fps, Tier.MODELLED, ON, "a range of cycles"))
    return run_of(flow, readings=readings, quantised="5" * 16, options={"arm": "auto"})


@pytest.fixture
def reviewed() -> Comparison:
    fast, slow = (run_of(name, readings=readings_of(0.5, fps=fps)) for name, fps in (("fast", 900.0), ("slow", 100.0)))
    return compare([document_of(fast, slow, program())])


def test_a_program_is_no_candidate_and_takes_nothing_of_the_fabric(reviewed: Comparison) -> None:
    (decision,) = reviewed.decisions
    *_, last = decision.designs
    assert last.run.flow == "c" and last.fit.verdict is Verdict.PROCESSOR and last.is_program
    assert {candidate.run.flow for candidate in decision.candidates} == {"fast", "slow"}
    assert decision.headline.startswith("Take fast"), "as it would be said without the program"
    assert not [doubt for doubt in decision.doubts if "resources" in doubt.unknown.topic and last in doubt.designs]


def test_the_decision_says_when_the_processor_is_enough(reviewed: Comparison) -> None:
    (decision,) = reviewed.decisions
    assert "The processor alone (c) does 20.0 images/s (5.0 .. 80.0)" in decision.why
    assert "it is enough for 5.0 images/s, and may be for 80.0. fast is 45 (11 .. 180) times as fast." in decision.why


def test_the_ends_of_a_speed_up_are_those_of_both_intervals_at_their_worst(reviewed: Comparison) -> None:
    fast, slow, c = (
        next(design for design in reviewed.designs if design.run.flow == flow) for flow in ("fast", "slow", "c")
    )
    up = speed_up(slow, c)
    assert up and (up.value, up.low, up.high) == (5.0, 1.25, 20.0)
    assert speed_up(c, c) is None and speed_up(fast, None) is None


def test_every_format_has_the_column_and_no_number_for_what_a_program_cannot_take(reviewed: Comparison) -> None:
    terminal, page, text = table(reviewed.document), html.report(reviewed), markdown.report(reviewed)
    assert HEAD in terminal and HEAD in page and HEAD in text
    row = next(line for line in terminal.splitlines() if line.startswith("c-"))
    assert "processor" in row and "–" in row and "0 %" not in row and "unknown" not in row.split("processor")[0][:60]
    assert "53,408 bytes" in text and "17,000,000" in text and "17,000,000" in page
    rows = list(csv.DictReader(io.StringIO(reports.csv.report(reviewed))))
    assert not [each for each in rows if each["flow"] == "c" and each["metric"] in {metric.key for metric in RESOURCES}]
    content = json.loads(reports.json.report(reviewed))
    assert [each["verdict"] for each in content["decisions"][0]["designs"]][-1] == "processor"
    case = junit.report(reviewed).split('name="c fits"')[1].split("<testcase")[0]
    assert "<failure" not in case and "<skipped" not in case


def test_without_a_program_nothing_is_said_of_one() -> None:
    alone = compare([document_of(run_of("fast"))])
    assert HEAD not in table(alone.document) and HEAD not in html.report(alone) and HEAD not in markdown.report(alone)
    assert "processor" not in alone.decisions[0].why


def test_a_program_whose_rate_is_unknown_is_no_baseline() -> None:
    comparison = compare([document_of(run_of("fast"), program(fps=None))])
    assert HEAD not in markdown.report(comparison) and "processor alone" not in comparison.decisions[0].why


def test_of_several_programs_the_fastest_is_the_baseline() -> None:
    comparison = compare([document_of(run_of("fast"), program(10.0, "c"), program(40.0, "d"))])
    assert "The processor alone (d)" in comparison.decisions[0].why


def test_programs_alone_are_decided_in_words() -> None:
    (decision,) = compare([document_of(program())]).decisions
    assert decision.headline == "The processor alone: no design of the fabric was run"
    assert "enough for 5.0 images/s" in decision.why
    (unknown,) = compare([document_of(program(fps=None, instructions=None))]).decisions
    assert unknown.why == "Of no program are the instructions known."


def test_its_record_can_be_read_back() -> None:
    document = document_of(program())
    text = document_to_json(document)
    assert document_to_json(document_from_json(text, "here")) == text
    assert json.loads(text)["runs"][0]["verdict"]["verdict"] == "processor"


def test_the_details_leave_out_resources_and_the_clock_of_the_fabric() -> None:
    text = details(document_of(program()))
    assert "LUT" not in text and "MHz), weights" not in text and "instructions" in text and "constants" in text


def test_its_latency_has_its_name_where_no_cycles_stand_above_it() -> None:
    (row,) = [line for line in details(document_of(program())).splitlines() if "50,000 us" in line]
    assert row.startswith("latency ")


def test_in_a_sweep_it_is_on_no_front_and_nothing_of_it_is_unknown() -> None:
    fast = run_of("fast", readings=readings_of(0.5, fps=900.0))
    text = front(ranking(document_of(fast, program())), every=True)
    assert "2 designs (1 front, 1 no front)" in text
    (row,) = [line for line in text.splitlines() if line.startswith("c ")]
    assert row.rstrip().endswith("no front")
    assert row.count("–") == 4 and row.count("unknown") == 1, "its accuracy alone"
