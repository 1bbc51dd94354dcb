"""The tables and header lines of vendor reports, as text to values. Columns are found by name, never by place.

A table is a grid of ``|`` and ``+--+`` lines. Where its header has several rows, the name of a column is their texts
from top to bottom: "Latency (cycles) min".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from flows.core.errors import InputError

RULE = re.compile(r"\+[-+]+\+")
NUMBER = re.compile(r"(0|[1-9]\d{0,19})(\.\d{1,9})?", re.ASCII)
"""As the tools print one: no sign, no thousands separator, no exponent, no zeros in front, at most the 20 digits of a
64-bit count, which csynth prints of loops without a bound."""
RELEASE = re.compile(r"20\d\d\.\d(\.\d+)?", re.ASCII)
"""A year and a number, as the tools number their versions."""
UNKNOWN = {"", "-", "?", "undef", "n/a", "na", "inf"}
"""What tools print where they do not know."""


class Row(dict[str, str]):
    """Cells by the names of their columns; `line` is where the row stands in the report, counted from 1."""

    line = 0


@dataclass(frozen=True)
class Table:
    """`line` is where its first rule stands in the report, counted from 1."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    line: int

    def has(self, *columns: str) -> bool:
        return set(columns) <= set(self.columns)


def damaged(place: str, fact: str) -> InputError:
    """An error that names the report."""
    return InputError(f"report {place}", fact, "make it again with the tool, whole and for this design")


def foreign(place: str, fact: str) -> InputError:
    """An error for a report, whole perhaps, of a kind that is not read."""
    known = "TOP_csynth.rpt, csynth.xml, TOP_export.rpt, or what report_utilization or report_timing_summary wrote"
    return InputError(f"report {place}", fact, f"give {known}")


def twice(place: str, what: str, first: int, second: int) -> InputError:
    """An error for a report that says something in two places, since either could be right."""
    fact = f"{what} stands in it twice, at lines {first} and {second}"
    return InputError(f"report {place}", fact, "give one report of one design alone")


def number(text: str, place: str) -> float | None:
    """A cell's value, None where the tool does not know. Raises `InputError`.

    >>> number("1234", "x.rpt"), number("19.5", "x.rpt"), number("undef", "x.rpt")
    (1234.0, 19.5, None)
    """
    text = text.strip()
    if text.lower() in UNKNOWN:
        return None
    if not NUMBER.fullmatch(text):
        raise damaged(place, f"{text!r} where a number should be")
    return float(text)


def count(text: str, place: str) -> float | None:
    """A cell's value where only whole numbers can stand. Raises `InputError`."""
    value = number(text, place)
    if value is not None and "." in text:
        raise damaged(place, f"{text.strip()!r} where a whole number should be")
    return value


def tables(text: str, place: str) -> tuple[Table, ...]:
    """All tables in the order in which they stand. Raises `InputError` for one that is cut off."""
    return tuple(_table(line, block, place) for line, block in _blocks(text))


def single(text: str, pattern: str, what: str, place: str) -> re.Match[str] | None:
    """The only match of `pattern` in `text`, None where there is none. Raises `InputError`, with both lines, for two.

    >>> single("a: 1", r"a: (.)", "a", "x.rpt")[1]
    '1'
    """
    matches = list(re.finditer(pattern, text, re.MULTILINE))
    if len(matches) > 1:
        first, second = (text.count("\n", 0, match.start()) + 1 for match in matches[:2])
        raise twice(place, what, first, second)
    return matches[0] if matches else None


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Grids as (number of the first line, lines). A grid begins with a rule, unlike the boxes around report headers."""
    block: list[str] = []
    for place, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip()[:1] in ("+", "|") and (block or RULE.fullmatch(line.strip())):
            block.append(line)
        elif block:
            yield place - len(block), block
            block = []


def _table(first: int, lines: list[str], place: str) -> Table:
    rules = [index for index, line in enumerate(lines) if RULE.fullmatch(line.strip())]
    if len(rules) < 2 or rules[1] < 2 or rules[-1] != len(lines) - 1:
        raise damaged(place, f"cut off in the middle of a table, which begins at line {first}")
    header = lines[1 : rules[1]]
    body = [(index, line) for index, line in enumerate(lines) if index > rules[1] and index not in rules]
    marks = [index for index, character in enumerate(header[-1]) if character == "|"]  # a rule may have fewer
    spans = list(pairwise(marks))
    for index, line in body:
        if not spans or len(line) <= marks[-1] or {line[mark] for mark in marks} != {"|"}:
            raise damaged(place, f"a table row that does not stand under its columns, at line {first + index}")
    columns = _names([_headings(line) for line in header], spans)
    for name, times in Counter(columns).items():
        if name and times > 1:
            raise damaged(place, f"a table, at line {first}, with {times} columns called {name!r}")
    return Table(columns, tuple(_row(first + index, columns, line, spans) for index, line in body), first)


def _row(place: int, columns: tuple[str, ...], line: str, spans: list[tuple[int, int]]) -> Row:
    row = Row(zip(columns, (line[left + 1 : right].strip() for left, right in spans), strict=True))
    row.line = place
    return row


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


def only_field(text: str, name: str, place: str) -> str | None:
    """As `field`; raises `InputError`, with both lines, where the header has it twice."""
    starts = (line.lstrip() for line in text.split("\n"))
    lines_of_name = [
        number
        for number, start in enumerate(starts, 1)
        if start[:1] in ("*", "|") and (words := start[1:].lstrip()).startswith(name)
        if words[len(name) :].lstrip().startswith(":")
    ]
    if len(lines_of_name) > 1:
        raise twice(place, name.lower(), *lines_of_name[:2])
    return field(text, name) if lines_of_name else None


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


def same_part(first: str, second: str) -> bool:
    """Whether two names mean the same part: tools differ in dashes and in a leading "xc".

    >>> same_part("7z020-clg400-1", "xc7z020clg400-1"), same_part("xc7z020clg400-2", "xc7z020clg400-1")
    (True, False)
    """
    plain, other = (text.lower().replace("-", "").removeprefix("xc") for text in (first, second))
    return plain == other
