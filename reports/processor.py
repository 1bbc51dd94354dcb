"""The processor beside the fabric: how many times as fast as a program on it a design is, and when it is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.core.evidence import Metric, Reading
from reports.design import SYSTEM, Design

HEAD = "times the processor"


@dataclass(frozen=True)
class SpeedUp:
    """Images a second over those of a program; `low` and `high` are those of both intervals at their worst."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_times(self.value)} ({_times(self.low)} .. {_times(self.high)})"


def _times(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def rate(design: Design) -> Reading | None:
    """Images a second, with driver and DMA where that is known: a program pays neither."""
    readings = (design.totals.get(metric) for metric in (SYSTEM[0], Metric.THROUGHPUT_FPS))
    return next((reading for reading in readings if reading), None)


def baseline(designs: Sequence[Design]) -> Design | None:
    """The fastest program."""
    timed = [(design, reading) for design in designs if design.is_program and (reading := rate(design))]
    return max(timed, key=lambda pair: pair[1].value)[0] if timed else None


def speed_up(design: Design, program: Design | None) -> SpeedUp | None:
    """None without a program, of the program itself, and where a rate is unknown."""
    ours, theirs = rate(design), rate(program) if program else None
    if design is program or not ours or not theirs or not theirs.ends[0]:
        return None
    return SpeedUp(ours.value / theirs.value, ours.ends[0] / theirs.ends[1], ours.ends[1] / theirs.ends[0])


def sentence(program: Design, fastest: Sequence[Design]) -> str:
    """When the processor is enough, and how far the fastest designs are beyond it."""
    reading = rate(program)
    assert reading
    low, high = reading.ends
    alone = f"The processor alone ({program.label}) does {reading.value:,.1f} images/s ({low:,.1f} .. {high:,.1f})"
    enough = f"{alone}: it is enough for {low:,.1f} images/s, and may be for {high:,.1f}"
    ups = [(design.label, up) for design in fastest if (up := speed_up(design, program))]
    return ". ".join([enough, *(f"{label} is {up} times as fast" for label, up in ups)]) + "."
