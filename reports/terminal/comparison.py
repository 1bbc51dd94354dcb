"""Runs side by side: a table with a line for each."""

from __future__ import annotations

from collections.abc import Sequence

from flows.core.evidence import (
    RESOURCES,
    SOFTWARE,
    Metric,
    Reading,
    Subject,
)
from flows.core.record import Document
from flows.core.text import printable
from reports.design import Design, designs_of
from reports.processor import HEAD, baseline, speed_up
from reports.terminal.layout import table
from reports.terminal.run import share_text
from reports.words import evidence, number, why

TEXTS = ("run", "part", "verdict", "evidence", "design")
"""Headings of columns that are set left."""


def comparison(document: Document) -> str:
    """One line a run: resources as shares of the part, speed, accuracy, proof, verdict and kind of evidence; and what
    tells runs of one flow apart, where there are any."""
    network = document.network
    about = printable(f"architecture {network.architecture} ({network.name})")
    rows = comparison_rows(document)
    left = frozenset(place for place, head in enumerate(rows[0]) if head in TEXTS)
    return f"{table(rows, left)}\n\n{about}"


def comparison_rows(document: Document) -> list[list[str]]:
    """The rows of `comparison`, the heading first."""
    designs = designs_of(document.runs)
    programs = {part: baseline([design for design in designs if design.run.part == part]) for part in _parts(designs)}
    resources = [metric.key.upper() for metric in RESOURCES]
    rows = [
        ["run", "part", *resources, "interval", "images/s", "accuracy", "verified", "verdict", "evidence"],
        *(_compared(design) for design in designs),
    ]
    if any(programs.values()):
        ups = [speed_up(design, programs[design.run.part]) for design in designs]
        for row, text in zip(rows, [HEAD, *(str(up) if up else "" for up in ups)], strict=True):
            row.insert(8, text)
    if any(design.label != design.run.flow for design in designs):
        for row, label in zip(rows, ["design", *(design.label for design in designs)], strict=True):
            row.append(label)
    return rows


def _parts(designs: Sequence[Design]) -> Sequence[str]:
    return list(dict.fromkeys(design.run.part for design in designs))


def _compared(design: Design) -> list[str]:
    run, totals, fit = design.run, design.totals, design.fit
    least = {reading.metric: ">= " for reading in design.judged if reading.at_least}
    shares = [least.get(metric, "") + share_text(design, metric) for metric in RESOURCES]
    speed = [_short(design, metric) for metric in (Metric.INTERVAL_CYCLES, Metric.THROUGHPUT_FPS)]
    accuracy = totals.get(Metric.ACCURACY)
    known = f"{_short(design, Metric.ACCURACY)} {_kind(accuracy)}" if accuracy else "unknown"
    proof = run.verification
    verified = f"{proof.equal}/{proof.vectors}" if proof and proof.equal is not None else "no"
    verified = "refuted" if run.refuted else verified
    known_by = [totals[metric] for metric in SOFTWARE[:1] if metric in totals] if design.is_program else design.judged
    tiers = dict.fromkeys(evidence(reading).partition(",")[0] for reading in known_by)
    return [run.name, run.part, *shares, *speed, known, verified, f"{fit.verdict.value}{why(fit)}", "; ".join(tiers)]


def _kind(accuracy: Reading) -> str:
    """How an accuracy is known, and whose it is where it is not the design's."""
    return accuracy.tier.value if accuracy.of is Subject.DESIGN else f"{accuracy.tier.value}, {accuracy.of.value}"


def _short(design: Design, metric: Metric) -> str:
    reading = design.totals.get(metric)
    return number(metric, reading.value) if reading else design.absent(metric)
