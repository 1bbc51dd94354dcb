"""Does it fit, at its clock? Resources are judged on one stated stage, against the part less a margin; the clock beside
them. Not fitting is a result, not an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from flows.core.clock import Clock, ClockVerdict, judge_clock
from flows.core.evidence import BUILT, RESOURCES, TOTAL, Metric, Reading, Subject, Tier, nearest
from flows.core.part import Device

MARGIN = 0.10
"""Share of every resource that is kept free before a design is said to fit."""


class Verdict(Enum):
    FITS = "fits"  # the upper bound leaves the margin free
    AT_RISK = (
        "at risk"  # the estimate fits, but its upper bound or an unmodelled block may not; or the clock is at risk
    )
    CLOCK_MISSED = "clock missed"  # a report says that the clock asked for is not met
    OVER = "over"  # the estimate itself exceeds the part
    UNKNOWN = "unknown"  # a resource has no reading


@dataclass(frozen=True)
class Fit:
    """`verdict` is of the whole, `resources` of the resources alone, `clock` None where it was not asked.

    `binding` is the resource with the largest share of the part; `excess` by how much each one is over.
    """

    verdict: Verdict
    resources: Verdict
    clock: Clock | None
    binding: Metric | None
    excess: Mapping[Metric, float]
    stage: Tier | None
    margin: float


def judge(readings: Iterable[Reading], device: Device, margin: float = MARGIN, clock_ns: float | None = None) -> Fit:
    """The verdict over the design's total resources on `device`, all of them readings of one stage, and its clock.

    The stage is the one of which most resources are known, and of several such one that somebody saw, else the one
    nearest the metal. There a report counts before a model. With no `clock_ns`, resources alone are judged.
    """
    found = tuple(readings)
    clock = None if clock_ns is None else judge_clock(found, clock_ns)
    resources, binding, excess, stage = _judge_resources(found, device, margin)
    return Fit(_overall(resources, clock), resources, clock, binding, excess, stage, margin)


def headlines(readings: Iterable[Reading], fit: Fit) -> dict[Metric, Reading]:
    """For each metric the one reading of the whole design that is judged: of resources at the stage of the verdict, of
    the clock the one that decides, of all else the nearest to the metal. An accuracy that is not the design's is none.
    """
    whole = [reading for reading in readings if reading.scope == TOTAL and reading.of is Subject.DESIGN]
    judged = [reading for reading in whole if reading.metric in RESOURCES and reading.stage is fit.stage]
    clock = [fit.clock.reading] if fit.clock and fit.clock.reading in whole else []
    return {reading.metric: reading for reading in (*nearest(whole), *nearest(judged), *clock) if reading}


def _overall(resources: Verdict, clock: Clock | None) -> Verdict:
    if clock is None or resources is Verdict.OVER:
        return resources
    if clock.verdict is ClockVerdict.MISSED:
        return Verdict.CLOCK_MISSED
    return Verdict.AT_RISK if resources is Verdict.FITS and clock.verdict is ClockVerdict.AT_RISK else resources


def _judge_resources(
    readings: Iterable[Reading], device: Device, margin: float
) -> tuple[Verdict, Metric | None, Mapping[Metric, float], Tier | None]:
    """Verdict, binding resource, excess and stage."""
    stages: dict[Tier, list[Reading]] = {}
    for reading in readings:
        if reading.metric in RESOURCES and reading.scope == TOTAL:
            stages.setdefault(reading.stage, []).append(reading)
    known = {stage: {one.metric: one for one in nearest(group)} for stage, group in stages.items()}
    seen = {stage: any(one.tier in BUILT for one in group.values()) for stage, group in known.items()}
    stage = max(known, key=lambda one: (len(known[one]), seen[one], list(Tier).index(one)), default=None)
    found = known[stage] if stage else {}
    if not found:
        return Verdict.UNKNOWN, None, {}, None
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
    return verdict, binding, excess, stage


def _leaves_margin(reading: Reading, usable: float) -> bool:
    return not reading.at_least and (reading.value if reading.high is None else reading.high) <= usable
