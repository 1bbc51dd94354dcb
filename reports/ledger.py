"""The ledger in words: predictions beside the truth. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flows.core.evidence import DESIGN, RESOURCES, TOTAL, Reading, Tier
from flows.core.ledger import Kind, Page
from flows.core.record import Run, reading_to_json
from flows.core.residual import Residual, contradictions, residuals, whole
from flows.core.text import printable
from reports.terminal import table
from reports.words import amount, interval, label, stage_name

SCHEMA = "zynqflows-residuals/1"
HEAD = ("design", "of", "metric", "predicted", "90 % interval", "truth", "error", "in it", "known by", "file")
ABOUT = (
    "What was built and measured of these designs, from files that were imported, beside what had been predicted. "
    "error: prediction over truth, less one. in it: whether the 90 % interval has the truth in it. That a file is of "
    "its design is the word of whoever imported it."
)
LEFT = frozenset({0, 1, 2, 8, 9})
SCOPES = {TOTAL: "whole", DESIGN: "without shell"}


@dataclass(frozen=True)
class Account:
    """A page of the ledger with the run that predicted it, None where none did or its record is gone."""

    page: Page
    run: Run | None

    @property
    def residuals(self) -> tuple[Residual, ...]:
        return residuals(self.page, self.run)


def terminal(accounts: Sequence[Account], blocks: bool = False) -> str:
    """A table of every truth, then what stands against a design; `blocks` also shows instance by instance."""
    rows = [row for one in accounts for row in cells(one, blocks)]
    parts = [table([HEAD, *rows], LEFT)] if rows else []
    parts += [printable(line) for one in accounts for line in remarks(one)]
    return "\n".join(parts)


def cells(account: Account, blocks: bool = False) -> Iterable[list[str]]:
    """A row for each truth, in the columns of `HEAD`."""
    found = account.residuals
    shown = [one for one in found if one.predicted or one.truth.scope in SCOPES] if blocks else whole(found)
    for one in shown:
        predicted, truth = one.predicted, one.truth
        yield [
            account.page.name,
            _scope(truth),
            label(truth.metric),
            amount(predicted) if predicted else "none",
            interval(predicted) if predicted else "",
            _truth(truth),
            error(one),
            "" if one.holds is None else "yes" if one.holds else "no",
            _known(one),
            one.entry.file,
        ]


def to_json(accounts: Sequence[Account]) -> str:
    """Every residual, its prediction and its truth as readings of a run record."""
    content = {"schema": SCHEMA, "designs": [_account(one) for one in accounts]}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _account(one: Account) -> dict[str, Any]:
    return {
        "name": one.page.name,
        "run": one.page.run or None,
        "part": one.page.part,
        "failures": list(one.page.failures),
        "remarks": list(remarks(one)),
        "residuals": [
            {
                "file": found.entry.file,
                "truth": reading_to_json(found.truth),
                "predicted": reading_to_json(found.predicted) if found.predicted else None,
                "error": found.error,
                "holds": found.holds,
            }
            for found in one.residuals
        ],
    }


def _scope(truth: Reading) -> str:
    """Whether the shell is in it, which matters to resources alone; of a block its name."""
    return SCOPES.get(truth.scope, truth.scope) if truth.metric in RESOURCES else "design"


def _known(one: Residual) -> str:
    """How a truth is known, in few words."""
    if one.truth.tier is Tier.MEASURED:
        return one.truth.on
    how = {Kind.BITSTREAM: ", decoded", Kind.POWER: ", Vivado's estimate"}.get(one.entry.kind, "")
    return f"{stage_name(one.truth.tier)}{how}"


def error(one: Residual) -> str:
    return "" if one.error is None else f"{100 * one.error:+.1f} %"


def _truth(truth: Reading) -> str:
    known = interval(truth) if truth.low != truth.high else ""
    return f"{amount(truth)} ({known})" if known else amount(truth)


def remarks(account: Account) -> Iterable[str]:
    """What stands against a design, what contradicts itself, and what its files tell beside numbers."""
    page = account.page
    for text in page.failures:
        yield f"{page.name}: NOT PROVEN: {text}"
    for one in contradictions(page):
        what = f"{label(one.first.metric)}, {_scope(one.first)}"
        yield (
            f"{page.name}: CONTRADICTION: {what}: {_truth(one.first)} by {one.first_file}, "
            f"{_truth(one.second)} by {one.second_file}; both are shown"
        )
    if page.run and account.run is None:
        yield f"{page.name}: its run {page.run} is not in the store: nothing is predicted"


def files(page: Page) -> str:
    """What is kept of each file, file by file."""
    rows = [["file", "kind", "part", "clock", "imported", "what else it tells"]]
    for one in page.entries:
        clock = f"{1000 / one.clock_ns:.4g} MHz" if one.clock_ns else ""
        told = "; ".join(f"{name}: {said}" for name, said in one.facts.items() if said)
        rows.append([one.file, one.kind.value, one.part, clock, one.imported, told])
    return table(rows, frozenset(range(6)))
