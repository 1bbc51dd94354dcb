"""A comparison's decisions as plain text for a terminal. Pure."""

from __future__ import annotations

from textwrap import wrap

from reports.comparison import Comparison
from reports.decision import Decision
from reports.terminal import WIDTH


def decisions(comparison: Comparison) -> str:
    return "\n\n".join(_decision(one) for one in comparison.decisions)


def _decision(one: Decision) -> str:
    counts: dict[str, int] = {}
    for design in one.designs:
        counts[design.fit.verdict.value] = counts.get(design.fit.verdict.value, 0) + 1
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    doubts = f"{len(one.doubts)} things could make that wrong: the report has them"
    why = wrap(one.why, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return "\n".join([f"{one.part}: {one.headline} ({told})", *why, f"  {doubts}"])
