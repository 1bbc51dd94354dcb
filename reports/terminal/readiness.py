"""Verdicts on a model file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from flows.core.readiness import Finding, Readiness, Status
from flows.core.text import printable, sentence
from reports.terminal.layout import WIDTH, table

LIMIT = 20
"""How many nodes are listed for one condition."""


def verdicts(readiness: Readiness) -> str:
    """One line a condition; then, of each that is not simply held, which nodes it rests on and what to change."""
    counts = {status: sum(verdict.status is status for verdict in readiness.verdicts) for status in Status}
    summary = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    rows = [
        ["condition", "verdict", ""],
        *([verdict.condition, verdict.status.value, verdict.about] for verdict in readiness.verdicts),
    ]
    judges = ", ".join(dict.fromkeys(verdict.judged for verdict in readiness.verdicts if verdict.judged))
    by = f"; judged by {judges}" if judges else ""
    parts = [printable(f"{readiness.file}: {summary}{by}"), table(rows, frozenset({0, 1, 2}))]
    for verdict in readiness.verdicts:
        refused, taken = ([finding for finding in verdict.findings if finding.taken is kind] for kind in (False, True))
        parts += _listed(f"{verdict.condition} is broken", refused)
        parts += _listed(f"{verdict.condition} is {Status.SLOWER.value}", taken)
    return "\n\n".join(parts)


def _listed(head: str, findings: Sequence[Finding]) -> Iterator[str]:
    if findings:
        lines = [f"{head}:", *(_finding(finding) for finding in findings[:LIMIT])]
        if (more := len(findings) - LIMIT) > 0:
            lines.append(f"  and {more} more like these (--json has all)")
        yield "\n".join(lines)


def _finding(finding: Finding) -> str:
    text = f"{finding.where}: {finding.fact}. {sentence(finding.change)}."
    return "\n".join(wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False))
