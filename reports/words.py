"""Numbers in words, alike in every format: amount, interval, evidence, and what stands beside it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf

from flows.core.clock import ClockVerdict
from flows.core.evidence import DESIGN, SHELL, SOFTWARE, TOTAL, Metric, Reading, Subject, Tier, nearest
from flows.core.fit import Fit, Judged, Verdict
from flows.core.part import boards

RATES = (Metric.THROUGHPUT_FPS, Metric.SYSTEM_FPS, Metric.SINGLE_FPS)
"""Images a second: of the core, of the system at many images a call, and at one."""
SHARES = (Metric.ACCURACY, Metric.AGREEMENT)
LABELS = {
    Metric.LATENCY_CYCLES: "latency",
    Metric.LATENCY_US: "",
    Metric.INTERVAL_CYCLES: "interval",
    Metric.THROUGHPUT_FPS: "throughput",
    Metric.SYSTEM_FPS: "system",
    Metric.SINGLE_FPS: "system, 1 a call",
    Metric.FMAX_MHZ: "Fmax",
    Metric.POWER_W: "power",
    Metric.ACCURACY: "accuracy",
    Metric.AGREEMENT: "agreement",
    Metric.INSTRUCTIONS: "instructions",
    Metric.CODE_BYTES: "code",
    Metric.CONSTANT_BYTES: "constants",
    Metric.ACTIVATION_BYTES: "tensors",
}
NONE_TAKEN = "–"
"""For what a design cannot take: LUTs of a program, instructions of logic. It is neither 0 nor unknown."""


def carriers(part: str) -> str:
    """The boards that carry a part, by its full name; empty where none is known."""
    return ", ".join(board.title for board in boards().values() if board.part == part)


def label(metric: Metric) -> str:
    """As a heading."""
    names = {Metric.LATENCY_US: "latency", Metric.THROUGHPUT_FPS: "images/s", Metric.SYSTEM_FPS: "system images/s"}
    return names.get(metric) or LABELS.get(metric) or metric.key.upper()


def number(metric: Metric, value: float) -> str:
    """`value` in the unit of `metric`, without the unit; shares in %."""
    if metric in SHARES:
        return f"{100 * value:.2f} %"
    if metric in (*RATES, Metric.FMAX_MHZ):
        return f"{value:,.1f}"
    if metric is Metric.POWER_W:
        return f"{value:,.3f}"
    return f"{value:,.0f}"


def amount(reading: Reading) -> str:
    unit = {Metric.LATENCY_CYCLES: " cycles", Metric.INTERVAL_CYCLES: " cycles", Metric.LATENCY_US: " us"}
    unit |= {Metric.FMAX_MHZ: " MHz", Metric.POWER_W: " W"} | dict.fromkeys(RATES, " images/s")
    unit |= dict.fromkeys(SOFTWARE[1:], " bytes")
    return f"{'>= ' if reading.at_least else ''}{number(reading.metric, reading.value)}{unit.get(reading.metric, '')}"


def images(reading: Reading) -> str:
    """How many images a number is of: those behind a share, or those of a call."""
    if not reading.n:
        return ""
    return f"n = {reading.n:,}" if reading.metric in SHARES else f"{reading.n:,} a call"


def interval(reading: Reading) -> str:
    if reading.low is None or reading.high is None:
        return ""
    return f"{number(reading.metric, reading.low)} .. {number(reading.metric, reading.high)}"


def evidence(reading: Reading) -> str:
    if reading.tier is Tier.MODELLED and reading.predicts:
        stage = "a board" if reading.predicts is Tier.MEASURED else stage_name(reading.predicts)
        return f"modelled for {stage}, on {reading.on}"
    whose = "" if reading.of is Subject.DESIGN else f", of the {reading.of.value} and not of this arithmetic"
    return f"{stage_name(reading.tier)}{whose}, on {reading.on}"


def stage_name(tier: Tier) -> str:
    return "csynth" if tier is Tier.HLS else tier.value


def beside(readings: Sequence[Reading], shown: Reading) -> str:
    """What else is known of it: what csynth counts, or would by a model, what a report says of the design without its
    shell, and what a model said of a report."""
    same = [reading for reading in readings if (reading.metric, reading.scope) == (shown.metric, shown.scope)]
    alone = [
        reading for reading in readings if (reading.metric, reading.scope, shown.scope) == (shown.metric, DESIGN, TOTAL)
    ]
    texts = []
    counts = nearest(reading for reading in alone if reading.stage is Tier.HLS) or nearest(
        reading for reading in same if reading.stage is Tier.HLS
    )
    if shown.stage is not Tier.HLS and counts:
        counted = "csynth would count" if counts[0].tier is Tier.MODELLED else "csynth counts"
        texts.append(f"{counted} {amount(_alone(readings, counts[0]))}")
    if reported := [reading for reading in alone if reading.tier is shown.tier and reading.value != shown.value]:
        texts.append(f"its report says {amount(reported[0])}, without the shell")
    if shown.tier is not Tier.MODELLED:
        models = nearest(reading for reading in same if reading.tier is Tier.MODELLED and reading.stage is shown.stage)
        texts += [f"the model said {amount(model)}" for model in models]
    return "; ".join(texts)


def _alone(readings: Sequence[Reading], count: Reading) -> Reading:
    """csynth's count without the shell, of which csynth sees nothing: a report has none, a model's total loses it."""
    if count.scope != TOTAL:
        return count
    shell = next(
        (reading.value for reading in readings if (reading.metric, reading.scope) == (count.metric, SHELL)), 0.0
    )
    return replace(count, value=count.value - shell)


def verdict(fit: Fit) -> str:
    """One sentence: the verdict, what is over and by how much, what would settle an open one, the clock where it is
    missed or at risk, the binding resource, stage and margins."""
    clauses = [fit.verdict.value]
    if fit.verdict is Verdict.PROCESSOR:
        return "processor: a program on the ARM cores, which takes nothing of the fabric"
    if fit.verdict is Verdict.OVER:
        clauses = [f"over: {over(fit)}"]
    elif fit.verdict is Verdict.UNDECIDED:
        clauses = [f"undecided: {undecided(fit)}"]
    if fit.clock and fit.clock.warning:
        clauses.append(f"clock {fit.clock.verdict.value}: {fit.clock.fact}")
    if fit.verdict is Verdict.CLOCK_MISSED:
        alone = fit.resources.value + (f" ({undecided(fit)})" if fit.resources is Verdict.UNDECIDED else "")
        clauses = [*clauses[1:], f"resources alone: {alone}"]
    if fit.binding is None:
        return "; ".join(
            ["unknown: no resource has a reading" if clause == "unknown" else clause for clause in clauses]
        )
    stage = f"judged at {stage_name(fit.stage)}" if fit.stage else ""
    terms = f"binding resource {fit.binding.key.upper()}; {stage}, {fit.margins}"
    return "; ".join([*clauses, terms])


def over(fit: Fit) -> str:
    """What exceeds the part: by how much, and by how much at the least where that is an interval's lower end."""
    exceeded = [resource for resource in fit.judged if resource.verdict is Verdict.OVER]
    return ", ".join(
        f"{_amount_over(resource, resource.value)}"
        + (
            f" ({_count(resource, resource.low - resource.available)} at the lower end)"
            if resource.low < resource.value
            else ""
        )
        for resource in exceeded
    )


def _amount_over(resource: Judged, value: float) -> str:
    return f"{resource.metric.key.upper()} by {_count(resource, value - resource.available)}"


def undecided(fit: Fit) -> str:
    """The intervals that hold the part's limit, and what would settle it."""
    return f"{open_ends(fit.undecided)}; {SETTLED}"


def open_ends(judged: Iterable[Judged]) -> str:
    """The intervals of resources that are undecided, against the part."""
    clauses = []
    for resource in judged:
        of = f"of {_count(resource, resource.available)} ({_count(resource, resource.usable)} with the margin free)"
        if (resource.low, resource.high) == (0.0, inf):
            clauses.append(f"{resource.metric.key.upper()} is modelled with no interval, {of}")
        elif resource.high == inf:
            clauses.append(f"{resource.metric.key.upper()} takes at least {_count(resource, resource.low)} {of}")
        else:
            span = f"{_count(resource, resource.low)} to {_count(resource, resource.high)}"
            clauses.append(f"{resource.metric.key.upper()} takes {span} {of}")
    return ", ".join(clauses)


SETTLED = "a utilization report of logic synthesis or routing would settle it"


def _count(resource: Judged, value: float) -> str:
    return number(resource.metric, value)


def clock(fit: Fit) -> str:
    """The clock asked for, its verdict, and the Fmax that was judged where there is one."""
    if fit.clock is None:
        return "the processor's" if fit.verdict is Verdict.PROCESSOR else "not judged"
    reading = fit.clock.reading
    by = "a model" if reading and reading.tier is Tier.MODELLED else reading and stage_name(reading.stage)
    reached = f", {amount(reading)} by {by}" if reading else ""
    return f"{fit.clock.asked_mhz:.4g} MHz {fit.clock.verdict.value}{reached}"


def why(fit: Fit) -> str:
    """In a cell behind the verdict: what binds or is open, or the clock that is reached of the one asked for."""
    clock = fit.clock
    missed = f"{clock.reading.value:.1f} of {clock.asked_mhz:.4g} MHz" if clock and clock.reading else ""
    if fit.verdict is Verdict.CLOCK_MISSED:
        return f" ({missed})"
    binding = [fit.binding.key.upper()] if fit.binding else []
    if fit.verdict is Verdict.UNDECIDED:
        binding = [resource.metric.key.upper() for resource in fit.undecided]
    if fit.verdict is Verdict.OVER and clock and clock.verdict is ClockVerdict.MISSED:
        binding.append(f"and {missed}")
    elif fit.verdict is Verdict.AT_RISK and fit.resources is Verdict.FITS:
        binding = ["clock"]
    return f" ({', '.join(binding)})" if binding else ""
