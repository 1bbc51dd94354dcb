"""How far csynth overstates what is built: `backends.cost.synthesis.Ratio`s from designs where both are known.

    python -m calibration.csynth_ratios

``csynth_pairs.json`` has a row for each design: what csynth counted and what logic synthesis or routing left, of neural
networks in HLS, from public repositories (their reports, or tables in their documentation). ``code`` is ``hls4ml`` for
hls4ml's own layers, ``own`` for hand-written or changed ones. Every project weighs the same; the interval is where 90 %
of designs of a new project fall (log-normal, Student's t). A project's designs are *held* where the other projects'
interval has them; *spread* is how far they are off what the others foretell, as the root mean square of logarithms.
That csynth's LUTs and FFs weigh the same in the count for hand-written designs was chosen with these in view.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path
from statistics import mean
from typing import Any

from backends.cost import synthesis
from backends.cost.synthesis import mixed
from flows.core.evidence import Metric

PAIRS = Path(__file__).with_name("csynth_pairs.json")
T_95 = (
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812),
    *(1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725),
)
"""The 95 % quantile of Student's t by degrees of freedom, from 1."""
GENERATED, HANDWRITTEN, ALL = "hls4ml's own layers", "hand-written", "all"
"""Groups of designs."""
MORE_DSP_THAN_THERE_ARE = "hls4ml-fpga-classifier"
"""csynth asked for 193 % of the part's DSP slices: Vivado built the rest of LUTs, and no ratio holds."""

Pair = dict[str, Any]
Ratios = dict[str, list[float]]
"""Logarithms of csynth's count over what was built, by project."""


def pairs() -> list[Pair]:
    return [pair for pair in json.loads(PAIRS.read_text()) if pair["project"] != MORE_DSP_THAN_THERE_ARE]


def ratios(designs: Iterable[Pair], metric: str, luts: float | None = None) -> Ratios:
    """Of csynth's own count of `metric`; where `luts` is given, of its LUTs and FFs, as `Ratio.luts` says."""
    by_project: Ratios = {}
    for pair in designs:
        counted, built = _count(pair["csynth"], metric, luts), pair["built"].get(metric)
        if counted and built:
            by_project.setdefault(pair["project"], []).append(log(counted / built))
    return by_project


def _count(csynth: Mapping[str, float], metric: str, luts: float | None) -> float | None:
    if luts is None or not csynth.get(metric):
        return csynth.get(metric)
    low, high = (bound * csynth.get("ff", 0) for bound in synthesis.LUTS_A_FF)
    return mixed(csynth["lut"], csynth["ff"], luts) if low <= csynth.get("lut", 0) <= high else None


def fitted(projects: Ratios) -> tuple[float, float, float]:
    """(geometric mean, low, high) of a design of a new project."""
    centre, count = mean(mean(logs) for logs in projects.values()), len(projects)
    spread = sum(mean((ratio - centre) ** 2 for ratio in logs) for logs in projects.values()) / (count - 1)
    reach = T_95[count - 2] * sqrt(spread * (1 + 1 / count))
    return exp(centre), exp(centre - reach), exp(centre + reach)


def held_out(projects: Ratios, tested: Ratios) -> Iterator[tuple[str, list[float], tuple[float, float, float]]]:
    """(project, its designs in `tested`, what the other `projects` foretell of it)."""
    for name, logs in tested.items():
        yield name, logs, fitted({other: them for other, them in projects.items() if other != name})


def held(projects: Ratios, tested: Ratios) -> int:
    """Designs of `tested` within the interval that the other projects give."""
    return sum(low <= exp(one) <= high for _, logs, (_, low, high) in held_out(projects, tested) for one in logs)


def spread(projects: Ratios, tested: Ratios) -> float:
    """How far designs of `tested` are off what the other projects foretell: root mean square of logarithms."""
    errors = (mean((one - log(value)) ** 2 for one in logs) for _, logs, (value, _, _) in held_out(projects, tested))
    return sqrt(mean(errors))


def groups(designs: Iterable[Pair] | None = None) -> dict[str, list[Pair]]:
    """Designs of hls4ml's own layers, those of others' own code, and all: of this release unless others are given."""
    every = list(pairs() if designs is None else designs)
    return {
        GENERATED: [pair for pair in every if pair["code"] == "hls4ml"],
        HANDWRITTEN: [pair for pair in every if pair["code"] == "own"],
        ALL: every,
    }


def of_hls4ml(designs: Iterable[Pair] | None = None) -> synthesis.Ratios:
    """What `synthesis.HLS4ML` is fitted as."""
    known = groups(designs)[GENERATED]
    return {metric: _ratio(known, metric, "hls4ml designs") for metric in (Metric.LUT, Metric.FF, Metric.BRAM18)}


def of_networks(designs: Iterable[Pair] | None = None) -> synthesis.Ratios:
    """What `synthesis.NETWORKS` is fitted as."""
    every = groups(designs)[ALL]
    luts, ffs = (_ratio(every, metric, "HLS designs of networks") for metric in (Metric.LUT, Metric.FF))
    both = _ratio(every, Metric.LUT, "HLS designs of networks", luts=0.5)
    return {Metric.LUT: replace(both, alone=luts), Metric.FF: ffs}


def _ratio(designs: Iterable[Pair], metric: Metric, what: str, luts: float | None = None) -> synthesis.Ratio:
    projects = ratios(designs, metric.key, luts)
    value, low, high = (round(end, 2) for end in fitted(projects))
    count = sum(map(len, projects.values()))
    return synthesis.Ratio(value, low, high, f"{count} {what} in {len(projects)} projects", luts)


WEIGHTS = (0.75, 0.5, 0.25)
"""Of LUTs in csynth's count of LUTs and FFs, tried on hand-written designs."""


def main() -> None:
    print("| csynth over built | value | 90 % of new projects | designs (projects) | tested on | held | spread |")
    print("| --- | ---: | --- | --- | --- | --- | ---: |")
    for metric in ("lut", "ff", "bram18"):
        for name in (GENERATED, ALL):
            print(_line(f"{metric.upper()}, {name}", metric, None, name, name))
    print(_line("LUT, all", "lut", None, ALL, HANDWRITTEN))
    for luts in WEIGHTS:
        print(_line(f"LUT^{luts:g} FF^{1 - luts:g} over LUT, all", "lut", luts, ALL, HANDWRITTEN))
    slices = [exp(ratio) for logs in ratios(pairs(), "dsp").values() for ratio in logs]
    near = sum(0.95 <= ratio <= 1.05 for ratio in slices)
    print(f"\nDSP slices are built as csynth counts them, within 5 %, in {near} of {len(slices)} designs.")


def _line(title: str, metric: str, luts: float | None, name: str, tested: str) -> str:
    known = groups()
    projects, test = (ratios(known[group], metric, luts) for group in (name, tested))
    value, low, high = fitted(projects)
    designs = f"{sum(map(len, projects.values()))} ({len(projects)})"
    within = f"{held(projects, test)} of {sum(map(len, test.values()))}"
    off = f"{spread(projects, test):.2f}"
    return f"| {title} | {value:.2f} | {low:.2f} .. {high:.2f} | {designs} | {tested} | {within} | {off} |"


if __name__ == "__main__":
    main()
