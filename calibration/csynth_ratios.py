"""How far csynth overstates what is built: `backends.cost.synthesis.Ratio`s from designs where both are known.

    python -m calibration.csynth_ratios

``csynth_pairs.json`` has a row for each design: what csynth counted and what logic synthesis or routing left, of public
repositories (their reports, or tables in their documentation). ``code`` is ``hls4ml`` for hls4ml's own layers, ``own``
for hand-written or changed ones: networks, and programs of benchmark suites (``quickest``, each a project of its own).
Every project weighs the same; the interval is where 90 % of designs of a new project fall (log-normal, Student's t; of
memories and multipliers, which most designs have as csynth counts them, as far as all but a twentieth of projects are
off on either side). A project's designs are *held* where the interval of the other projects has them; *spread* is the
root mean square of the logarithm of built over predicted, predicted by the other projects.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path
from statistics import mean, median
from typing import Any

from backends.cost import synthesis
from backends.cost.synthesis import FEW, Ends, Ratio, built_of, mixed
from flows.core.evidence import RESOURCES, Metric

PAIRS = Path(__file__).with_name("csynth_pairs.json")
T_95 = (
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812),
    *(1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725),
)
"""The 95 % quantile of Student's t by degrees of freedom, from 1; of more it is taken as of 20."""
MORE_DSP_THAN_THERE_ARE = "hls4ml-fpga-classifier"
"""csynth asked for 193 % of the part's DSP slices. Vivado built the excess in LUTs, so its ratios are not typical."""
EXACT = Metric.BRAM18, Metric.DSP
"""In hand-written code these are mostly built as csynth counts them."""
TAIL = 0.05
"""The share of projects that is off by more than an interval of `EXACT`, on either side."""

Pair = dict[str, Any]
Ratios = dict[str, list[float]]
"""Logarithms of csynth's count over what was built, by project."""


def pairs() -> list[Pair]:
    return [pair for pair in json.loads(PAIRS.read_text()) if pair["project"] != MORE_DSP_THAN_THERE_ARE]


def of_code(code: str, designs: Iterable[Pair] | None = None) -> list[Pair]:
    """Designs of hls4ml's own layers (``hls4ml``) or of others' code (``own``): of this release unless given."""
    return [pair for pair in (pairs() if designs is None else designs) if pair["code"] == code]


def ratios(designs: Iterable[Pair], metric: Metric, luts: float | None = None, few: float = 0) -> Ratios:
    """Of csynth's own count of `metric`; where `luts` is given, of its LUTs and FFs, as `Ratio.luts` says. A count
    that is off by no more than `few` is not off."""
    by_project: Ratios = defaultdict(list)
    for pair in designs:
        counted, built = _count(pair["csynth"], metric, luts), pair["built"].get(metric.key)
        if counted and built is not None and (built or metric in EXACT):
            is_near = 0 < abs(counted - built) <= few
            by_project[pair["project"]].append(0.0 if is_near else log(counted / max(built, 1)))
    return dict(by_project)


def _count(csynth: Mapping[str, float], metric: Metric, luts: float | None) -> float | None:
    if luts is None or not csynth.get(metric.key):
        return csynth.get(metric.key)
    return mixed(csynth["lut"], csynth["ff"], luts) if _is_balanced(csynth) else None


def _is_balanced(csynth: Mapping[str, float]) -> bool:
    low, high = (bound * csynth.get("ff", 0) for bound in synthesis.LUTS_A_FF)
    return low <= csynth.get("lut", 0) <= high and bool(csynth.get("ff"))


def share_of_luts(designs: Iterable[Pair]) -> float:
    """The power of csynth's LUTs in the count that goes with the LUTs built, FFs having the rest of 1: least squares
    of the logarithms."""
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for pair in designs:
        count, built = pair["csynth"], pair["built"]
        if _is_balanced(count) and built.get("lut"):
            points[pair["project"]].append((log(count["lut"] / count["ff"]), log(built["lut"] / count["ff"])))
    weighted = [(1 / len(own), x, y) for own in points.values() for x, y in own]
    at_x, at_y = (sum(point[0] * point[axis] for point in weighted) / len(points) for axis in (1, 2))
    spread = sum(weight * (x - at_x) ** 2 for weight, x, _ in weighted)
    return round(sum(weight * (x - at_x) * (y - at_y) for weight, x, y in weighted) / spread, 2)


def fitted(projects: Ratios) -> tuple[float, float, float]:
    """(geometric mean, low, high) of a design of a new project."""
    centre, count = mean(mean(logs) for logs in projects.values()), len(projects)
    spread = sum(mean((ratio - centre) ** 2 for ratio in logs) for logs in projects.values()) / (count - 1)
    reach = T_95[min(count - 2, len(T_95) - 1)] * sqrt(spread * (1 + 1 / count))
    return exp(centre), exp(centre - reach), exp(centre + reach)


def mostly_exact(projects: Ratios) -> tuple[float, float, float]:
    """(1, low, high): the ends leave out `TAIL` of the projects, each."""
    ordered = sorted((ratio, 1 / len(logs)) for logs in projects.values() for ratio in logs)
    return 1.0, exp(_quantile(ordered, TAIL * len(projects))), exp(_quantile(ordered, (1 - TAIL) * len(projects)))


def _quantile(ordered: Sequence[tuple[float, float]], weight: float) -> float:
    for value, own in ordered:
        weight -= own
        if weight <= 1e-9:
            return value
    return ordered[-1][0]


def of_hls4ml(designs: Iterable[Pair] | None = None) -> synthesis.Ratios:
    """What `synthesis.HLS4ML` is fitted as."""
    known = of_code("hls4ml", designs)
    return {metric: ratio(known, metric, LAYERS) for metric in (Metric.LUT, Metric.FF, *EXACT)}


def of_own_code(designs: Iterable[Pair] | None = None) -> synthesis.Ratios:
    """What `synthesis.OWN_CODE` is fitted as."""
    known = of_code("own", designs)
    both = ratio(known, Metric.LUT, CODE, share_of_luts(known))
    return {
        Metric.LUT: replace(both, alone=ratio(known, Metric.LUT, CODE)),
        **{metric: ratio(known, metric, CODE) for metric in (Metric.FF, *EXACT)},
    }


LAYERS, CODE = "hls4ml designs", "HLS designs of others' own code"
WORDS = {"hls4ml": LAYERS, "own": CODE}


def ratio(designs: Iterable[Pair], metric: Metric, what: str, luts: float | None = None) -> Ratio:
    is_exact = metric is Metric.DSP or (metric, what) == (Metric.BRAM18, CODE)
    projects = ratios(designs, metric, luts, FEW[metric] if is_exact else 0)
    value, low, high = (round(end, 2) for end in (mostly_exact if is_exact else fitted)(projects))
    count = sum(map(len, projects.values()))
    return Ratio(value, low, high, f"{count} {what} in {len(projects)} projects", luts)


def held_out(code: str, metric: Metric, with_ffs: bool) -> Iterator[list[tuple[float, Ends]]]:
    """Project by project what was built, and what the ratio of all other projects gives of csynth's counts."""
    known, what = of_code(code), WORDS[code]
    for name in dict.fromkeys(pair["project"] for pair in known):
        others = [pair for pair in known if pair["project"] != name]
        luts = share_of_luts(others) if with_ffs else None
        own = [pair for pair in known if pair["project"] == name and name in ratios([pair], metric, luts)]
        if own:
            fit = {metric: ratio(others, metric, what, luts)}
            yield [(pair["built"][metric.key], built_of(metric, _counts(pair), fit)) for pair in own]


def _counts(pair: Pair) -> dict[Metric, Ends]:
    return {metric: (count,) * 3 for metric in RESOURCES if (count := pair["csynth"].get(metric.key)) is not None}


def main() -> None:
    print("| csynth over built | value | 90 % of new projects | designs (projects) | median error | held | spread |")
    print("| --- | ---: | --- | --- | ---: | --- | ---: |")
    for code in WORDS:
        for metric in (Metric.LUT, Metric.FF, *EXACT):
            print(_line(code, metric))
        if code == "own":
            print(_line(code, Metric.LUT, with_ffs=True))


def _line(code: str, metric: Metric, with_ffs: bool = False) -> str:
    known = of_code(code)
    luts = share_of_luts(known) if with_ffs else None
    shipped = ratio(known, metric, WORDS[code], luts)
    tested = list(held_out(code, metric, with_ffs))
    every = [pair for own in tested for pair in own]
    errors = [abs(value - built) / max(built, 1) for built, (value, _, _) in every]
    held = sum(low <= built <= high for built, (_, low, high) in every)
    squares = [mean(log(max(value, 1) / max(built, 1)) ** 2 for built, (value, _, _) in own) for own in tested]
    counted = f"LUT^{luts:g} FF^{1 - luts:g} over LUT" if luts else metric.key.upper()
    return (
        f"| {counted}, {WORDS[code]} | {shipped.value:.2f} | {shipped.low:.2f} .. {shipped.high:.2f} "
        f"| {len(every)} ({len(tested)}) | {median(errors):.0%} | {held} of {len(every)} | {sqrt(mean(squares)):.2f} |"
    )


if __name__ == "__main__":
    main()
