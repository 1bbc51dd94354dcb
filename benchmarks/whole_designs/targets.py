"""The part and the clock of a whole design, and the verdict on that clock."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.whole_designs.rows import Row
from flows.core.clock import Clock, judge_clock, with_seen
from flows.core.errors import FlowsError
from flows.core.evidence import Metric, Reading
from flows.core.part import Part, Target, find_part
from flows.registry import load

STAND_IN = "xc7z020clg400-1"
DEVICE = re.compile(r"x[acq](7z0[0-9]+s?|7z100)")
"""A Zynq-7000 of any grade, automotive and defence too, whose dies are those of commercial parts."""


def part_of(name: str) -> Part:
    """The part of a row, without its package and speed grade where these are not known. Raises `FlowsError` of a part
    of another fabric."""
    try:
        return find_part(name)
    except FlowsError:
        if device := DEVICE.match(name.lower()):
            return find_part(f"xc{device[1]}")
        raise


def target(row: Row) -> Target:
    """Raises `FlowsError` of a part of another fabric. An Artix-7 has that of the Zynq-7020, which stands in for it."""
    part = find_part(STAND_IN) if row.part.lower().startswith("xc7a") else part_of(row.part)
    return Target(part, 1000 / (row.clock_mhz or 100))


def clock_verdict(row: Row, flow: str, readings: Sequence[Reading]) -> Clock | None:
    """None of a design whose clock is not recorded."""
    if row.clock_mhz is None:
        return None
    fmax = [reading for reading in readings if reading.metric is Metric.FMAX_MHZ]
    known = with_seen(fmax, target(row).part, load(flow).seen_clocks)
    return judge_clock(known, 1000 / row.clock_mhz)
