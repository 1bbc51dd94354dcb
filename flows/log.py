"""The log of a step: a file with all of its output or, where that is long, the beginning and the end."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from flows.core.files import MEBIBYTE, unwritable
from flows.core.text import printable

HEAD, TAIL, LAST = 16 * MEBIBYTE, MEBIBYTE, 4096
"""Bytes that are kept of the beginning, of the end, and at hand of the very last."""
NO_MEMORY = re.compile(rb"MemoryError|bad_alloc|(can't|cannot|unable to|failed to) allocate|out of memory", re.I)
"""How Python, NumPy, C++ and torch say that there was not enough memory."""

COUNTED = re.compile(rb"\d+ warnings?, \d+ errors?")
"""How nextpnr ends, whatever went wrong."""

COMPILER_ERROR = re.compile(rb"^.*(: (fatal )?error: |undefined reference to ).*$", re.M)
"""How gcc and its linker begin to say what is wrong. Their last line only counts it, or points at a column."""


class Log:
    """Raises `SetupError` where the file cannot be written."""

    def __init__(self, path: Path, listener: Callable[[str], None]) -> None:
        """`listener` is called with each newest line."""
        self._path, self._listener = path, listener
        self._size, self._tail, self._last = 0, bytearray(), b""
        self._begun, self._first_error = b"", b""

    def __enter__(self) -> Log:
        try:
            self._file = self._path.open("xb", buffering=0)
        except OSError as reason:
            raise unwritable(f"log {self._path}", reason) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if self._size > HEAD:
                left_out = self._size - HEAD - len(self._tail)
                self._write(f"\n[zynqflows: {left_out:,} bytes are left out here]\n".encode() if left_out else b"")
                self._write(self._tail)

    def hear(self, piece: bytes) -> None:
        """The next bytes that it printed."""
        room = max(HEAD - self._size, 0)
        self._write(piece[:room])
        self._tail += piece[room:]
        if len(self._tail) > 2 * TAIL:
            del self._tail[:-TAIL]
        self._size += len(piece)
        self._last = (self._last + piece)[-LAST:]
        if not self._first_error:
            lines, _, self._begun = (self._begun[-LAST:] + piece).rpartition(b"\n")
            if error := COMPILER_ERROR.search(lines):
                self._first_error = error[0]
        self._listener(self.last_line)

    def note(self, text: str) -> None:
        """A line of ours."""
        self.hear(f"[zynqflows: {text}]\n".encode())

    @property
    def last_line(self) -> str:
        """The last that is neither blank nor a count of messages, as far as a terminal can show it."""
        lines = [line for line in self._last.splitlines() if line.strip() and not COUNTED.fullmatch(line.strip())]
        return printable(lines[-1].decode(errors="replace").strip())[:300] if lines else "it printed nothing"

    @property
    def first_error(self) -> str:
        """The first error of a compiler; empty where it said none."""
        return printable(self._first_error.decode(errors="replace").strip())[:300]

    @property
    def misses_memory(self) -> bool:
        """Whether the last lines of output report a lack of memory."""
        return NO_MEMORY.search(self._last) is not None

    def _write(self, content: bytes | bytearray) -> None:
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError as reason:
            raise unwritable(f"log {self._path}", reason) from None
