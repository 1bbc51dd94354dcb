"""The options of the C flow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from backends.dataflow.layers.options import FormatOptions

AUTO, NONE = "auto", "none"
DEFAULT_KIB = 65536
SLOWEST, QUICKEST = 10, 1500
"""MHz that may be said of the processor."""


def kib(text: str) -> int:
    """Checks an amount of memory; raises `ValueError`."""
    if not re.fullmatch("[0-9]{1,7}", text) or not int(text):
        raise ValueError(f"{text!r} is no amount of memory: give KiB, from 1 to 9999999")
    return int(text)


def clock(text: str) -> str:
    """Checks the clock of the processor; raises `ValueError`."""
    if text == AUTO:
        return text
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not SLOWEST <= float(text) <= QUICKEST:
        raise ValueError(f"{text!r} is no clock: give MHz, from {SLOWEST} to {QUICKEST}, or {AUTO}")
    return f"{float(text):g}"


@dataclass(frozen=True)
class COptions(FormatOptions):
    memory_kib: int = field(
        default=DEFAULT_KIB,
        metadata={
            "help": "static memory that weights and tensors may take together, in KiB; a network that needs more is "
            "refused (256 is the on-chip memory of a Zynq-7000, 512 its second-level cache)",
            "unit": "KIB",
            "parse": kib,
        },
    )
    cpu_mhz: str = field(
        default=AUTO,
        metadata={
            "help": "clock of the ARM cores, in MHz; auto: the board's, or the highest of the part's speed grade",
            "unit": "MHZ",
            "parse": clock,
        },
    )
    arm: str = field(
        default=AUTO,
        metadata={
            "help": "auto: where arm-linux-gnueabihf-gcc and qemu-arm are on PATH, the ARM binary is built, proven and "
            "its instructions counted; none: not",
            "choices": (AUTO, NONE),
        },
    )
