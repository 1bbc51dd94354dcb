"""The assessment of a design: what is OK, what is for review, and what to do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.core.evidence import Metric, Subject, Tier
from flows.core.record import Verification
from reports.assessment import ACCURACY, CATEGORIES, CLOCK, EVIDENCE, PROOF, UTILISATION, Check, assessment, scores
from reports.design import Design, designs_of
from reports.json import dashboard
from tests.reports.runs import readings_of, run_of


def design_of(**each: object) -> Design:
    return designs_of([run_of(**each)])[0]  # type: ignore[arg-type]


def lines(design: Design, category: str) -> dict[str, Check]:
    return {check.metric: check for check in assessment(design) if check.category == category}


def test_what_is_known_and_within_is_ok() -> None:
    design = design_of(readings=readings_of(0.5, tier=Tier.ROUTED, predicts=None))
    assert all(
        check.ok for category in (UTILISATION, ACCURACY, PROOF, EVIDENCE) for check in lines(design, category).values()
    )
    assert scores(design)[CATEGORIES.index(UTILISATION)] == "4 of 4 OK"
    assert not any(check.suggestion or check.command for check in assessment(design) if check.ok)


@pytest.mark.parametrize(
    "share, spread, words", [(0.9, 0.0, "fewer bits"), (0.9, 0.3, "settles it"), (2.0, 0.0, "larger part")]
)
def test_what_is_not_within_is_for_review(share: float, spread: float, words: str) -> None:
    check = lines(design_of(readings=readings_of(share, spread=spread)), UTILISATION)["LUT"]
    assert check.status == "REVIEW" and words in check.suggestion and check.command
    assert check.threshold == "42,560 of 53,200"


def test_a_rate_can_be_lowered() -> None:
    check = lines(design_of(readings=readings_of(0.9, fps=500.0), options={"target_fps": "none"}), UTILISATION)["LUT"]
    assert check.command.endswith("--target-fps 250")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("flows run hls --part pynq-z2 --target-fps 500", "flows run hls --part pynq-z2 --target-fps 250"),
        ("flows run hls --target-fps=500 --out 'a b'", "flows run hls --out 'a b' --target-fps 250"),
        ("flows run hls --out 'no end", "flows run hls --out 'no end --target-fps 250"),
    ],
)
def test_a_suggestion_takes_the_place_of_what_the_command_says(command: str, expected: str) -> None:
    design = design_of(readings=readings_of(0.9, fps=500.0), options={"target_fps": "500"}, command=command)
    assert lines(design, UTILISATION)["LUT"].command == expected


def test_reports_add_up() -> None:
    design = design_of(readings=readings_of(0.9, spread=0.3), command="flows run hls --report a.rpt")
    assert lines(design, UTILISATION)["LUT"].command == "flows run hls --report a.rpt --report utilization.rpt"


def test_what_is_unknown_is_for_review() -> None:
    readings = [each for each in readings_of(accuracy=None) if each.metric is not Metric.FF]
    design = design_of(readings=readings, verification=Verification(16, None, "a simulation"))
    assert lines(design, UTILISATION)["FF"].actual == "unknown"
    assert "--data DIR" in lines(design, ACCURACY)["accuracy"].command
    assert lines(design, PROOF)["integers equal"].status == "REVIEW"
    assert {check.status for check in lines(design, EVIDENCE).values()} == {"REVIEW"}


def test_what_refutes_a_design_is_for_review() -> None:
    design = designs_of([replace(run_of(), refuted=("a co-simulation failed",))])[0]
    check = lines(design, PROOF)["integers equal"]
    assert not check.ok and "refuted" in check.actual and "refutes" in check.suggestion


def test_a_clock_without_a_report_is_for_review() -> None:
    (check,) = lines(design_of(), CLOCK).values()
    assert check.metric == "Fmax" and not check.ok and "timing" in check.suggestion


def test_dashboards_get_flat_names() -> None:
    named = dashboard(design_of(readings=readings_of(0.5, tier=Tier.ROUTED, predicts=None)))
    assert named["routed__utilisation__lut"] == 26_600 and named["evaluated__quality__accuracy"] == 0.83
    assert named["rtl_simulated__performance__throughput_fps"] == 500


def test_dashboards_take_no_accuracy_of_another_arithmetic() -> None:
    readings = [
        replace(each, of=Subject.FLOAT) if each.metric is Metric.ACCURACY else each for each in readings_of(0.5)
    ]
    assert not [name for name in dashboard(design_of(readings=tuple(readings))) if "accuracy" in name]
