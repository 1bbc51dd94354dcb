"""How far csynth overstates what is built: `backends.cost.synthesis.Ratio`s from designs where both are known.

    python benchmarks/csynth_ratios.py

``csynth_pairs.json`` has a row a design: what csynth counted and what logic synthesis or routing left, of neural
networks in HLS, from public repositories (their reports, or tables in their documentation). ``code`` is ``hls4ml`` for
hls4ml's own layers, ``own`` for hand-written or changed ones. Every project weighs the same; the interval is where 90 %
of designs of a new project fall (log-normal, Student's t).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import exp, log, sqrt
from pathlib import Path
from statistics import mean
from typing import Any

PAIRS = Path(__file__).with_name("csynth_pairs.json")
T_95 = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746)
"""The 95 % quantile of Student's t by degrees of freedom, from 1."""
MORE_DSP_THAN_THERE_ARE = "hls4ml-fpga-classifier"
"""csynth asked for 193 % of the part's DSP slices: Vivado built the rest of LUTs, and no ratio holds."""

Row = dict[str, Any]


def ratios(rows: Iterable[Row], metric: str) -> dict[str, list[float]]:
    """Logarithms of csynth over built, by project."""
    found: dict[str, list[float]] = {}
    for row in rows:
        counted, built = row["csynth"].get(metric), row["built"].get(metric)
        if counted and built:
            found.setdefault(row["project"], []).append(log(counted / built))
    return found


def fitted(projects: dict[str, list[float]]) -> tuple[float, float, float]:
    """(geometric mean, low, high) of a design of a new project."""
    centre, count = mean(mean(logs) for logs in projects.values()), len(projects)
    spread = sum(mean((one - centre) ** 2 for one in logs) for logs in projects.values()) / (count - 1)
    reach = T_95[count - 2] * sqrt(spread * (1 + 1 / count))
    return exp(centre), exp(centre - reach), exp(centre + reach)


def held(projects: dict[str, list[float]]) -> int:
    """Designs within the interval that the other projects give."""
    found = 0
    for name, logs in projects.items():
        _, low, high = fitted({other: them for other, them in projects.items() if other != name})
        found += sum(low <= exp(one) <= high for one in logs)
    return found


def main() -> None:
    rows = [row for row in json.loads(PAIRS.read_text()) if row["project"] != MORE_DSP_THAN_THERE_ARE]
    print("| csynth over built | value | 90 % of new projects | designs (projects) | held, its project left out |")
    print("| --- | ---: | --- | --- | --- |")
    groups = {"hls4ml's own layers": [row for row in rows if row["code"] == "hls4ml"], "all": rows}
    for metric in ("lut", "ff"):
        for name, group in groups.items():
            projects = ratios(group, metric)
            value, low, high = fitted(projects)
            count = sum(map(len, projects.values()))
            print(
                f"| {metric.upper()}, {name} | {value:.2f} | {low:.2f} .. {high:.2f} | {count} ({len(projects)}) | "
                f"{held(projects)} |"
            )
    slices = [exp(one) for logs in ratios(rows, "dsp").values() for one in logs]
    print(f"\nDSP slices are built as csynth counts them, within 5 %, in {_near(slices)} of {len(slices)} designs.")


def _near(found: Iterable[float]) -> int:
    return sum(0.95 <= one <= 1.05 for one in found)


if __name__ == "__main__":
    main()
