"""How far what Vivado builds is from the structure of a unit: a factor and its interval, by unit.

``calibration/built.json`` holds them, with their rows; ``calibration/hls4ml/built.py`` fits them to routed and
synthesised designs of others (``calibration/rows/hls4ml_built.json``) and tells how far off they are on repositories
that they were not fitted to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from math import exp
from pathlib import Path
from typing import Any

from backends.cost.amounts import Amount, Amounts, Total
from backends.hls4ml.structure import Counts
from flows.core.evidence import Metric

CALIBRATION = Path(__file__).with_name("calibration") / "built.json"

EVERY_UNIT, WHOLE = "every unit", "whole design"
"""Entries that are of no unit: what the errors of all units together are, and those of sums."""

Calibration = Mapping[tuple[str, str], Mapping[str, Any]]
"""Factors by unit and metric."""


@cache
def shipped() -> Calibration:
    """The factors of this release."""
    return {(row["unit"], row["metric"]): row for row in json.loads(CALIBRATION.read_text())}


def amounts(unit: str, counts: Counts, calibration: Calibration | None = None) -> Amounts:
    """LUT and FF of a unit. LUTs that are memory follow from its size: they have no interval."""
    rows = shipped() if calibration is None else calibration
    return {
        Metric.LUT: (_amount(unit, Metric.LUT, counts.logic, counts.memory, rows),),
        Metric.FF: (_amount(unit, Metric.FF, counts.ff, 0, rows),),
    }


def _amount(unit: str, metric: Metric, counted: float, certain: float, rows: Calibration) -> Amount:
    row = rows.get((unit, metric.key)) or rows[EVERY_UNIT, metric.key]
    known = row["unit"] == unit
    value, spread = counted * (row["factor"] if known else 1.0), exp(row["interval_90"])
    count = row["repositories"]
    few = f"n = {row['rows']} in {count} {'repository' if count == 1 else 'repositories'}"
    evidence = few if known else "no built design has a row of it"
    source = f"structure of {unit}, {evidence}, within {spread:.2g} times"
    return Amount(certain + value, certain + value / spread, certain + value * spread, unit, source)


SPREAD = (Metric.LUT, Metric.FF)
"""What is fitted: its interval is that of whole designs alone."""
SUMMED = (*SPREAD, Metric.BRAM18)
"""What sums of whole designs are known to miss. Block RAM follows from the design, but Vivado and versions of hls4ml
put FIFOs and weights now into one memory, now into another."""


def spread_of_whole(metric: Metric) -> float:
    """The factor within which 90 % of whole designs are, their shell apart."""
    return exp(shipped()[WHOLE, metric.key]["interval_90"]) if metric in SUMMED else 1.0


def whole(metric: Metric, total: Total, charged: float) -> Total:
    """`total` with the interval that sums of whole designs have kept to; `charged` of it is the shell.

    The errors of one design's units are not independent, so those of its sum are calibrated on sums. Bounds that follow
    from the design itself stay where they are further.
    """
    if metric not in SUMMED:
        return total
    own, spread = total.value - charged, spread_of_whole(metric)
    low, high = charged + own / spread, charged + own * spread
    if metric not in SPREAD:
        low, high = min(low, total.low), max(high, total.high)
    return Total(total.value, low, high, total.at_least)


def interval_source(metric: Metric) -> str:
    """Where the interval of whole designs comes from; empty where they have none."""
    if metric not in SUMMED:
        return ""
    row, spread = shipped()[WHOLE, metric.key], spread_of_whole(metric)
    designs = f"{row['rows']} designs of {row['repositories']} repositories ({row['vitis']} of Vitis HLS)"
    return f"{designs}, each repository held out, are within {spread:.2f} times"
