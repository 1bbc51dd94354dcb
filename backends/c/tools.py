"""The tools of the ARM binary, and what qemu's plugin counted."""

from __future__ import annotations

from pathlib import Path

from flows.core.errors import InputError
from flows.core.files import read_text

ARM_GCC, QEMU = "arm-linux-gnueabihf-gcc", "qemu-arm"
LIMIT_S = 900.0
"""Of a program under qemu."""
AGAIN = "run it again"


def count(path: Path) -> int:
    """The instructions in the file that the plugin wrote. Raises `InputError` where it holds no number."""
    text = read_text(path, AGAIN).strip()
    if not text.isdecimal():
        raise InputError(str(path), "no number of instructions", AGAIN)
    return int(text)
