"""Numbers in words, alike in every format: amount, interval, evidence, and what stands beside it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flows.core.clock import ClockVerdict
from flows.core.evidence import DESIGN, SHELL, TOTAL, Metric, Reading, Subject, Tier, nearest
from flows.core.fit import Fit, Verdict

SHARES = (Metric.ACCURACY, Metric.AGREEMENT)
LABELS = {
    Metric.LATENCY_CYCLES: "latency",
    Metric.LATENCY_US: "",
    Metric.INTERVAL_CYCLES: "interval",
    Metric.THROUGHPUT_FPS: "throughput",
    Metric.FMAX_MHZ: "Fmax",
    Metric.POWER_W: "power",
    Metric.ACCURACY: "accuracy",
    Metric.AGREEMENT: "agreement",
}


def label(metric: Metric) -> str:
    """As a heading."""
    names = {Metric.LATENCY_US: "latency", Metric.THROUGHPUT_FPS: "images/s"}
    return names.get(metric) or LABELS.get(metric) or metric.key.upper()


def number(metric: Metric, value: float) -> str:
    if metric in SHARES:
        return f"{100 * value:.2f} %"
    if metric in (Metric.THROUGHPUT_FPS, Metric.FMAX_MHZ):
        return f"{value:,.1f}"
    if metric is Metric.POWER_W:
        return f"{value:,.3f}"
    return f"{value:,.0f}"


def amount(reading: Reading) -> str:
    unit = {Metric.LATENCY_CYCLES: " cycles", Metric.INTERVAL_CYCLES: " cycles", Metric.LATENCY_US: " us"}
    unit |= {Metric.THROUGHPUT_FPS: " images/s", Metric.FMAX_MHZ: " MHz", Metric.POWER_W: " W"}
    return f"{'>= ' if reading.at_least else ''}{number(reading.metric, reading.value)}{unit.get(reading.metric, '')}"


def interval(reading: Reading) -> str:
    if reading.low is None or reading.high is None:
        return ""
    return f"{number(reading.metric, reading.low)} .. {number(reading.metric, reading.high)}"


def evidence(reading: Reading) -> str:
    if reading.tier is Tier.MODELLED and reading.predicts:
        return f"modelled for {stage_name(reading.predicts)}, on {reading.on}"
    whose = "" if reading.of is Subject.DESIGN else f", of the {reading.of.value} and not of this arithmetic"
    return f"{reading.tier.value}{whose}, on {reading.on}"


def stage_name(tier: Tier) -> str:
    return "csynth" if tier is Tier.HLS else tier.value


def beside(readings: Sequence[Reading], shown: Reading) -> str:
    """What else is known of it: what csynth counts, or would by a model, and what a model said of a report."""
    same = [one for one in readings if (one.metric, one.scope) == (shown.metric, shown.scope)]
    told = []
    if shown.stage is not Tier.HLS and (counts := nearest(one for one in same if one.stage is Tier.HLS)):
        counted = "csynth would count" if counts[0].tier is Tier.MODELLED else "csynth counts"
        told.append(f"{counted} {amount(_alone(readings, counts[0]))}")
    if shown.tier is not Tier.MODELLED:
        models = nearest(one for one in same if one.tier is Tier.MODELLED and one.stage is shown.stage)
        told += [f"the model said {amount(one)}" for one in models]
    return "; ".join(told)


def _alone(readings: Sequence[Reading], count: Reading) -> Reading:
    """csynth's count of the design without the shell, of which csynth sees nothing: what its report has, or what a
    model's total leaves without the shell."""
    if count.scope != TOTAL:
        return count
    same = [one for one in readings if one.metric is count.metric]
    report = next((one for one in same if one.scope == DESIGN and one.tier is count.tier), None)
    shell = next((one.value for one in same if one.scope == SHELL), 0.0)
    return report or replace(count, value=count.value - shell)


def verdict(fit: Fit) -> str:
    """One sentence: the verdict, what is over and by how much, the clock where it is missed or at risk, the binding
    resource, stage and margin."""
    told = [fit.verdict.value]
    if fit.verdict is Verdict.OVER:
        over = ", ".join(f"{metric.key.upper()} by {number(metric, excess)}" for metric, excess in fit.excess.items())
        told = [f"over: {over}"]
    if fit.clock and fit.clock.warning:
        told.append(f"clock {fit.clock.verdict.value}: {fit.clock.fact}")
    if fit.verdict is Verdict.CLOCK_MISSED:
        told = [*told[1:], f"resources alone: {fit.resources.value}"]
    if fit.binding is None:
        return "; ".join(["unknown: no resource has a reading" if one == "unknown" else one for one in told])
    stage = f"judged at {stage_name(fit.stage)}" if fit.stage else ""
    terms = f"binding resource {fit.binding.key.upper()}; {stage}, {100 * fit.margin:.0f} % of each resource kept free"
    return "; ".join([*told, terms])


def clock(fit: Fit) -> str:
    """The clock asked for, its verdict, and the Fmax that was judged where there is one."""
    if fit.clock is None:
        return "not judged"
    reading = fit.clock.reading
    reached = f", {amount(reading)} by {stage_name(reading.stage)}" if reading else ""
    return f"{fit.clock.asked_mhz:.4g} MHz {fit.clock.verdict.value}{reached}"


def why(fit: Fit) -> str:
    """In a cell behind the verdict: what binds, or the clock that is reached of the one asked for."""
    clock = fit.clock
    missed = f"{clock.reading.value:.1f} of {clock.asked_mhz:.4g} MHz" if clock and clock.reading else ""
    if fit.verdict is Verdict.CLOCK_MISSED:
        return f" ({missed})"
    binding = [fit.binding.key.upper()] if fit.binding else []
    if fit.verdict is Verdict.OVER and clock and clock.verdict is ClockVerdict.MISSED:
        binding.append(f"and {missed}")
    elif fit.verdict is Verdict.AT_RISK and fit.resources is Verdict.FITS:
        binding = ["clock"]
    return f" ({', '.join(binding)})" if binding else ""
