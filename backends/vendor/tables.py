"""The tables and header lines of vendor reports, as text to values. Columns are found by name, never by place.

A table is a grid of ``|`` and ``+--+`` lines. Where its header has several rows, a column's name is what stands above
it, from top to bottom: "Latency (cycles) min".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from flows.core.errors import InputError

Row = Mapping[str, str]

RULE = re.compile(r"\+[-+]+\+")
NUMBER = re.compile(r"\d+(,\d{3})*(\.\d+)?")
UNKNOWN = {"", "-", "?", "undef", "n/a", "na", "inf"}
"""What tools print where they do not know."""


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def has(self, *columns: str) -> bool:
        return set(columns) <= set(self.columns)


def damaged(place: str, fact: str) -> InputError:
    """An error that names the report."""
    return InputError(f"report {place}", fact, "make it again with the tool, whole and for this design")


def foreign(place: str, fact: str) -> InputError:
    """An error for a report, whole perhaps, of a kind that is not read."""
    advice = "give TOP_csynth.rpt, csynth.xml, or what report_utilization or report_timing_summary wrote"
    return InputError(f"report {place}", fact, advice)


def number(text: str, place: str) -> float | None:
    """A cell's value, None where the tool does not know; footnote stars do not count. Raises `InputError`.

    >>> number("1,234 *", "x.rpt"), number("19.5", "x.rpt"), number("undef", "x.rpt")
    (1234.0, 19.5, None)
    """
    text = text.replace("*", "").strip()
    if text.lower() in UNKNOWN:
        return None
    if not NUMBER.fullmatch(text):
        raise damaged(place, f"{text!r} where a number should be")
    return float(text.replace(",", ""))


def tables(text: str, place: str) -> tuple[Table, ...]:
    """All tables in the order in which they stand. Raises `InputError` for one that is cut off."""
    return tuple(_table(block, place) for block in _blocks(text))


def _blocks(text: str) -> Iterator[list[str]]:
    """Grids, line by line; a grid begins with a rule, which the boxes around a report's header do not."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.strip()[:1] in ("+", "|") and (block or RULE.fullmatch(line.strip())):
            block.append(line)
        elif block:
            yield block
            block = []


def _table(lines: list[str], place: str) -> Table:
    rules = [index for index, line in enumerate(lines) if RULE.fullmatch(line.strip())]
    if len(rules) < 2 or rules[1] < 2 or rules[-1] != len(lines) - 1:
        raise damaged(place, "cut off in the middle of a table")
    header, body = lines[1 : rules[1]], [line for line in lines[rules[1] :] if not RULE.fullmatch(line.strip())]
    marks = [index for index, character in enumerate(header[-1]) if character == "|"]  # a rule may have fewer
    spans = list(pairwise(marks))
    if not spans or any(len(line) <= marks[-1] or {line[mark] for mark in marks} != {"|"} for line in body):
        raise damaged(place, "a table row that does not stand under its columns")
    columns = _names([_headings(line) for line in header], spans)
    rows = [[line[left + 1 : right].strip() for left, right in spans] for line in body]
    return Table(columns, tuple(dict(zip(columns, row, strict=True)) for row in rows))


def _headings(line: str) -> list[tuple[int, int, str]]:
    """(left, right, text) of the cells of a header line, which may be half a rule: its dashes are no text."""
    half = line.strip().startswith("+")
    marks = [index for index, character in enumerate(line) if character in ("+|" if half else "|")]
    text = "- " if half else " "
    return [(left, right, line[left + 1 : right].strip(text)) for left, right in pairwise(marks)]


def _names(header: list[list[tuple[int, int, str]]], spans: list[tuple[int, int]]) -> tuple[str, ...]:
    """A name a column: the texts above its middle."""
    middles = [(left + right) / 2 for left, right in spans]
    return tuple(
        " ".join(text for row in header for left, right, text in row if left < middle < right and text)
        for middle in middles
    )


def field(text: str, name: str) -> str | None:
    """The value behind "* Name: value" or "| Name : value" in a report's header.

    >>> field("| Tool Version : Vivado v.2022.2\\n| Design       : top", "Design")
    'top'
    """
    for line in text.splitlines():
        head, colon, value = line.partition(":")
        head = head.strip()
        if colon and head[:1] in ("*", "|") and head[1:].strip() == name:
            return value.strip().removesuffix("|").rstrip() or None
    return None


def same_part(one: str, other: str) -> bool:
    """Whether two tools mean the same part: dashes and the letters "xc" in front come and go.

    >>> same_part("7z020-clg400-1", "xc7z020clg400-1"), same_part("xc7z020clg400-2", "xc7z020clg400-1")
    (True, False)
    """
    first, second = (text.lower().replace("-", "").removeprefix("xc") for text in (one, other))
    return first == second
