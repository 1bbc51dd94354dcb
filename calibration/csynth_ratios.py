"""How far csynth overstates what is built: `backends.cost.synthesis.Ratio`s from designs where both are known.

    python -m calibration.csynth_ratios

``csynth_pairs.json`` has a row for each design: what csynth counted and what logic synthesis or routing left, of neural
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
T_95 = (
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812),
    *(1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725),
)
"""The 95 % quantile of Student's t by degrees of freedom, from 1."""
MORE_DSP_THAN_THERE_ARE = "hls4ml-fpga-classifier"
"""csynth asked for 193 % of the part's DSP slices: Vivado built the rest of LUTs, and no ratio holds."""

Pair = dict[str, Any]
Ratios = dict[str, list[float]]
"""Logarithms of csynth's count over what was built, by project."""


def pairs() -> list[Pair]:
    return [pair for pair in json.loads(PAIRS.read_text()) if pair["project"] != MORE_DSP_THAN_THERE_ARE]


def ratios(designs: Iterable[Pair], metric: str) -> Ratios:
    by_project: Ratios = {}
    for pair in designs:
        counted, built = pair["csynth"].get(metric), pair["built"].get(metric)
        if counted and built:
            by_project.setdefault(pair["project"], []).append(log(counted / built))
    return by_project


def fitted(projects: Ratios) -> tuple[float, float, float]:
    """(geometric mean, low, high) of a design of a new project."""
    centre, count = mean(mean(logs) for logs in projects.values()), len(projects)
    spread = sum(mean((ratio - centre) ** 2 for ratio in logs) for logs in projects.values()) / (count - 1)
    reach = T_95[count - 2] * sqrt(spread * (1 + 1 / count))
    return exp(centre), exp(centre - reach), exp(centre + reach)


def held(projects: Ratios) -> int:
    """Designs within the interval that the other projects give."""
    within = 0
    for name, logs in projects.items():
        _, low, high = fitted({other: them for other, them in projects.items() if other != name})
        within += sum(low <= exp(ratio) <= high for ratio in logs)
    return within


def groups() -> dict[str, list[Pair]]:
    """The designs that ratios are fitted to: those of hls4ml's own layers, and all."""
    return {"hls4ml's own layers": [pair for pair in pairs() if pair["code"] == "hls4ml"], "all": pairs()}


def main() -> None:
    print("| csynth over built | value | 90 % of new projects | designs (projects) | held, its project left out |")
    print("| --- | ---: | --- | --- | --- |")
    for metric in ("lut", "ff", "bram18"):
        for name, group in groups().items():
            projects = ratios(group, metric)
            value, low, high = fitted(projects)
            count = sum(map(len, projects.values()))
            print(
                f"| {metric.upper()}, {name} | {value:.2f} | {low:.2f} .. {high:.2f} | {count} ({len(projects)}) | "
                f"{held(projects)} |"
            )
    slices = [exp(ratio) for logs in ratios(pairs(), "dsp").values() for ratio in logs]
    near = sum(0.95 <= ratio <= 1.05 for ratio in slices)
    print(f"\nDSP slices are built as csynth counts them, within 5 %, in {near} of {len(slices)} designs.")


if __name__ == "__main__":
    main()
