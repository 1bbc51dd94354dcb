"""The decisions of a comparison."""

from __future__ import annotations

from textwrap import wrap

from flows.core.text import printable
from reports.comparison import Comparison
from reports.decision import Decision
from reports.terminal.layout import WIDTH


def decisions(comparison: Comparison) -> str:
    return "\n\n".join(_decision(decision) for decision in comparison.decisions)


def _decision(decision: Decision) -> str:
    labelled = ", ".join(f"{design.label}: {design.fit.verdict.value}" for design in decision.designs)
    doubts = f"{len(decision.doubts)} things could make that wrong: the report has them"
    why = wrap(decision.why, WIDTH, initial_indent="  ", subsequent_indent="  ")
    verdicts = wrap(labelled, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(
        [*wrap(printable(f"{decision.place}: {decision.headline}"), WIDTH), *verdicts, *why, f"  {doubts}"]
    )
