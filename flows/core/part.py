"""Parts and boards: what a Zynq-7000 offers. The figures are data, in ``parts.toml``, each row with its source."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from flows.core.errors import UsageError
from flows.core.evidence import Metric
from flows.core.margins import MARGINS, Margins


@dataclass(frozen=True)
class Device:
    """One die as sold: resources available to a design, packages, speed grades, and the datasheet that says so."""

    name: str
    lut: int
    ff: int
    bram18: int
    dsp: int
    packages: tuple[str, ...]
    speed_grades: tuple[str, ...]
    source: str
    fabric: str = ""

    def available(self, metric: Metric) -> int:
        return self._resources[metric]

    @cached_property
    def _resources(self) -> Mapping[Metric, int]:
        return {Metric.LUT: self.lut, Metric.FF: self.ff, Metric.BRAM18: self.bram18, Metric.DSP: self.dsp}


@dataclass(frozen=True)
class Board:
    """A board and the full part on it."""

    name: str
    part: str
    title: str
    source: str
    cpu_mhz: float | None = None
    """The clock that it gives its ARM cores, where that is not the highest of its speed grade."""


@dataclass(frozen=True)
class Part:
    """A device in a package at a speed grade, and how the user named it."""

    device: Device
    package: str
    speed_grade: str
    asked: str

    @property
    def full_name(self) -> str:
        """As vendor tools take it: xc7z020clg400-1."""
        return f"{self.device.name}{self.package}{self.speed_grade}"


@dataclass(frozen=True)
class Target:
    """Where a design is to run: the part, the clock period asked of the tools, and what of the part is to stay free."""

    part: Part
    clock_ns: float = 10.0
    margins: Margins = MARGINS

    def usable(self, metric: Metric, margin_share: float = 1.0) -> float:
        """What a design may take of a resource; `margin_share` 0 leaves no margin free."""
        return self.part.device.available(metric) * (1 - margin_share * self.margins.of(metric))


@dataclass(frozen=True)
class ClockLimit:
    """The highest clock of one kind of block; `fabric` and `grade` are "any" where it holds for every part."""

    block: str
    mhz: float
    fabric: str
    grade: str
    source: str


@dataclass(frozen=True)
class Delay:
    """How long a path takes at a speed grade, at most, of what it takes at the slowest."""

    grade: str
    factor: float
    source: str


@dataclass(frozen=True)
class ProcessorClock:
    """A clock of the ARM cores, and in words whose it is."""

    mhz: float
    of: str
    source: str


Clocks = Mapping[tuple[str, str], ProcessorClock]
"""By fabric and speed grade."""


@cache
def _data() -> tuple[Mapping[str, Device], Mapping[str, Board], tuple[ClockLimit, ...], Mapping[str, Delay], Clocks]:
    tables = tomllib.loads(Path(__file__).with_name("parts.toml").read_text())
    sources = tables["source"]
    devices = {}
    for row in tables["device"]:
        lists = {"packages": tuple(row.pop("packages")), "speed_grades": tuple(row.pop("speed_grades"))}
        devices[row["name"]] = Device(**row | lists | {"source": sources[row["source"]]})
    limits = tuple(ClockLimit(**row | {"source": sources[row["source"]]}) for row in tables["clock_limit"])
    delays = {row["grade"]: Delay(**row | {"source": sources[row["source"]]}) for row in tables["delay"]}
    clocks = {
        (row["fabric"], row["grade"]): ProcessorClock(
            row["mhz"], f"highest of speed grade {row['grade']}", sources[row["source"]]
        )
        for row in tables["processor"]
    }
    return devices, {row["name"]: Board(**row) for row in tables["board"]}, limits, delays, clocks


def devices() -> Mapping[str, Device]:
    return _data()[0]


def boards() -> Mapping[str, Board]:
    return _data()[1]


def clock_limits(part: Part) -> tuple[ClockLimit, ...]:
    """What no clock of a design on `part` can exceed, at least one limit: those of its fabric and speed grade that
    could be checked, and those of every part."""
    here = (part.device.fabric, part.speed_grade)
    return tuple(limit for limit in _data()[2] if (limit.fabric, limit.grade) in (here, ("any", "any")))


def delay(part: Part) -> Delay:
    """How long a path takes on `part`, at most, of what it takes on the slowest grade of its fabric."""
    return _data()[3][part.speed_grade]


def processor_clock(part: Part) -> ProcessorClock:
    """That of the board that the user named, else the highest of the speed grade."""
    board = boards().get(part.asked.strip().lower())
    if board and board.cpu_mhz:
        return ProcessorClock(board.cpu_mhz, board.title, "PYNQ's base design of the board")
    return _data()[4][part.device.fabric, part.speed_grade]


def is_as_fast(part: Part, other: Part) -> bool:
    """Whether no path takes longer on `part` than on `other`: the fabric of Kintex-7 is the faster one, and so is a
    higher grade of one fabric."""
    fabrics = ("artix-7", "kintex-7")
    if part.device.fabric not in fabrics or other.device.fabric not in fabrics:
        return part.full_name == other.full_name
    faster = fabrics.index(part.device.fabric) >= fabrics.index(other.device.fabric)
    return faster and int(part.speed_grade[1]) >= int(other.speed_grade[1])


def find_part(text: str) -> Part:
    """The part that `text` names: a device (first package, slowest grade), a full part, or a board.

    Raises `UsageError` with the nearest names, or with the packages and speed grades that the device has.
    """
    name = text.strip().lower()
    if name in boards():
        return _replace_asked(find_part(boards()[name].part), text)
    matches = [device for device in devices().values() if name.startswith(device.name)]
    device = max(matches, key=lambda candidate: len(candidate.name), default=None)
    if device is None:
        raise UsageError.unknown("part or board", text, [*devices(), *boards()], "python -m flows list parts")
    suffix = name[len(device.name) :]
    if not suffix:
        return Part(device, device.packages[0], device.speed_grades[0], text)
    match = re.fullmatch(r"-?([a-z]+\d+)(-\d[a-z]*)?", suffix)
    if not match or match[1] not in device.packages:
        fact = f"no such package of {device.name}"
        raise UsageError(
            f"part {text!r}", fact, f"it comes in {', '.join(device.packages)}: {device.name}{device.packages[0]}-1"
        )
    grade = match[2] or device.speed_grades[0]
    if grade not in device.speed_grades:
        raise UsageError(
            f"part {text!r}", f"no speed grade {grade}", f"{device.name} has {', '.join(device.speed_grades)}"
        )
    return Part(device, match[1], grade, text)


def _replace_asked(part: Part, asked: str) -> Part:
    return Part(part.device, part.package, part.speed_grade, asked)
