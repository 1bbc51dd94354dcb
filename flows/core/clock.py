"""Does a design meet its clock? A claim of its own, with evidence of its own, beside the fit of its resources.

A report is believed in the order of its stage: a board, routing, logic synthesis, csynth. csynth's period is an
estimate made before logic synthesis; it is a report all the same, and where it is longer than the period asked for the
clock is missed. Where there is no report, what other builds of the flow have met says whether the claim is credible.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from math import inf

from flows.core.errors import RefusedError
from flows.core.evidence import SEEN, TOTAL, Metric, Reading, Tier
from flows.core.part import Target, clock_limits

ASKED = "at the clock asked for, met or not"
"""What the source of a rate or a time says where cycles were taken at the clock asked for."""
STAGES = {
    Tier.MEASURED: "a board",
    Tier.ROUTED: "routing",
    Tier.SYNTHESISED: "logic synthesis",
    Tier.HLS: "csynth's estimate",
}
"""Whose report of the clock counts, the most trusted first."""
TOLERANCE_NS = 0.0005
"""Timing reports round a period and its slack to three decimals."""
TIMED = (Metric.THROUGHPUT_FPS, Metric.LATENCY_US)


class ClockVerdict(Enum):
    """A clock beyond the part is none of these: it is refused (`check_clock`)."""

    MET = "met"  # by a report of logic synthesis or later
    CREDIBLE = "credible"  # csynth meets it, or other builds of the flow have met it; no later report
    AT_RISK = "at risk"  # beyond what builds of the flow have met, or csynth meets it without the spare it was told
    MISSED = "missed"  # by the report of the most trusted stage
    UNKNOWN = "unknown"  # no report, and nothing is known of other builds of the flow


@dataclass(frozen=True)
class Clock:
    """`reading` is the Fmax that was judged, None where there is none; `fact` says it in one sentence."""

    verdict: ClockVerdict
    asked_mhz: float
    reading: Reading | None
    fact: str

    @property
    def warning(self) -> str:
        """What a run warns of; empty where there is nothing."""
        loud = self.verdict in (ClockVerdict.AT_RISK, ClockVerdict.MISSED)
        return f"the clock is {self.verdict.value}: {self.fact}" if loud else ""


def seen(mhz: float, tier: Tier, on: str, source: str) -> Reading:
    """The fastest clock that a build of a flow is known to have met: what a backend states as its `SEEN_CLOCK`."""
    return Reading(Metric.FMAX_MHZ, mhz, tier, on, source, SEEN)


def check_clock(target: Target) -> None:
    """Raises `RefusedError` where no design can run at the clock asked for: a block of the part is not that fast."""
    asked = 1000 / target.clock_ns
    lowest = min(clock_limits(target.part), key=lambda one: one.mhz)
    if asked > lowest.mhz * (1 + 1e-9):
        fact = (
            f"{asked:,.6g} MHz is beyond {target.part.full_name}: its {lowest.block} is limited to {lowest.mhz:g} MHz "
            f"({lowest.source})"
        )
        slowest = -(-1e6 // lowest.mhz) / 1000  # up to three decimals, so that it is within the limit
        raise RefusedError(f"--clock {target.clock_ns:g}", fact, f"ask for {slowest:g} ns or more")


def judge_clock(readings: Iterable[Reading], clock_ns: float) -> Clock:
    """The verdict on a period of `clock_ns`. Of several reports of one stage the slowest counts."""
    found = [one for one in readings if one.metric is Metric.FMAX_MHZ]
    reports = [_slowest(one for one in found if one.scope == TOTAL and one.tier is tier) for tier in STAGES]
    known = [one for one in reports if one is not None]
    other = max((one for one in found if one.scope == SEEN), key=lambda one: one.value, default=None)
    asked = 1000 / clock_ns
    if not known:
        model = _slowest(one for one in found if one.scope == TOTAL and one.tier is Tier.MODELLED)
        if model and not _meets(model.value, clock_ns):
            fact = f"a model reaches {_mhz(model.value)} of the {_mhz(asked)} asked for, and no timing report is there"
            return Clock(ClockVerdict.AT_RISK, asked, model, fact)
        verdict, fact = _by_other_builds(other, clock_ns)
        return Clock(verdict, asked, model, fact)
    first = known[0]
    if not _meets(first.value, clock_ns):
        verdict, fact = ClockVerdict.MISSED, f"{_reaches(first)} of the {_mhz(asked)} asked for"
    elif first.tier is not Tier.HLS:
        verdict, fact = ClockVerdict.MET, f"{_reaches(first)}, {_mhz(asked)} is asked for"
    else:
        verdict, fact = _by_csynth(first, other, clock_ns)
    for one in known[1:]:
        if _meets(one.value, clock_ns) != _meets(first.value, clock_ns):
            says = "meets" if _meets(one.value, clock_ns) else "misses"
            fact += f"; {STAGES[one.tier]} {says} it, with {_mhz(one.value)}, and counts less"
    return Clock(verdict, asked, first, fact)


def _slowest(readings: Iterable[Reading]) -> Reading | None:
    return min(readings, key=lambda one: one.value, default=None)


def _meets(mhz: float, clock_ns: float) -> bool:
    return (1000 / mhz if mhz > 0 else inf) <= clock_ns + TOLERANCE_NS


def _mhz(value: float) -> str:
    return f"{value:,.1f} MHz".replace(".0 MHz", " MHz")


def _reaches(reading: Reading) -> str:
    return f"{STAGES[reading.tier]} reaches {_mhz(reading.value)}"


def _by_csynth(report: Reading, other: Reading | None, clock_ns: float) -> tuple[ClockVerdict, str]:
    fact = f"{_reaches(report)}, {_mhz(1000 / clock_ns)} is asked for"
    if report.low is not None and not _meets(report.low, clock_ns):
        spare = "with the clock uncertainty that it was told to keep free"
        return ClockVerdict.AT_RISK, f"{fact}, but only {_mhz(report.low)} {spare}"
    if other and not _meets(other.value, clock_ns):
        return ClockVerdict.AT_RISK, f"{fact}; {_fastest(other)}"
    return ClockVerdict.CREDIBLE, f"{fact}; no report of logic synthesis or routing says that it is met"


def _by_other_builds(other: Reading | None, clock_ns: float) -> tuple[ClockVerdict, str]:
    fact = f"{_mhz(1000 / clock_ns)} is asked for; no timing report says that it is met"
    if other is None:
        return ClockVerdict.UNKNOWN, fact
    verdict = ClockVerdict.CREDIBLE if _meets(other.value, clock_ns) else ClockVerdict.AT_RISK
    return verdict, f"{fact}; {_fastest(other)}"


def _fastest(other: Reading) -> str:
    return f"the fastest that is known to be met with this flow is {_mhz(other.value)} ({other.source})"


def at_reported_fmax(readings: Iterable[Reading], clock_ns: float) -> tuple[Reading, ...]:
    """`readings`, with rates and times of the whole design at the Fmax of the report where that misses the clock.

    Cycles stay as they are, and so does what a board measured.
    """
    found = tuple(readings)
    clock = judge_clock(found, clock_ns)
    if clock.verdict is not ClockVerdict.MISSED or clock.reading is None or clock.reading.value <= 0:
        return found
    return tuple(_slowed(one, clock.reading.value, clock_ns) if _is_timed(one) else one for one in found)


def _is_timed(reading: Reading) -> bool:
    return reading.metric in TIMED and reading.scope == TOTAL and reading.tier is not Tier.MEASURED


def _slowed(reading: Reading, fmax: float, clock_ns: float) -> Reading:
    slower = 1000 / fmax / clock_ns
    factor = 1 / slower if reading.metric is Metric.THROUGHPUT_FPS else slower
    said = reading.source.removesuffix(ASKED).removesuffix("; ")
    return replace(
        reading,
        value=reading.value * factor,
        low=None if reading.low is None else reading.low * factor,
        high=None if reading.high is None else reading.high * factor,
        on=reading.on.replace(f"{clock_ns:g} ns clock", f"{1000 / fmax:.4g} ns clock"),
        source=f"{said}; at the reported Fmax of {_mhz(fmax)}, not the {_mhz(1000 / clock_ns)} asked for",
    )
