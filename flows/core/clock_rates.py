"""Rates and times of a design at the clock that can be vouched for, with those at the clock asked for beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flows.core.clock import ClockVerdict, judge_clock, meets, mhz_text
from flows.core.evidence import AT_ASKED_CLOCK, MET_OR_NOT, TOTAL, Metric, Reading, Tier

TIMED = (Metric.THROUGHPUT_FPS, Metric.LATENCY_US)


def at_credible_clock(readings: Iterable[Reading], clock_ns: float) -> tuple[Reading, ...]:
    """`readings`, with rates and times of the whole design at the Fmax of the report where that misses the clock, and
    at the highest credible clock where the one asked for is at risk; those at the clock asked for follow, in a scope of
    their own.

    Cycles stay as they are, and so does what a board measured.
    """
    own = tuple(readings)
    clock = judge_clock(own, clock_ns)
    is_slower = clock.verdict in (ClockVerdict.MISSED, ClockVerdict.AT_RISK)
    if not is_slower or not clock.credible_mhz or meets(clock.credible_mhz, clock_ns):
        return own
    why = "the reported Fmax of" if clock.verdict is ClockVerdict.MISSED else "the highest credible clock,"
    slowed = (_slowed(reading, clock.credible_mhz, clock_ns, why) if _is_timed(reading) else reading for reading in own)
    return (*slowed, *(replace(reading, scope=AT_ASKED_CLOCK) for reading in own if _is_timed(reading)))


def _is_timed(reading: Reading) -> bool:
    return reading.metric in TIMED and reading.scope == TOTAL and reading.tier is not Tier.MEASURED


def _slowed(reading: Reading, mhz: float, clock_ns: float, why: str) -> Reading:
    slower = 1000 / mhz / clock_ns
    factor = 1 / slower if reading.metric is Metric.THROUGHPUT_FPS else slower
    said = reading.source.removesuffix(MET_OR_NOT).removesuffix("; ")
    return replace(
        reading,
        value=reading.value * factor,
        low=None if reading.low is None else reading.low * factor,
        high=None if reading.high is None else reading.high * factor,
        on=reading.on.replace(f"{clock_ns:g} ns clock", f"{1000 / mhz:.4g} ns clock"),
        source=f"{said}; at {why} {mhz_text(mhz)}, not the {mhz_text(1000 / clock_ns)} asked for",
    )
