"""What is not known of a design, in words: each could make its verdict or its rank wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flows.core.clock import ClockVerdict
from flows.core.evidence import BUILT, NO_BLOCKS, RESOURCES, Metric, Reading, Tier
from flows.core.fit import Verdict
from reports.design import Design
from reports.words import number, open_ends, stage_name

SPEED = (Metric.INTERVAL_CYCLES, Metric.LATENCY_CYCLES, Metric.THROUGHPUT_FPS, Metric.LATENCY_US)


@dataclass(frozen=True)
class Unknown:
    topic: str
    fact: str


TOPICS = (
    "no run", "stages", "evidence", "not ranked", "lineage", "proof", "warnings", "unmodelled blocks", "room",
    "intervals", "resources", "clock", "speed", "accuracy", "steps skipped", "power",
)  # fmt: skip
"""What a fact can be about; the first could most change a decision."""

POWER = Unknown("power", "it was not measured, and no model here predicts it")


def unknowns(design: Design) -> tuple[Unknown, ...]:
    """Of one design, what could most change a decision first."""
    groups = (_resources, _intervals, _speed, _accuracy, _proof)
    facts = [fact for group in groups for fact in group(design)]
    return tuple(sorted(facts, key=lambda fact: TOPICS.index(fact.topic)))


def _resources(design: Design) -> Iterator[Unknown]:
    if design.is_program:
        return
    for metric in RESOURCES:
        reading = design.totals.get(metric)
        if reading is None:
            yield Unknown("resources", f"{metric.key.upper()}: no resource model and no report covers it")
        elif reading.at_least:
            missing = ", ".join(unmodelled(design, metric)) or "which blocks is not recorded"
            yield Unknown("unmodelled blocks", f"{metric.key.upper()} is at least {reading.value:,.0f}: {missing}")
    if design.judged and not any(reading.tier in BUILT for reading in design.judged):
        tiers = " and ".join(dict.fromkeys(_kind(reading) for reading in design.judged))
        yield Unknown("resources", f"{tiers}: no logic synthesis has seen this design")


def _kind(reading: Reading) -> str:
    if reading.predicts and reading.predicts is not reading.tier:
        return f"{reading.tier.value} for {stage_name(reading.predicts)}"
    return f"reported by {stage_name(reading.tier)}"


def unmodelled(design: Design, metric: Metric) -> tuple[str, ...]:
    """The layers and blocks of which other things are known, and `metric` is not."""
    scopes = dict.fromkeys(reading.scope for reading in design.run.readings if reading.scope not in NO_BLOCKS)
    known = {reading.scope for reading in design.run.readings if reading.metric is metric and not reading.at_least}
    return tuple(scope for scope in scopes if scope not in known)


def _intervals(design: Design) -> Iterator[Unknown]:
    """What the intervals leave open, and what is modelled with none."""
    fit = design.fit
    none = [reading.metric for reading in design.judged if reading.low is None and reading.tier is Tier.MODELLED]
    if wide := [resource for resource in fit.undecided if resource.metric not in none]:
        yield Unknown("intervals", f"{open_ends(wide)}: its two ends decide differently")
    if below := [
        judged.metric for judged in fit.judged if judged.verdict is Verdict.OVER and judged.low < judged.value
    ]:
        yield Unknown("intervals", f"{_names(below)} over at the lower end, and one design in twenty lies below it")
    if none:
        yield Unknown("intervals", f"modelled with none: {_names(none)}")


def _names(metrics: Iterable[Metric]) -> str:
    return ", ".join(metric.key.upper() for metric in metrics)


def room(design: Design) -> Iterator[Unknown]:
    """What turns a verdict "fits" first: the resource whose upper end leaves least of what is usable, or takes most of
    the margin."""
    if design.fit.verdict is not Verdict.FITS:
        return
    tight = max(design.fit.judged, key=lambda judged: judged.high / judged.usable)
    of = f"{tight.usable:,.0f} usable" if tight.high <= tight.usable else f"the part's {tight.available:,.0f}"
    fact = f"least is left of {tight.metric.key.upper()}: {number(tight.metric, tight.high)} of {of}"
    beyond = " at the upper end, and one design in ten lies outside its interval"
    yield Unknown("room", fact if tight.low == tight.high else fact + beyond)


def _speed(design: Design) -> Iterator[Unknown]:
    readings = [design.totals[metric] for metric in SPEED if metric in design.totals]
    if design.is_program:
        fact = "instructions are counted or modelled, and no board has timed the program"
        yield Unknown("speed", fact if readings else "no program of these widths was counted")
    elif not readings:
        yield Unknown("speed", "neither latency nor interval has a reading")
    elif all(reading.tier is Tier.MODELLED for reading in readings):
        yield Unknown("speed", "cycles are modelled: no simulation of the RTL and no board has counted them")
    if design.fit.clock and design.fit.clock.verdict is not ClockVerdict.MET:
        yield Unknown("clock", design.fit.clock.fact)


def _accuracy(design: Design) -> Iterator[Unknown]:
    if design.accuracy is None:
        yield Unknown("accuracy", "of this arithmetic it is unknown; any that is shown says whose it is")
    elif design.accuracy.tier is Tier.RECORDED:
        yield Unknown("accuracy", "recorded in a model card for this very arithmetic, not computed in this run")


def _proof(design: Design) -> Iterator[Unknown]:
    run = design.run
    if run.refuted:
        yield Unknown("proof", f"shown not to compute the trained network: {'; '.join(run.refuted)}")
    elif not design.proven:
        why = f"{run.verification.against} did not run" if run.verification else "the flow has nothing to run"
        yield Unknown("proof", f"not shown to compute the trained network: {why}")
    for step in run.steps:
        if step.state == "skipped" and not step.cause:
            yield Unknown("steps skipped", f"{step.name}: {step.reason}")
    for warning in run.warnings:
        if not (design.fit.clock and warning == design.fit.clock.warning):  # the topic "clock" has it
            yield Unknown("warnings", warning)
