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
"""Of what a design cannot take: LUTs of a program, instructions of logic. It is not 0, and nothing is unknown of it."""


def carriers(part: str) -> str:
    """The boards that carry a part, by its full name; empty where none is known."""
    return ", ".join(board.title for board in boards().values() if board.part == part)


def label(metric: Metric) -> str:
    """As a heading."""
    names = {Metric.LATENCY_US: "latency", Metric.THROUGHPUT_FPS: "images/s", Metric.SYSTEM_FPS: "system images/s"}
    return names.get(metric) or LABELS.get(metric) or metric.key.upper()


def number(metric: Metric, value: float) -> str:
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
    told = []
    counts = nearest(one for one in alone if one.stage is Tier.HLS) or nearest(
        one for one in same if one.stage is Tier.HLS
    )
    if shown.stage is not Tier.HLS and counts:
        counted = "csynth would count" if counts[0].tier is Tier.MODELLED else "csynth counts"
        told.append(f"{counted} {amount(_alone(readings, counts[0]))}")
    if reported := [one for one in alone if one.tier is shown.tier and one.value != shown.value]:
        told.append(f"its report says {amount(reported[0])}, without the shell")
    if shown.tier is not Tier.MODELLED:
        models = nearest(one for one in same if one.tier is Tier.MODELLED and one.stage is shown.stage)
        told += [f"the model said {amount(model)}" for model in models]
    return "; ".join(told)


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
    told = [fit.verdict.value]
    if fit.verdict is Verdict.PROCESSOR:
        return "processor: a program on the ARM cores, which takes nothing of the fabric"
    if fit.verdict is Verdict.OVER:
        told = [f"over: {over(fit)}"]
    elif fit.verdict is Verdict.UNDECIDED:
        told = [f"undecided: {undecided(fit)}"]
    if fit.clock and fit.clock.warning:
        told.append(f"clock {fit.clock.verdict.value}: {fit.clock.fact}")
    if fit.verdict is Verdict.CLOCK_MISSED:
        alone = fit.resources.value + (f" ({undecided(fit)})" if fit.resources is Verdict.UNDECIDED else "")
        told = [*told[1:], f"resources alone: {alone}"]
    if fit.binding is None:
        return "; ".join(["unknown: no resource has a reading" if one == "unknown" else one for one in told])
    stage = f"judged at {stage_name(fit.stage)}" if fit.stage else ""
    terms = f"binding resource {fit.binding.key.upper()}; {stage}, {fit.margins}"
    return "; ".join([*told, terms])


def over(fit: Fit) -> str:
    """What exceeds the part: by how much, and by how much at the least where that is an interval's lower end."""
    found = [one for one in fit.judged if one.verdict is Verdict.OVER]
    return ", ".join(
        f"{_amount_over(one, one.value)}"
        + (f" ({_count(one, one.low - one.available)} at the lower end)" if one.low < one.value else "")
        for one in found
    )


def _amount_over(one: Judged, value: float) -> str:
    return f"{one.metric.key.upper()} by {_count(one, value - one.available)}"


def undecided(fit: Fit) -> str:
    """Inside which intervals the part ends, and what would settle it."""
    return f"{open_ends(fit.undecided)}; {SETTLED}"


def open_ends(judged: Iterable[Judged]) -> str:
    """The intervals of resources that are undecided, against the part."""
    told = []
    for one in judged:
        of = f"of {_count(one, one.available)} ({_count(one, one.usable)} with the margin free)"
        if (one.low, one.high) == (0.0, inf):
            told.append(f"{one.metric.key.upper()} is modelled with no interval, {of}")
        elif one.high == inf:
            told.append(f"{one.metric.key.upper()} takes at least {_count(one, one.low)} {of}")
        else:
            told.append(f"{one.metric.key.upper()} takes {_count(one, one.low)} to {_count(one, one.high)} {of}")
    return ", ".join(told)


SETTLED = "a utilization report of logic synthesis or routing would settle it"


def _count(one: Judged, value: float) -> str:
    return number(one.metric, value)


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
        binding = [one.metric.key.upper() for one in fit.undecided]
    if fit.verdict is Verdict.OVER and clock and clock.verdict is ClockVerdict.MISSED:
        binding.append(f"and {missed}")
    elif fit.verdict is Verdict.AT_RISK and fit.resources is Verdict.FITS:
        binding = ["clock"]
    return f" ({', '.join(binding)})" if binding else ""
