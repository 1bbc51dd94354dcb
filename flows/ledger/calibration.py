"""A user's own designs recalibrate the intervals of a user's own estimates, where there are enough of them.

The predicted value does not change: the ratios of built to predicted over earlier designs give the interval of the next
one. Ratios are taken as log-normal; the interval is Student's for one more design, which is wide for few rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from flows.core.evidence import BUILT, RESOURCES, TOTAL, Metric, Reading, Tier
from flows.core.record import Run
from flows.core.residual import by_metric, residuals
from flows.ledger import book
from flows.store import Store

LEAST = 5
"""Designs of a flow below which nothing is recalibrated."""
STUDENT = (2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734)
"""The 95 % quantile for 4, 5, ... 18 degrees of freedom; beyond, the last one, which is a little wide."""


@dataclass(frozen=True)
class OwnRows:
    """Over `n` designs, (what was built) / (what was predicted) is between `low` and `high` in 90 %."""

    n: int
    low: float
    high: float


def own_rows(store: Store) -> dict[tuple[str, Metric], OwnRows]:
    """By flow and metric, where at least `LEAST` runs have the truth of it in the ledger."""
    ratios: dict[tuple[str, Metric], dict[str, float]] = {}
    known = set(store.names())
    for page in book.pages(store.root)[0]:
        if page.run in known:
            run = store.record(page.run).runs[0]
            for metric, residual in by_metric(residuals(page, run)).items():
                if residual.predicted and residual.predicted.value > 0 and residual.truth.value > 0:
                    ratio = math.log(residual.truth.value / residual.predicted.value)
                    ratios.setdefault((run.flow, metric), {})[run.name] = ratio
    return {key: _rows(list(of_runs.values())) for key, of_runs in ratios.items() if len(of_runs) >= LEAST}


def _rows(ratios: list[float]) -> OwnRows:
    n = len(ratios)
    spread = STUDENT[min(n - LEAST, len(STUDENT) - 1)] * stdev(ratios) * math.sqrt(1 + 1 / n)
    return OwnRows(n, math.exp(fmean(ratios) - spread), math.exp(fmean(ratios) + spread))


def recalibrated(runs: Iterable[Run], rows: Mapping[tuple[str, Metric], OwnRows]) -> tuple[Run, ...]:
    """`runs` with the intervals of modelled totals from `rows`, each of which is named in the reading's source."""
    return tuple(
        replace(
            run,
            readings=tuple(_recalibrated(reading, rows.get((run.flow, reading.metric))) for reading in run.readings),
        )
        for run in runs
    )


def _recalibrated(reading: Reading, rows: OwnRows | None) -> Reading:
    stage = reading.metric not in RESOURCES or reading.stage in BUILT
    if rows is None or reading.tier is not Tier.MODELLED or reading.scope != TOTAL or not stage:
        return reading
    words = (
        f"interval from your own {rows.n} designs in the ledger: built over predicted {rows.low:.2f} to {rows.high:.2f}"
    )
    low, high = (reading.value * factor for factor in (min(rows.low, 1), max(rows.high, 1)))
    return replace(reading, low=low, high=high, source=f"{reading.source}; {words} (--no-own-rows leaves them out)")
