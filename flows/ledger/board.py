"""``board.toml``: what was measured on a board, written by hand. Every amount has its unit with it.

board = "pynq-z2"                  # or part = "xc7z020clg400-1"
who = "A. Engineer, lab 3"
date = 2026-11-28
clock = "100 MHz"

[[measurement]]
rate = "146038 images/s"
batch = 1000
power = "2.4 W"
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from flows.core.errors import InputError, UsageError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.ledger import Entry, Kind, same_part
from flows.core.part import boards, find_part
from flows.core.text import printable
from flows.core.toml import tables

AMOUNT = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d{1,2})?) *(\S+)", re.ASCII | re.IGNORECASE)
PER_SECOND = {"images/s": 1.0, "inferences/s": 1.0, "frames/s": 1.0, "fps": 1.0}
UNITS: Mapping[str, Mapping[str, float]] = {
    "rate": PER_SECOND,
    "latency": {"us": 1.0, "ms": 1e3, "s": 1e6, "ns": 1e-3},
    "power": {"W": 1.0, "mW": 1e-3},
    "clock": {"MHz": 1.0, "GHz": 1e3, "kHz": 1e-3},
}
METRICS = {"rate": Metric.THROUGHPUT_FPS, "latency": Metric.LATENCY_US, "power": Metric.POWER_W}
HEAD = ("board", "part", "who", "date", "clock", "measurement")
ROW = (*METRICS, "batch", "note")
EXAMPLE = "docs/reference/ledger.md has a whole file"
HIGHEST = 1e12


@dataclass(frozen=True)
class _Board:
    place: str

    def wrong(self, fact: str, advice: str = EXAMPLE) -> InputError:
        return InputError(f"board file {self.place}", fact, advice)

    def check(self, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for name in table:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                guess = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise self.wrong(f"{printable(name)[:40]!r} in it is not known", f"{guess} {EXAMPLE}")

    def text(self, table: Mapping[str, Any], name: str) -> str:
        value = table.get(name, "")
        if not isinstance(value, str) or len(value) > 500:
            raise self.wrong(f"{name} is no text of at most 500 characters")
        return printable(value)

    def amount(self, name: str, value: Any) -> float:
        """In the first of `UNITS`."""
        units = UNITS[name]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise self.wrong(f"{name} is {value}, with no unit", f'write {name} = "{value} {next(iter(units))}"')
        match = AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None or match[2] not in units:
            said = printable(str(value))[:40]
            raise self.wrong(f"{name} is {said!r}", f"write an amount and one of {', '.join(units)}, between quotes")
        amount = float(match[1]) * units[match[2]]
        if not 0 < amount <= HIGHEST:
            raise self.wrong(f"{name} is {printable(value)[:40]!r}, which nothing can be", "mend it")
        return amount


def entry(content: str, file: str, digest: str, today: str) -> Entry:
    """Raises `InputError` where it is no such file, where a unit, the board, the date or who measured is missing."""
    board = _Board(file)
    try:
        table = tables(content)
    except ValueError as reason:
        raise board.wrong(str(reason)) from None
    board.check(table, HEAD)
    facts = {name: board.text(table, name) for name in ("who", "board")}
    facts["date"] = _date(board, table.get("date"), today)
    if not facts["who"]:
        raise board.wrong("it does not say who measured", 'add who = "NAME, PLACE"')
    part = _part(board, facts["board"], board.text(table, "part"))
    clock = board.amount("clock", table["clock"]) if "clock" in table else None
    rows = table.get("measurement")
    if not isinstance(rows, list) or not rows or len(rows) > 1000 or not all(isinstance(row, dict) for row in rows):
        raise board.wrong("no measurement in it", "add [[measurement]] with a rate, a latency or a power")
    on = facts["board"] or part
    readings = tuple(reading for row in rows for reading in _measured(board, row, f"{on} board", facts))
    clock_ns = 1000 / clock if clock else None
    return Entry(
        file, digest, Kind.BOARD, today, whole=True, part=part, clock_ns=clock_ns, facts=facts, readings=readings
    )


def _measured(board: _Board, row: Mapping[str, Any], on: str, facts: Mapping[str, str]) -> Iterator[Reading]:
    board.check(row, ROW)
    if not METRICS.keys() & row.keys():
        raise board.wrong("a measurement of nothing", f"give it one of {', '.join(METRICS)}")
    batch = row.get("batch")
    if batch is not None and (not isinstance(batch, int) or isinstance(batch, bool) or not 0 < batch <= 10**9):
        raise board.wrong(f"batch is {printable(str(batch))[:40]}", "give the number of images of one call")
    where = f"{on}, batch {batch:,}" if batch else f"{on}, batch not said"
    note = board.text(row, "note")
    source = f"{board.place}; measured by {facts['who']} on {facts['date']}{f'; {note}' if note else ''}"
    for name, metric in METRICS.items():
        if name in row:
            yield Reading(metric, board.amount(name, row[name]), Tier.MEASURED, where, source, n=batch)


def _date(board: _Board, value: Any, today: str) -> str:
    """Up to a day after `today`: it may be tomorrow where the board is."""
    if isinstance(value, str):
        try:
            value = datetime.date.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime.date):
        raise board.wrong("it does not say when that was", "add date = 2026-11-28, the day of the measurement")
    if f"{value:%Y-%m-%d}" > f"{datetime.date.fromisoformat(today) + datetime.timedelta(days=1)}":
        raise board.wrong(f"it was measured on {value:%Y-%m-%d}, and today is {today}", "correct its date")
    return f"{value:%Y-%m-%d}"


def _part(board: _Board, name: str, part: str) -> str:
    if not name and not part:
        raise board.wrong("it names no board and no part", 'add board = "pynq-z2", or part = "xc7z020clg400-1"')
    try:
        parts = [_named(text) for text in (name, part) if text]
    except UsageError as error:
        raise board.wrong(f"{error.culprit} is {error.fact}", error.next_step) from None
    if not same_part(parts[0], parts[-1]):
        raise board.wrong(f"its board has a {parts[0]}, and its part is {parts[1]}", "leave one of them out")
    return max(parts, key=len)


def _named(text: str) -> str:
    """A board's part, or the part as it is written there: a missing package or speed grade is not added."""
    return boards()[text].part if text in boards() else find_part(text).asked.lower()
