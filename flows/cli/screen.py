"""The terminal, kept from obeying the texts of others: names in files, reports, records, plug-ins, output of tools."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from flows.core.text import lines

CLEAR_LINE = "\r\x1b[K"


class Screen:
    """A stream that shows what would steer a terminal, and what its encoding lacks, as escapes; line breaks stay."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        encoding = self.stream.encoding or "utf-8"
        self.stream.write(lines(text).encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


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
