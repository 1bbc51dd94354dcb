"""The ledger in words: predictions beside the truth. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flows.core.evidence import DESIGN, RESOURCES, TOTAL, Reading, Tier
from flows.core.ledger import Kind, Page
from flows.core.record import Run, reading_to_json
from flows.core.residual import Residual, contradictions, residuals
from flows.core.text import printable
from reports.terminal.layout import table
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
    rows = [row for account in accounts for row in cells(account, blocks)]
    parts = [table([HEAD, *rows], LEFT)] if rows else []
    parts += [printable(line) for account in accounts for line in remarks(account)]
    return "\n".join(parts)


def cells(account: Account, blocks: bool = False) -> Iterable[list[str]]:
    """A row for each truth of the whole design, with `blocks` of every instance that was predicted; as in `HEAD`."""
    for residual in account.residuals:
        predicted, truth = residual.predicted, residual.truth
        if truth.scope not in SCOPES and not (blocks and predicted):
            continue
        yield [
            account.page.name,
            _scope(truth),
            label(truth.metric),
            amount(predicted) if predicted else "none",
            interval(predicted) if predicted else "",
            _truth(truth),
            error(residual),
            "" if residual.holds is None else "yes" if residual.holds else "no",
            _known(residual),
            residual.entry.file,
        ]


def to_json(accounts: Sequence[Account]) -> str:
    """Every residual, its prediction and its truth as readings of a run record."""
    content = {"schema": SCHEMA, "designs": [_account(account) for account in accounts]}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _account(account: Account) -> dict[str, Any]:
    return {
        "name": account.page.name,
        "run": account.page.run or None,
        "part": account.page.part,
        "failures": list(account.page.failures),
        "remarks": list(remarks(account)),
        "residuals": [
            {
                "file": residual.entry.file,
                "truth": reading_to_json(residual.truth),
                "predicted": reading_to_json(residual.predicted) if residual.predicted else None,
                "error": residual.error,
                "holds": residual.holds,
            }
            for residual in account.residuals
        ],
    }


def _scope(truth: Reading) -> str:
    """Whether the shell is in it, which matters to resources alone; of a block its name."""
    return SCOPES.get(truth.scope, truth.scope) if truth.metric in RESOURCES else "design"


def _known(residual: Residual) -> str:
    """How a truth is known, in few words."""
    if residual.truth.tier is Tier.MEASURED:
        return residual.truth.on
    how = {Kind.BITSTREAM: ", decoded", Kind.POWER: ", Vivado's estimate"}.get(residual.entry.kind, "")
    return f"{stage_name(residual.truth.tier)}{how}"


def error(residual: Residual) -> str:
    return "" if residual.error is None else f"{100 * residual.error:+.1f} %"


def _truth(truth: Reading) -> str:
    known = interval(truth) if truth.low != truth.high else ""
    return f"{amount(truth)} ({known})" if known else amount(truth)


def remarks(account: Account) -> Iterable[str]:
    """What stands against a design, what contradicts itself, and what its files tell beside numbers."""
    page = account.page
    for text in page.failures:
        yield f"{page.name}: NOT PROVEN: {text}"
    for pair in contradictions(page):
        what = f"{label(pair.first.metric)}, {_scope(pair.first)}"
        yield (
            f"{page.name}: CONTRADICTION: {what}: {_truth(pair.first)} by {pair.first_file}, "
            f"{_truth(pair.second)} by {pair.second_file}; both are shown"
        )
    if page.run and account.run is None:
        yield f"{page.name}: its run {page.run} is not in the store: nothing is predicted"


def files(page: Page) -> str:
    """What is kept of each file, file by file."""
    rows = [["file", "kind", "part", "clock", "imported", "what else it tells"]]
    for entry in page.entries:
        clock = f"{1000 / entry.clock_ns:.4g} MHz" if entry.clock_ns else ""
        facts = "; ".join(f"{name}: {fact}" for name, fact in entry.facts.items() if fact)
        rows.append([entry.file, entry.kind.value, entry.part, clock, entry.imported, facts])
    return table(rows, frozenset(range(6)))
