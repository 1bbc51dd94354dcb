"""A comparison as CSV (RFC 4180), a line a reading: everything that is known, for a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io

from reports.comparison import Comparison
from reports.text import cell

COLUMNS = (
    "part", "flow", "design", "run", "verdict", "scope", "metric", "value", "unit", "low_90", "high_90", "at_least",
    "n", "tier", "stage", "on", "source",
)  # fmt: skip


def report(comparison: Comparison) -> str:
    """An unknown is an empty cell, or no line at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for design in comparison.designs:
        run = design.run
        for one in run.readings:
            words = (run.part, run.flow, design.label, run.name, design.fit.verdict.value, one.scope, one.metric.key)
            bounds = (one.value, one.metric.unit, one.low, one.high, one.at_least, one.n)
            known = (one.tier.value, one.stage.value, one.on, one.source)
            writer.writerow([cell(value) if isinstance(value, str) else value for value in (*words, *bounds, *known)])
    return text.getvalue()
