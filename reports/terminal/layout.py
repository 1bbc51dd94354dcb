"""Tables and paragraphs, no wider than a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from flows.core.text import printable

WIDTH = 118


def table(rows: Sequence[Sequence[str]], left: frozenset[int] = frozenset({0})) -> str:
    """Rows in columns as wide as their widest cell; columns in `left` are set left, the others right.

    A cell is one line, whatever name stands in it.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = (
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def wrapped(text: str) -> str:
    """A paragraph in lines of at most `WIDTH`."""
    return "\n".join(wrap(text, WIDTH, break_on_hyphens=False))
