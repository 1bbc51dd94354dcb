"""Edits of one place of a report, as a slip of an editor or a script would leave it; seeded."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

NAMES = (
    r"\b(LUT|FF|DSP|BRAM_18K|min|max|Latency|Interval|Used|Available|WNS\(ns\)|Slice LUTs|Slice Registers|Tile|DSPs)"
)
NAMES += r"|\b(Total|Instance|FIFO|Best|Worst|Period\(ns\)|Estimated|Target|Name|Module|Slack|Part|Device|Version)"
UNITS = r"\b(ns|us|ms|MHz|clock cycles)\b"

Edit = Callable[[Random, str, Sequence[str]], str]


def _at(random: Random, text: str, pattern: str, to: Callable[[str], str]) -> str:
    """With one match of `pattern` replaced."""
    results = list(re.finditer(pattern, text))
    if not results:
        return text
    match = random.choice(results)
    return text[: match.start()] + to(match[0]) + text[match.end() :]


def change_digit(random: Random, text: str, others: Sequence[str]) -> str:
    return _at(random, text, r"\d", lambda digit: random.choice([each for each in "0123456789" if each != digit]))


def delete_digit(random: Random, text: str, others: Sequence[str]) -> str:
    return _at(random, text, r"\d", lambda digit: random.choice(["", " "]))


def insert_digit(random: Random, text: str, others: Sequence[str]) -> str:
    return _at(random, text, r"\d", lambda digit: digit + random.choice("0123456789"))


def insert_sign(random: Random, text: str, others: Sequence[str]) -> str:
    return _at(random, text, r"\d", lambda digit: random.choice([f"{digit}*", f"{digit},", "*", f"-{digit}", "e", "."]))


def delete_cell(random: Random, text: str, others: Sequence[str]) -> str:
    return _at(random, text, r"[\d.]+", lambda cell: " " * len(cell))


def forget_cell(random: Random, text: str, others: Sequence[str]) -> str:
    return _at(random, text, r"[\d.]+", lambda cell: random.choice("-?").rjust(len(cell)))


def rename(random: Random, text: str, others: Sequence[str]) -> str:
    return _at(random, text, NAMES, lambda name: random.choice(["LUT", "FF", "DSP", "min", "max", "Used", "Thing"]))


def change_unit(random: Random, text: str, others: Sequence[str]) -> str:
    return _at(random, text, UNITS, lambda unit: random.choice(["ps", "ns", "us", "ms", "MHz", "cycles"]))


def insert_blank(random: Random, text: str, others: Sequence[str]) -> str:
    place = random.randrange(len(text))
    return f"{text[:place]} {text[place:]}"


def delete_line(random: Random, text: str, others: Sequence[str]) -> str:
    lines = text.split("\n")
    del lines[random.randrange(len(lines))]
    return "\n".join(lines)


def swap_lines(random: Random, text: str, others: Sequence[str]) -> str:
    lines = text.split("\n")
    first = random.randrange(len(lines) - 1)
    second = random.choice([first + 1, random.randrange(len(lines))])
    lines[first], lines[second] = lines[second], lines[first]
    return "\n".join(lines)


def swap_cells(random: Random, text: str, others: Sequence[str]) -> str:
    lines = text.split("\n")
    rows = [index for index, line in enumerate(lines) if line.count("|") > 2]
    if not rows:
        return text
    index = random.choice(rows)
    cells = lines[index].split("|")
    first, second = random.sample(range(1, len(cells) - 1), 2)
    cells[first], cells[second] = cells[second], cells[first]
    lines[index] = "|".join(cells)
    return "\n".join(lines)


def delete_column(random: Random, text: str, others: Sequence[str]) -> str:
    """Of one table, all of its lines."""
    lines = text.split("\n")
    tables = [index for index, line in enumerate(lines) if line.strip().startswith("+--")]
    if not tables:
        return text
    index = random.choice(tables)
    marks = [place for place, character in enumerate(lines[index]) if character == "+"]
    if len(marks) < 3:
        return text
    left, right = random.choice(list(pairwise(marks)))
    while index < len(lines) and lines[index].strip()[:1] in ("+", "|"):
        lines[index] = lines[index][:left] + lines[index][right:]
        index += 1
    return "\n".join(lines)


def duplicate_block(random: Random, text: str, others: Sequence[str]) -> str:
    lines = text.split("\n")
    first, size = random.randrange(len(lines)), random.choice([1, 2, 5, 15, 40])
    to = random.choice([first + size, random.randrange(len(lines))])
    return "\n".join([*lines[:to], *lines[first : first + size], *lines[to:]])


def concatenate(random: Random, text: str, others: Sequence[str]) -> str:
    other = random.choice([each for each in others if each != text] + [change_digit(random, text, others)])
    return random.choice([f"{text}\n{other}", f"{other}\n{text}"])


def truncate(random: Random, text: str, others: Sequence[str]) -> str:
    return text[: random.randrange(len(text))]


EDITS: Sequence[Edit] = (
    change_digit, delete_digit, insert_digit, insert_sign, delete_cell, forget_cell, rename, change_unit, insert_blank,
    delete_line, swap_lines, swap_cells, delete_column, duplicate_block, concatenate, truncate,
)  # fmt: skip
