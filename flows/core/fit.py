"""Does it fit? Judged on one stated stage, against the part less a margin. Not fitting is a result, not an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from flows.core.evidence import RESOURCES, Metric, Reading, Tier, total
from flows.core.part import Device

MARGIN = 0.10
"""Share of every resource that is kept free before a design is said to fit."""


class Verdict(Enum):
    FITS = "fits"  # the upper bound leaves the margin free
    AT_RISK = "at risk"  # the estimate fits, but its upper bound or an unmodelled block may not
    OVER = "over"  # the estimate itself exceeds the part
    UNKNOWN = "unknown"  # a resource has no reading


@dataclass(frozen=True)
class Fit:
    """`binding` is the resource with the largest share of the part; `excess` by how much each one is over."""

    verdict: Verdict
    binding: Metric | None
    excess: Mapping[Metric, float]
    stage: Tier | None
    margin: float


def judge(readings: Iterable[Reading], device: Device, margin: float = MARGIN) -> Fit:
    """The verdict over the design's total resources on `device`, all of them readings of one stage."""
    readings = tuple(readings)
    found = {metric: reading for metric in RESOURCES if (reading := total(readings, metric))}
    stages = {reading.stage for reading in found.values()}
    if len(stages) > 1:
        raise ValueError(f"resources of different stages: {', '.join(sorted(stage.value for stage in stages))}")
    if not found:
        return Fit(Verdict.UNKNOWN, None, {}, None, margin)
    binding = max(found, key=lambda metric: found[metric].value / device.available(metric))
    excess = {
        metric: reading.value - device.available(metric)
        for metric, reading in found.items()
        if reading.value > device.available(metric)
    }
    if excess:
        verdict = Verdict.OVER
    elif len(found) < len(RESOURCES):
        verdict = Verdict.UNKNOWN
    elif all(_leaves_margin(reading, device.available(metric) * (1 - margin)) for metric, reading in found.items()):
        verdict = Verdict.FITS
    else:
        verdict = Verdict.AT_RISK
    return Fit(verdict, binding, excess, stages.pop(), margin)


def _leaves_margin(reading: Reading, usable: float) -> bool:
    return not reading.at_least and (reading.value if reading.high is None else reading.high) <= usable
