"""Escapes control characters in foreign text before it reaches the terminal: names in files, reports, tool output."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from flows.core.text import lines

CLEAR_LINE = "\r\x1b[K"
GREEN, RED, YELLOW = "32", "31", "33"
COLOURS = {"fits": GREEN, "over": RED, "clock missed": RED, "at risk": YELLOW, "undecided": YELLOW}
"""Of verdicts (`flows.core.fit.Verdict`), as terminals number them."""
VERDICT = re.compile(rf"((?:^verdict|(?<=\S)) {{2}}|(?<=\S): )({'|'.join(COLOURS)})(?= \(|,|;|: |  |$)", re.MULTILINE)
"""Where a verdict stands: behind its label, as a cell of a table, and behind the name of a design."""


class Screen:
    """A stream that shows what would steer a terminal, and what its encoding lacks, as escapes; line breaks stay. A
    terminal shows verdicts in colour, unless the user has set NO_COLOR (no-color.org)."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.colours = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def write(self, text: str) -> int:
        encoding = self.stream.encoding or "utf-8"
        shown = lines(text).encode(encoding, "backslashreplace").decode(encoding)
        self.stream.write(VERDICT.sub(_coloured, shown) if self.colours else shown)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _coloured(match: re.Match[str]) -> str:
    return f"{match[1]}\x1b[{COLOURS[match[2]]}m{match[2]}\x1b[0m"


@contextmanager
def screened() -> Iterator[None]:
    """Whatever is printed meanwhile, on standard output and standard error, goes through a `Screen`."""
    output, error = (cast(TextIO, stream and Screen(stream)) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(output), redirect_stderr(error):
        yield


def clear_line() -> None:
    """Clears the line of standard error on which the cursor is: the only order that a terminal gets."""
    stream = sys.stderr
    (stream.stream if isinstance(stream, Screen) else stream).write(CLEAR_LINE)
