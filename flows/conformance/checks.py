"""What must hold of the readings of an estimate."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any

import pytest

from flows.core.evidence import RESOURCES, SHELL, TOTAL, Metric, Reading, total
from flows.core.fit import Verdict, judge
from flows.core.margins import MARGINS
from flows.core.part import Device


def add_up(readings: tuple[Reading, ...]) -> None:
    """Totals are the sum of their parts of one stage and of the shell, each rounded; what lacks a part is a lower
    bound."""
    for whole in (row for row in readings if row.metric in RESOURCES and row.scope == TOTAL):
        metric, own = whole.metric, [row for row in readings if row.stage is whole.stage or row.scope == SHELL]
        scopes = {reading.scope for reading in own if reading.metric in RESOURCES} - {TOTAL}
        parts = [reading for reading in own if reading.metric is metric and reading.scope != TOTAL]
        if parts:
            assert abs(whole.value - sum(part.value for part in parts)) <= 0.5 * (len(parts) + 1), metric
            assert whole.at_least == (any(part.at_least for part in parts) or len(parts) < len(scopes)), metric


def agree(readings: tuple[Reading, ...], clock_ns: float) -> None:
    """Times are the cycles at the clock that was asked for; no stage is slower than the whole."""
    known = {reading.metric: reading.value for reading in readings if reading.scope == TOTAL}
    interval, latency = known.get(Metric.INTERVAL_CYCLES), known.get(Metric.LATENCY_CYCLES)
    if interval and Metric.THROUGHPUT_FPS in known:
        assert known[Metric.THROUGHPUT_FPS] == pytest.approx(1e9 / (interval * clock_ns))
    if latency and Metric.LATENCY_US in known:
        assert known[Metric.LATENCY_US] == pytest.approx(latency * clock_ns / 1e3)
    stages = [row.value for row in readings if row.metric is Metric.INTERVAL_CYCLES and row.scope != TOTAL]
    assert interval is None or interval >= max(stages, default=0)


def judged(readings: tuple[Reading, ...], device: Device) -> None:
    """A part that numbers fill up to the margin, or upper bounds to the end, is fitted; one with a unit less is not."""
    readings = tuple(row for row in readings if row.scope == TOTAL)
    stage = judge(readings, device).stage
    judged = [row for row in readings if row.metric in RESOURCES and row.stage is stage]
    totals = [reading for metric in RESOURCES if (reading := total(judged, metric))]
    if len(totals) < len(RESOURCES) or any(
        total.at_least or total.high is None or total.low is None for total in totals
    ):
        assert judge(readings, device).verdict is not Verdict.FITS, "something is not known"
        return
    filled: dict[str, Any] = {
        total.metric.key: max(1, ceil(total.value / (1 - MARGINS.of(total.metric))), ceil(total.high or 0.0))
        for total in totals
    }
    assert judge(readings, replace(device, **filled)).verdict is Verdict.FITS
    smaller = filled | {"lut": filled["lut"] - 1}
    assert judge(readings, replace(device, **smaller)).verdict is not Verdict.FITS
