"""A design held against what a review asks of it, line by line: metric, actual, threshold, OK or REVIEW, what to do.

In the manner of Vivado's `report_qor_assessment`. A line is OK only where the number is known and keeps its threshold
up to the upper end of its interval; where that is open, or the number is unknown, it is to be reviewed. Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from flows.core.clock import ClockVerdict
from flows.core.evidence import BUILT, RESOURCES, Metric
from flows.core.fit import Judged, Verdict
from reports.design import Design
from reports.words import evidence, interval, number

UTILISATION, CLOCK, ACCURACY, PROOF, EVIDENCE = "utilisation", "clock", "accuracy", "proof", "evidence"


@dataclass(frozen=True)
class Check:
    """One line; `suggestion` and the `command` that follows it are empty where it is OK."""

    category: str
    metric: str
    actual: str
    threshold: str
    ok: bool
    suggestion: str = ""
    command: str = ""

    @property
    def status(self) -> str:
        return "OK" if self.ok else "REVIEW"


CATEGORIES = (UTILISATION, CLOCK, ACCURACY, PROOF, EVIDENCE)


def assessment(design: Design) -> tuple[Check, ...]:
    return tuple(check for part in (_utilisation, _clock, _accuracy, _proof, _evidence) for check in part(design))


def scores(design: Design) -> list[str]:
    """For each of `CATEGORIES`, how many of its lines are OK; empty where there is none."""
    checks, texts = assessment(design), []
    for category in CATEGORIES:
        lines = [check for check in checks if check.category == category]
        texts.append(f"{sum(check.ok for check in lines)} of {len(lines)} OK" if lines else "")
    return texts


def _utilisation(design: Design) -> Iterator[Check]:
    judged = {resource.metric: resource for resource in design.fit.judged}
    for metric in RESOURCES:
        available = design.device.available(metric)
        threshold = f"{available * (1 - design.fit.margins.of(metric)):,.0f} of {available:,}"
        if metric not in judged:
            yield Check(
                UTILISATION, metric.key.upper(), "unknown", threshold, False, "import a report that counts it",
                _again(design, "--report", "FILE"),
            )  # fmt: skip
            continue
        reading, resource = design.totals[metric], judged[metric]
        between = f" ({interval(reading)})" if interval(reading) and reading.low != reading.high else ""
        actual = f"{number(metric, reading.value)}{between}"
        ok = resource.verdict is Verdict.FITS
        suggestion, command = ("", "") if ok else _less(design, resource)
        yield Check(UTILISATION, metric.key.upper(), actual, threshold, ok, suggestion, command)


def _less(design: Design, resource: Judged) -> tuple[str, str]:
    """What would take less of a resource, or tell whether it is too much."""
    if resource.verdict is Verdict.UNDECIDED:
        command = _again(design, "--report", "utilization.rpt")
        return "the part ends inside the interval: a utilization report settles it", command
    fps = design.totals.get(Metric.THROUGHPUT_FPS)
    if fps and "target_fps" in design.run.options:
        return "ask for half the rate", _again(design, "--target-fps", f"{fps.value / 2:.4g}")
    return "take fewer bits, or a larger part", _again(design, "--part", "xc7z045")


def _again(design: Design, option: str, value: str) -> str:
    """The command of a design with this value in place of what it says of the option; reports add up."""
    try:
        words = shlex.split(design.run.command)
    except ValueError:  # no command of a shell: the record was written by hand
        return f"{design.run.command} {option} {value}"
    kept, skipped = [], False
    for word in words:
        own = option != "--report" and word.partition("=")[0] == option
        if not (own or skipped):
            kept.append(word)
        skipped = own and "=" not in word
    return shlex.join([*kept, option, value])


def _clock(design: Design) -> Iterator[Check]:
    clock = design.fit.clock
    if clock is None:
        return
    ok = clock.verdict in (ClockVerdict.MET, ClockVerdict.CREDIBLE)
    known = f"{clock.reading.value:,.1f} MHz" if clock.reading else "unknown"
    suggestion, command = "", ""
    if not ok and clock.credible_mhz and clock.credible_mhz < clock.asked_mhz:
        suggestion = "ask for a clock that is credible"
        command = _again(design, "--clock", f"{1000 / clock.credible_mhz:.4g}")
    elif not ok:
        suggestion = "import a timing report"
        command = _again(design, "--report", "timing_summary.rpt")
    yield Check(CLOCK, "Fmax", known, f"{clock.asked_mhz:,.1f} MHz", ok, suggestion, command)


def _accuracy(design: Design) -> Iterator[Check]:
    threshold = "known for this arithmetic"
    if design.accuracy is None:
        yield Check(
            ACCURACY, "accuracy", "unknown", threshold, False, "evaluate the test images",
            _again(design, "--data", "DIR"),
        )  # fmt: skip
        return
    agreement = design.totals.get(Metric.AGREEMENT)
    same = f", {number(Metric.AGREEMENT, agreement.value)} of images as the float network" if agreement else ""
    actual = f"{number(Metric.ACCURACY, design.accuracy.value)} ({interval(design.accuracy)}){same}"
    yield Check(ACCURACY, "accuracy", actual, threshold, True)


def _proof(design: Design) -> Iterator[Check]:
    command = design.run.command.replace("flows estimate", "flows run")
    suggestion = "look into what refutes it" if design.run.refuted else "build it, so that it is compared"
    ok = design.proven
    yield Check(
        PROOF, "integers equal", design.proof, "every vector", ok, "" if ok else suggestion, "" if ok else command
    )


def _evidence(design: Design) -> Iterator[Check]:
    """Whether there is a report on what was built."""
    for metric in RESOURCES:
        if reading := design.totals.get(metric):
            if reading.tier in BUILT:
                yield Check(EVIDENCE, metric.key.upper(), evidence(reading), "synthesised or nearer the metal", True)
                continue
            yield Check(
                EVIDENCE, metric.key.upper(), evidence(reading), "synthesised or nearer the metal", False,
                "run logic synthesis, or import its report", _again(design, "--report", "utilization.rpt"),
            )  # fmt: skip
