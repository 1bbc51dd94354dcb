"""The clocks that others' builds met, against the predictions of `backends.cost.clock` and `backends.finn.clock`.

    python -m calibration.clocks

``rows/clocks.json`` has a row for each routed timing report: the period asked for, the worst setup slack, the unit at
the ends of the slowest path. Vivado stops where a clock is met: such a row says that the design could be as fast, and
not how fast it could be. A row that misses its clock says what was reached.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from math import erfc, exp, log, sqrt
from pathlib import Path
from statistics import mean
from typing import Any

from backends.cost import clock
from backends.finn.clock import predicted
from flows.core.clock import Clock, judge_clock, with_seen
from flows.core.evidence import TOTAL, Reading
from flows.core.part import find_part
from flows.registry import load

ROWS = Path(__file__).with_name("rows") / "clocks.json"
MEANS = [100 * 1.01**step for step in range(130)]
SPREADS = [0.02 * 1.08**step for step in range(50)]
"""Median (MHz) and spread (log scale) of a log-normal distribution: the grid over which the likelihood is summed. The
prior is flat in their logarithms."""

Row = dict[str, Any]


def rows() -> list[Row]:
    return list(json.loads(ROWS.read_text()))


def reached(row: Row) -> float:
    """MHz at which the slack would be 0."""
    return 1000 / (float(row["asked_ns"]) - float(row["wns_ns"]))


def is_met(row: Row) -> bool:
    return bool(row["wns_ns"] >= 0)


def routed(rows: Iterable[Row]) -> tuple[float, float, float]:
    """Fmax in MHz of a design of a new project that no known unit limits: the median and the 90 % interval.

    Every project weighs the same. A build that met its clock, and one that a known unit limited, are a lower bound.
    """
    known = list(rows)
    weight = Counter(row["repo"] for row in known)
    weights: list[tuple[float, float, float]] = []
    for centre in MEANS:
        for spread in SPREADS:
            likelihood = 0.0
            for row in known:
                away = log(reached(row) / centre) / spread
                is_bound = is_met(row) or row.get("unit") == "LabelSelect_hls"
                likelihood += (log(max(_above(away), 1e-300)) if is_bound else -log(spread) - away**2 / 2) / weight[
                    row["repo"]
                ]
            weights.append((exp(likelihood), centre, spread))
    total = sum(density for density, _, _ in weights)

    def quantile(share: float) -> float:
        low, high = 10.0, 10_000.0
        while high / low > 1.001:
            middle = sqrt(low * high)
            below = (
                sum(density * (1 - _above(log(middle / centre) / spread)) for density, centre, spread in weights)
                / total
            )
            low, high = (middle, high) if below < share else (low, middle)
        return sqrt(low * high)

    return quantile(0.5), quantile(0.05), quantile(0.95)


def _above(z: float) -> float:
    """Share of the normal distribution above `z`."""
    return erfc(z / sqrt(2)) / 2


def net(rows: Sequence[Row]) -> float:
    """Delay in ns of one net in LabelSelect's chain, fitted to the mean period of the builds that it limits."""
    limited = [row for row in rows if row.get("unit") == "LabelSelect_hls"]
    labels = limited[0]["config"]["LabelSelect_hls"]
    stages, bits = labels["PE"], int(labels["inputDataType"].removeprefix("INT"))
    without = clock.compare_chain(stages, bits)[0] - clock.NETS_A_STAGE * stages * clock.NET
    return (mean(1000 / reached(row) for row in limited) - without) / (clock.NETS_A_STAGE * stages)


def judged_by_model(row: Row) -> tuple[Reading, Clock]:
    """(Fmax, verdict on the clock) of a row's design, predicted from the attributes of its nodes where known."""
    part = find_part(row["part"])
    fmax = next(reading for reading in predicted(row.get("config", {}).items(), part) if reading.scope == TOTAL)
    return fmax, judge_clock(with_seen([fmax], part, load(row["flow"]).seen_clocks), row["asked_ns"])


def main() -> None:
    known = rows()
    value, low, high = routed(known)
    print(f"a design with no slower unit reaches {value:.0f} MHz ({low:.0f} .. {high:.0f})")
    print(f"a net of LabelSelect's chain takes {net(known):.2f} ns\n")
    print("| build | flow | asked, MHz | built | predicted | verdict | right |")
    print("| --- | --- | ---: | --- | --- | --- | --- |")
    for row in known:
        fmax, judged = judged_by_model(row)
        built = f"{'met, at least' if is_met(row) else 'missed,'} {reached(row):.0f} MHz"
        right = (judged.verdict.value == "credible") == is_met(row)
        interval = f"{fmax.value:.0f} ({fmax.low:.0f} .. {fmax.high:.0f})"
        asked = f"{1000 / row['asked_ns']:.0f}"
        print(f"| {row['id']} | {row['flow']} | {asked} | {built} | {interval} | {judged.verdict.value} | {right} |")


if __name__ == "__main__":
    main()
