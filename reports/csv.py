"""A comparison as CSV (RFC 4180), a line a reading: everything that is known, for a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io

from flows.core.evidence import TOTAL, nearest
from flows.core.text import cell
from reports.comparison import Comparison

COLUMNS = (
    "part", "flow", "design", "run", "verdict", "clock", "shown", "scope", "metric", "value", "unit", "low_90",
    "high_90", "at_least", "n", "tier", "stage", "on", "source",
)  # fmt: skip


def report(comparison: Comparison) -> str:
    """An unknown is an empty cell, or no line at all. Of several readings of the same, one is `shown`: of resources the
    one that the verdict is judged by; csynth's count has a line of its own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for design in comparison.designs:
        run = design.run
        shown = {*design.totals.values(), *(reading for reading in nearest(run.readings) if reading.scope != TOTAL)}
        for reading in run.readings:
            clock = design.fit.clock.verdict.value if design.fit.clock else ""
            words = (run.part, run.flow, design.label, run.name, design.fit.verdict.value, clock)
            about = ("yes" if reading in shown else "no", reading.scope, reading.metric.key)
            bounds = (reading.value, reading.metric.unit, reading.low, reading.high, reading.at_least, reading.n)
            known = (reading.tier.value, reading.stage.value, reading.on, reading.source)
            writer.writerow(
                [cell(value) if isinstance(value, str) else value for value in (*words, *about, *bounds, *known)]
            )
    return text.getvalue()
