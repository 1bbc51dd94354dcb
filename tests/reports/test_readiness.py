"""Verdicts as text."""

from flows.core.readiness import Finding, Readiness, Status, Verdict
from reports.terminal.readiness import LIMIT, verdicts

HELD = Verdict("relu", "a ReLU is quantised", Status.HELD)
AWAY = Verdict("add", "sums", Status.NOT_APPLICABLE)


def test_the_counts_stand_first() -> None:
    assert verdicts(Readiness("a.onnx", (HELD, HELD, AWAY))).startswith("a.onnx: 2 held, 1 not applicable\n")


def test_of_many_findings_the_first_are_reported_and_the_others_counted() -> None:
    many = tuple(Finding(f"node[{index}]", "wrong", "change it") for index in range(LIMIT + 3))
    text = verdicts(Readiness("a.onnx", (HELD, Verdict("bias", "biases", Status.BROKEN, many))))
    assert "bias is broken:\n  node[0]: wrong. Change it.\n" in text
    assert f"node[{LIMIT - 1}]" in text and f"node[{LIMIT}]" not in text and "and 3 more" in text


def test_what_is_taken_but_slower_is_distinguished_from_what_is_broken() -> None:
    both = (Finding("node[1]", "float", "quantise it"), Finding("node[2]", "wide", "narrow it", taken=True))
    verdict = Verdict("weights", "weights", Status.BROKEN, both, "finn-plus 1.6.1")
    text = verdicts(Readiness("a.onnx", (HELD, verdict)))
    assert text.startswith("a.onnx: 1 held, 1 broken; judged by finn-plus 1.6.1\n")
    assert "weights is broken:\n  node[1]: float. Quantise it." in text
    assert "weights is taken but slower:\n  node[2]: wide. Narrow it." in text
