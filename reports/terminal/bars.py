"""Waterfalls as bars of characters."""

from __future__ import annotations

from flows.core.evidence import RESOURCES, Metric
from flows.core.record import Run
from reports.design import Evidence
from reports.terminal.layout import table
from reports.waterfall import METRICS, Block, Waterfall, waterfall
from reports.words import number

WIDTH = 56
SMALL = 0.01
"""Blocks below this share of the whole stand together in one line."""


def waterfalls(run: Run) -> str:
    """Cycles, then each resource, block by block; empty where no block has a reading."""
    falls = (waterfall(run.readings, metric) for metric in METRICS)
    return "\n\n".join(_text(fall) for fall in falls if fall and fall.extent > 0)


def _text(fall: Waterfall) -> str:
    adds_up = fall.metric in RESOURCES
    how = "each begins where the last one ended" if adds_up else "layers work at the same time: the longest counts"
    rows = [_row(block, fall) for block in fall.blocks if block.reading.value >= SMALL * fall.extent]
    if adds_up:
        small = [block.reading.value for block in fall.blocks if 0 < block.reading.value < SMALL * fall.extent]
        rows += [[f"{len(small)} smaller ones", number(fall.metric, sum(small)), ""]] if small else []
        rows += [["in no block", number(fall.metric, fall.rest), ""]] if fall.rest else []
    if fall.total:
        least = ">= " if fall.total.at_least else ""
        bar = _bar(0, fall.total.value, fall, "=")
        rows.append(["total", f"{least}{number(fall.metric, fall.total.value)}", bar])
    if fall.unknown and adds_up:
        rows.append([f"unknown of {', '.join(fall.unknown)}", "", ""])
    head = f"{fall.metric.key}, {Evidence(fall.tier, fall.stage, '')}: {how}"
    return f"{head}\n{table(rows, frozenset({0, 2}))}"


def _row(block: Block, fall: Waterfall) -> list[str]:
    longest = fall.metric is Metric.INTERVAL_CYCLES and block.reading.value == fall.largest
    bar = _bar(block.start, block.end, fall, "#") + ("  bottleneck" if longest else "")
    return [block.reading.scope, number(fall.metric, block.reading.value), bar]


def _bar(start: float, end: float, fall: Waterfall, mark: str) -> str:
    first, last = (round(WIDTH * value / fall.extent) for value in (start, end))
    return " " * first + mark * max(last - first, 1)
