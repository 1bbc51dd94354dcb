"""Options that every streaming flow has: a rate to reach, and its FIFOs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf, nan
from pathlib import Path

from backends.cost.shell import ACCELERATOR, DMA, NAMES, Range, parse_shell
from backends.dataflow.buffers import BRAM, LUTRAM, SRL
from flows.core.errors import InputError
from flows.core.evidence import Metric
from flows.core.files import read_text
from flows.core.text import printable
from flows.core.toml import tables

NO_TARGET = "none"
AUTO, SIMULATED = "auto", "simulated"
DEEPEST = 65536
"""Words of the deepest FIFO that may be asked for."""


def rate_text(text: str) -> str:
    """Checks a rate in images per second, or ``none``; raises `ValueError`."""
    if text == NO_TARGET:
        return text
    rate = _number(text)
    if not 0 < rate < inf:
        raise ValueError(f"{text!r} is no rate: give images per second, above 0, or {NO_TARGET}")
    return f"{rate:.10g}"


def cycles_at(rate: str, clock_ns: float) -> float | None:
    """Cycles between frames at the requested rate, None where no rate was requested.

    >>> cycles_at("500", 10.0), cycles_at("none", 10.0)
    (200000.0, None)
    """
    return None if rate == NO_TARGET else 1e9 / (float(rate) * clock_ns)


def depth_text(*names: str) -> Callable[[str], str]:
    """A check of a FIFO depth: one of these names, or a number of words. It raises `ValueError`."""

    def check(text: str) -> str:
        if text in names:
            return text
        if not re.fullmatch("[0-9]+", text) or len(text) > 9 or not 1 <= int(text) <= DEEPEST:
            raise ValueError(f"{text!r} is no FIFO depth: give {', '.join(names)}, or a number from 1 to {DEEPEST:,}")
        return str(int(text))

    return check


def hours(text: str) -> float:
    """Checks a time limit; raises `ValueError`."""
    value = _number(text)
    if not 0 < value <= 1000:
        raise ValueError(f"{text!r} is no time limit: give hours above 0, at most 1000")
    return value


def bits(least: int, most: int) -> Callable[[str], int]:
    """A check of a number of bits, which raises `ValueError`."""

    def check(text: str) -> int:
        if not re.fullmatch("[0-9]{1,3}", text) or not least <= int(text) <= most:
            raise ValueError(f"{text!r}: give {least} to {most} bits")
        return int(text)

    return check


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


@dataclass(frozen=True)
class RateOption:
    target_fps: str = field(
        default=NO_TARGET,
        metadata={
            "help": "images per second to reach: the cheapest folding that does, whether it fits or not",
            "unit": "N",
            "parse": rate_text,
        },
    )


def shell_text(text: str) -> str:
    """The name of a shell, or a user's own numbers in one spelling; numbers may come from a TOML file.

    Raises `ValueError`, and `InputError` where the file cannot be read.
    """
    if text in NAMES:
        return text
    if text == ACCELERATOR:
        raise ValueError(f"{text!r} is the shell of hls4ml's VivadoAccelerator: give {', '.join(NAMES)}, {OWN_SHELL}")
    if "=" in text:
        return _written(parse_shell(text))
    if not text.endswith(".toml"):
        raise ValueError(f"{text[:80]!r} is no shell: give {', '.join(NAMES)}, {OWN_SHELL}")
    place, advice = f"shell {text}", "give one whole number a line, or two: lut = 3000, ff = [3500, 4000], bram18 = 4"
    try:
        content = tables(read_text(Path(text), "name a TOML file", place))
        rows = (
            f"{key}={'..'.join(map(str, ends if isinstance(ends, list) else [ends]))}" for key, ends in content.items()
        )
        return _written(parse_shell(",".join(rows)))
    except ValueError as reason:
        raise InputError(place, printable(str(reason))[:200], advice) from None


def _written(own: Mapping[Metric, Range]) -> str:
    ends = {metric.key: dict.fromkeys((bounds.low, bounds.high)) for metric, bounds in own.items()}
    return ",".join(f"{key}={'..'.join(f'{end:.0f}' for end in known)}" for key, known in ends.items())


SHELLS = (
    "dma (an AXI DMA, 2x1 memory interconnect, AXI-Lite, reset), dma-1x1 (with 1x1 interconnects), "
    "smartconnect (with a SmartConnect to memory)"
)
OWN_SHELL = "a .toml file, or your own numbers: lut=3000,ff=3500..4000,bram18=4"


@dataclass(frozen=True)
class ShellOption:
    shell: str = field(
        default=DMA,
        metadata={
            "help": f"what connects the design to the processor: {SHELLS}, none (the bare core), {OWN_SHELL}",
            "unit": "SHELL",
            "parse": shell_text,
        },
    )


@dataclass(frozen=True)
class FifoOptions:
    fifo_depth: str = field(
        default=SIMULATED,
        metadata={
            "help": "words that each FIFO between stages holds: simulated (from the stream simulation: no deadlock, "
            "full speed), or a number",
            "unit": "DEPTH",
            "parse": depth_text(SIMULATED),
        },
    )
    fifo_storage: str = field(
        default=AUTO,
        metadata={
            "help": "what holds them: auto (the smallest share of the part), shift registers, LUT RAM or block RAM",
            "choices": (AUTO, SRL, LUTRAM, BRAM),
        },
    )
