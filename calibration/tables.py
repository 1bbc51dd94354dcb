"""Predictions beside what was counted, summed up as tables of text or Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from backends.cost.amounts import Amount
from calibration.truth_files import Row

AIMS: Mapping[str, tuple[str, Callable[[float, float], bool]]] = {
    "cycles": ("within 2 %", lambda value, true: abs(value - true) <= 0.02 * true),
    "bram18": ("within 1", lambda value, true: abs(value - true) <= 1),
    "dsp": ("exact", lambda value, true: value == true),
    "lut": ("within 25 %", lambda value, true: abs(value - true) <= 0.25 * true),
    "ff": ("within 25 %", lambda value, true: abs(value - true) <= 0.25 * true),
}

Table = list[list[str]]
Section = tuple[str, Table]
"""A title and its table, whose first row is the head."""


@dataclass(frozen=True)
class Outcome:
    """One metric of one row; `amount` is None where nothing is predicted, for the `reason`."""

    row: Row
    metric: str
    measured: float
    amount: Amount | None
    reason: str = ""
    group: str = ""

    @property
    def value(self) -> float:
        assert self.amount is not None
        return float(round(self.amount.value))

    @property
    def error(self) -> float:
        """Relative; of a measured 0, absolute."""
        return abs(self.value - self.measured) / max(self.measured, 1)

    @property
    def is_covered(self) -> bool:
        assert self.amount is not None
        return round(self.amount.low) <= self.measured <= round(self.amount.high)


HEADER = ["metric", "predicted", "not modelled", "median error", "90th percentile", "aim met", "90 % interval holds"]


@dataclass(frozen=True)
class Summary:
    """The errors of one metric over some rows."""

    metric: str
    outcomes: Sequence[Outcome]

    def cells(self) -> list[str]:
        """One for each column of `HEADER`."""
        known = [outcome for outcome in self.outcomes if outcome.amount]
        head = [self.metric, str(len(known)), str(len(self.outcomes) - len(known))]
        if not known:
            return [*head, *["-"] * 4]
        errors = sorted(outcome.error for outcome in known)
        aim, meets = AIMS[self.metric]
        met = sum(meets(outcome.value, outcome.measured) for outcome in known) / len(known)
        covered = sum(outcome.is_covered for outcome in known) / len(known)
        p90 = errors[ceil(0.9 * len(errors)) - 1]
        return [*head, _percent(median(errors)), _percent(p90), f"{_percent(met)} {aim}", _percent(covered)]


def summary(outcomes: Sequence[Outcome], metrics: Iterable[str]) -> Table:
    """A line for each of `metrics` that was counted."""
    lines = [Summary(metric, [outcome for outcome in outcomes if outcome.metric == metric]) for metric in metrics]
    return [HEADER, *(line.cells() for line in lines if line.outcomes)]


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.0995 or not share else f"{share:.1%}"


def counted(things: Collection[object], name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def as_text(sections: Iterable[Section]) -> Iterator[str]:
    for title, table in sections:
        widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
        yield f"\n{title}"
        for row in table:
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            yield "  ".join(["", row[0].ljust(widths[0]), *cells[1:]])


def as_markdown(sections: Iterable[Section]) -> Iterator[str]:
    for title, table in sections:
        yield f"## {title}\n"
        yield from (f"| {' | '.join(row)} |" for row in (table[0], ["---"] * len(table[0]), *table[1:]))
        yield ""


def wrapped(words: Iterable[str], width: int = 120) -> str:
    r"""A command for a shell, on lines of at most `width` characters where its words allow that.

    >>> print(wrapped(["python", "-m", "calibration.truth", "rows.json"], 30))
    python -m calibration.truth \
        rows.json
    """
    lines = [""]
    for word in map(shlex.quote, words):
        if lines[-1] and len(f"{lines[-1]} {word} \\") > width:
            lines.append("   ")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return " \\\n".join(lines)
