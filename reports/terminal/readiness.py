"""Verdicts on a model file."""

from __future__ import annotations

from textwrap import wrap

from flows.core.readiness import Finding, Readiness, Status, Verdict
from flows.core.text import printable
from reports.terminal.layout import WIDTH, table

LIMIT = 20
"""How many nodes are told of one condition."""


def verdicts(readiness: Readiness) -> str:
    """One line a condition; then, of each that is broken, which nodes break it and what to change."""
    counts = {status: sum(one.status is status for one in readiness.verdicts) for status in Status}
    told = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    rows = [["condition", "verdict", ""], *([one.condition, one.status.value, one.about] for one in readiness.verdicts)]
    parts = [printable(f"{readiness.file}: {told}"), table(rows, frozenset({0, 1, 2}))]
    return "\n\n".join([*parts, *(_broken(one) for one in readiness.broken)])


def _broken(verdict: Verdict) -> str:
    lines = [f"{verdict.condition} is broken:", *(_finding(one) for one in verdict.findings[:LIMIT])]
    if (more := len(verdict.findings) - LIMIT) > 0:
        lines.append(f"  and {more} more like these (--json has all)")
    return "\n".join(lines)


def _finding(one: Finding) -> str:
    text = f"{one.where}: {one.fact}. {one.change[:1].upper()}{one.change[1:]}."
    return "\n".join(wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False))
