"""Does it fit? Judged on one stated stage, against the part less a margin. Not fitting is a result, not an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from flows.core.evidence import BUILT, RESOURCES, TOTAL, Metric, Reading, Tier, nearest
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
    """The verdict over the design's total resources on `device`, all of them readings of one stage.

    It is the stage of which most resources are known, and of several such one that somebody saw, else the one nearest
    the metal. There a report counts before a model.
    """
    stages: dict[Tier, list[Reading]] = {}
    for reading in readings:
        if reading.metric in RESOURCES and reading.scope == TOTAL:
            stages.setdefault(reading.stage, []).append(reading)
    known = {stage: {one.metric: one for one in nearest(group)} for stage, group in stages.items()}
    seen = {stage: any(one.tier in BUILT for one in group.values()) for stage, group in known.items()}
    stage = max(known, key=lambda one: (len(known[one]), seen[one], list(Tier).index(one)), default=None)
    found = known[stage] if stage else {}
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
    return Fit(verdict, binding, excess, stage, margin)


def _leaves_margin(reading: Reading, usable: float) -> bool:
    return not reading.at_least and (reading.value if reading.high is None else reading.high) <= usable
