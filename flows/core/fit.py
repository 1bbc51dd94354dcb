"""Does it fit, at its clock? Resources are judged on one stated stage, against the part less a margin; the clock beside
them. Not fitting is a result, not an error.

Four words, and the same ones everywhere. A design *fits* where its numbers leave the margins free and even the upper
ends of their intervals are within the part. It is *at risk* where the upper ends are, but a number takes some of a
margin: whether that much can be placed and routed, only the build can tell. It is *undecided* where the part ends
inside an interval: a number nearer the metal would tell. It is *over* where a report, or even the lower end of an
interval, exceeds the part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import inf

from flows.core.clock import Clock, ClockVerdict, judge_clock
from flows.core.evidence import BUILT, RESOURCES, TOTAL, Metric, Reading, Subject, Tier, nearest, on_processor
from flows.core.margins import MARGINS, Margins
from flows.core.part import Device


class Verdict(Enum):
    FITS = "fits"  # the numbers leave the margins free, and no upper end exceeds the part
    AT_RISK = "at risk"  # a number takes some of a margin, and no upper end exceeds the part; or the clock is at risk
    UNDECIDED = "undecided"  # the part ends inside an interval
    CLOCK_MISSED = "clock missed"  # a report says that the clock asked for is not met
    OVER = "over"  # a report exceeds the part, or the lower end of an interval does
    UNKNOWN = "unknown"  # a resource has no reading
    PROCESSOR = "processor"  # it is a program: it takes nothing of the fabric, and fits where its memory does


@dataclass(frozen=True)
class Judged:
    """One resource: its 90 % interval (`high` is infinite where something is missing from it) against the part."""

    metric: Metric
    value: float
    low: float
    high: float
    available: float
    usable: float

    @property
    def verdict(self) -> Verdict:
        if self.low > self.available:
            return Verdict.OVER
        if self.high > self.available:
            return Verdict.UNDECIDED
        return Verdict.FITS if self.value <= self.usable else Verdict.AT_RISK


@dataclass(frozen=True)
class Fit:
    """`verdict` is of the whole, `resources` of the resources alone, `clock` None where it was not asked.

    `judged` are the resources that are known. `binding` is the one of the worst verdict, of several the one of which
    most of what is usable is taken.
    """

    verdict: Verdict
    resources: Verdict
    clock: Clock | None
    binding: Metric | None
    judged: tuple[Judged, ...]
    stage: Tier | None
    margins: Margins

    @property
    def excess(self) -> Mapping[Metric, float]:
        """By how much each resource that is over exceeds the part."""
        return {
            resource.metric: resource.value - resource.available
            for resource in self.judged
            if resource.verdict is Verdict.OVER
        }

    @property
    def undecided(self) -> tuple[Judged, ...]:
        return tuple(resource for resource in self.judged if resource.verdict is Verdict.UNDECIDED)


def judge(
    readings: Iterable[Reading], device: Device, margins: Margins = MARGINS, clock_ns: float | None = None
) -> Fit:
    """The verdict over the design's total resources on `device`, all of them readings of one stage, and its clock.

    The stage is the one at which most resources are known; of several, one with a report on what was built, else the
    one nearest the metal. At that stage a report counts before a model. With no `clock_ns`, resources alone are judged.
    """
    known = tuple(readings)
    if on_processor(known):
        return Fit(Verdict.PROCESSOR, Verdict.PROCESSOR, None, None, (), None, margins)
    clock = None if clock_ns is None else judge_clock(known, clock_ns)
    stage, totals = _judged_stage(known)
    judged = tuple(_judge_resource(totals[metric], device, margins) for metric in RESOURCES if metric in totals)
    resources = _of_all(judged)
    binding = max(judged, key=_tightness, default=None)
    return Fit(
        _overall(resources, clock), resources, clock, binding.metric if binding else None, judged, stage, margins
    )


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


def _tightness(resource: Judged) -> tuple[int, float]:
    return list(Verdict).index(resource.verdict), resource.value / resource.usable if resource.usable else inf


def _of_all(judged: tuple[Judged, ...]) -> Verdict:
    """The worst of the resources; unknown where one of them is and none is over."""
    verdicts = {resource.verdict for resource in judged}
    if Verdict.OVER in verdicts:
        return Verdict.OVER
    if len(judged) < len(RESOURCES):
        return Verdict.UNKNOWN
    return next(verdict for verdict in (Verdict.UNDECIDED, Verdict.AT_RISK, Verdict.FITS) if verdict in verdicts)


def _judged_stage(readings: Iterable[Reading]) -> tuple[Tier | None, Mapping[Metric, Reading]]:
    """The stage that is judged, and its reading of each resource of the whole design."""
    stages: dict[Tier, list[Reading]] = {}
    for reading in readings:
        if reading.metric in RESOURCES and reading.scope == TOTAL:
            stages.setdefault(reading.stage, []).append(reading)
    known = {stage: {reading.metric: reading for reading in nearest(group)} for stage, group in stages.items()}
    seen = {stage: any(reading.tier in BUILT for reading in group.values()) for stage, group in known.items()}
    stage = max(known, key=lambda tier: (len(known[tier]), seen[tier], list(Tier).index(tier)), default=None)
    return stage, known[stage] if stage else {}


def _judge_resource(reading: Reading, device: Device, margins: Margins) -> Judged:
    """A report has no error; the error of a model without an interval is unknown."""
    available, value = device.available(reading.metric), reading.value
    if reading.low is not None and reading.high is not None:
        low, high = reading.low, reading.high
    else:
        low, high = (0.0, inf) if reading.tier is Tier.MODELLED else (value, value)
    high = inf if reading.at_least else high
    return Judged(reading.metric, value, low, high, available, available * (1 - margins.of(reading.metric)))
