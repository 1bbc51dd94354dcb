"""Does a design meet its clock? The verdict is separate from the fit of its resources, and has its own evidence.

A report is believed in the order of its stage: a board, routing, logic synthesis, csynth. csynth's period is an
estimate made before logic synthesis; it is a report all the same, and where it is longer than the period asked for the
clock is missed. Where there is no report, what other builds of the flow have met says whether the claim is credible,
and a model of the slowest path that is known of the design, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import ceil, inf

from flows.core.errors import RefusedError, UsageError
from flows.core.evidence import SEEN, TOTAL, Metric, Reading, Tier
from flows.core.part import Part, Target, clock_limits, delay, find_part, is_as_fast

STAGES = {
    Tier.MEASURED: "a board",
    Tier.ROUTED: "routing",
    Tier.SYNTHESISED: "logic synthesis",
    Tier.HLS: "csynth's estimate",
}
"""Whose report of the clock counts, the most trusted first."""
TOLERANCE_NS = 0.0005
"""Timing reports round a period and its slack to three decimals."""


class ClockVerdict(Enum):
    """A clock beyond the part is none of these: it is refused (`check_clock`)."""

    MET = "met"  # by a report of logic synthesis or later
    CREDIBLE = "credible"  # csynth meets it, or other builds of the flow have met it; no later report
    AT_RISK = (
        "at risk"  # beyond what builds of the flow have met or a model bears, or what csynth was to keep free is used
    )
    MISSED = "missed"  # by the report of the most trusted stage
    UNKNOWN = "unknown"  # no report, and nothing is known of other builds of the flow


@dataclass(frozen=True)
class Clock:
    """`reading` is the Fmax that was judged, None where there is none; `fact` says it in one sentence.

    `credible_mhz` is the clock at which rates are given: the one asked for where that is met or credible, the report's
    Fmax where it is missed, the highest credible clock where it is at risk. None where nothing is known.
    """

    verdict: ClockVerdict
    asked_mhz: float
    reading: Reading | None
    fact: str
    credible_mhz: float | None = None

    @property
    def warning(self) -> str:
        """The warning of a run; empty where there is none."""
        loud = self.verdict in (ClockVerdict.AT_RISK, ClockVerdict.MISSED)
        return f"the clock is {self.verdict.value}: {self.fact}" if loud else ""


def seen(mhz: float, tier: Tier, on: str, source: str) -> Reading:
    """The fastest clock that a build of a flow is known to have met: one of a backend's `seen_clocks`. `on` is the
    full part (xc7z020clg400-1)."""
    return Reading(Metric.FMAX_MHZ, mhz, tier, on, source, SEEN)


def seen_on(part: Part, known: Sequence[Reading]) -> Reading | None:
    """What clocks that builds have met say of `part`: that of its device, else of the next larger device that was
    built on, else of the largest, since wires are longer on a larger one. Faster where the grade is, None where the
    grade is slower or nothing is `known`.

    A reading that names no part is taken as it is.
    """
    met = [(on, reading) for reading in known if (on := _part(reading.on))]
    if not met:
        return known[0] if known else None
    size = part.device.lut
    other, nearest = min(met, key=lambda row: (row[0].device.lut < size, abs(row[0].device.lut - size)))
    if not is_as_fast(part, other):
        return None
    there, here = delay(other), delay(part)
    if here.factor == there.factor:
        return nearest
    grades = f"grade {part.speed_grade} takes at most {here.factor / there.factor:g} of the time of {other.speed_grade}"
    source = f"{nearest.source}; {mhz_text(nearest.value)} on {other.full_name}, and {grades} ({here.source})"
    return replace(nearest, value=nearest.value * there.factor / here.factor, on=part.full_name, source=source)


def with_seen(readings: Iterable[Reading], part: Part, known: Sequence[Reading]) -> tuple[Reading, ...]:
    """`readings` of a design on `part`, and what `seen_on` says of it, so that `judge_clock` sees both."""
    seen_here = seen_on(part, known)
    return (*readings, *([seen_here] if seen_here else []))


def _part(name: str) -> Part | None:
    try:
        return find_part(name)
    except UsageError:
        return None


def fastest_credible(part: Part, known: Sequence[Reading], usual_ns: float) -> float:
    """The period in ns of the fastest clock that builds of a flow are known to have met, on `part`; `known` is what its
    backend states as `seen_clocks`. Where none is known of this part it is `usual_ns`."""
    met = seen_on(part, known)
    if met is None:
        return usual_ns
    mhz = min(met.value, *(clock_limit.mhz for clock_limit in clock_limits(part)))
    return ceil(1e6 / mhz - 1e-6) / 1000  # three decimals, and no faster


def check_clock(target: Target) -> None:
    """Raises `RefusedError` where no design can run at the clock asked for: a block of the part is not that fast."""
    asked = 1000 / target.clock_ns
    lowest = min(clock_limits(target.part), key=lambda limit: limit.mhz)
    if asked > lowest.mhz * (1 + 1e-9):
        fact = (
            f"{asked:,.6g} MHz is beyond {target.part.full_name}: its {lowest.block} is limited to {lowest.mhz:g} MHz "
            f"({lowest.source})"
        )
        slowest = -(-1e6 // lowest.mhz) / 1000  # up to three decimals, so that it is within the limit
        raise RefusedError(f"--clock {target.clock_ns:g}", fact, f"ask for {slowest:g} ns or more")


def judge_clock(readings: Iterable[Reading], clock_ns: float) -> Clock:
    """The verdict on a period of `clock_ns`. Of several reports of one stage the slowest counts."""
    fmaxes = [reading for reading in readings if reading.metric is Metric.FMAX_MHZ]
    reports = [_slowest(fmax for fmax in fmaxes if fmax.scope == TOTAL and fmax.tier is tier) for tier in STAGES]
    known = [report for report in reports if report is not None]
    other = max((fmax for fmax in fmaxes if fmax.scope == SEEN), key=lambda fmax: fmax.value, default=None)
    model = _slowest(fmax for fmax in fmaxes if fmax.scope == TOTAL and fmax.tier is Tier.MODELLED)
    asked = 1000 / clock_ns
    if not known:
        verdict, fact = _by_other_builds(other, model, clock_ns)
        return Clock(verdict, asked, model, fact, _credible(verdict, clock_ns, other, model))
    first = known[0]
    if not meets(first.value, clock_ns):
        verdict, fact = ClockVerdict.MISSED, f"{_reaches(first)} of the {mhz_text(asked)} asked for"
    elif first.tier is not Tier.HLS:
        verdict, fact = ClockVerdict.MET, f"{_reaches(first)}, {mhz_text(asked)} is asked for"
    else:
        verdict, fact = _by_csynth(first, other, model, clock_ns)
    for fmax in known[1:]:
        if meets(fmax.value, clock_ns) != meets(first.value, clock_ns):
            says = "meets" if meets(fmax.value, clock_ns) else "misses"
            fact += f"; {STAGES[fmax.tier]} {says} it, with {mhz_text(fmax.value)}, and counts less"
    likely = first.value if verdict is ClockVerdict.MISSED else _credible(verdict, clock_ns, other, model, first)
    return Clock(verdict, asked, first, fact, likely)


def _credible(verdict: ClockVerdict, clock_ns: float, *known: Reading | None) -> float | None:
    """The clock asked for, or where that is at risk the lowest limit in `known`."""
    if verdict in (ClockVerdict.MET, ClockVerdict.CREDIBLE):
        return 1000 / clock_ns
    bounds = [reading.ends[0] for reading in known if reading]
    return min(bounds) if bounds and verdict is ClockVerdict.AT_RISK else None


def _slowest(readings: Iterable[Reading]) -> Reading | None:
    return min(readings, key=lambda reading: reading.value, default=None)


def meets(mhz: float, clock_ns: float) -> bool:
    """Whether an Fmax of `mhz` meets a period of `clock_ns`, within what timing reports round."""
    return (1000 / mhz if mhz > 0 else inf) <= clock_ns + TOLERANCE_NS


def mhz_text(value: float) -> str:
    """A frequency in MHz as text, with its unit."""
    return f"{value:,.1f} MHz".replace(".0 MHz", " MHz")


def _reaches(reading: Reading) -> str:
    return f"{STAGES[reading.tier]} reaches {mhz_text(reading.value)}"


def _by_csynth(
    report: Reading, other: Reading | None, model: Reading | None, clock_ns: float
) -> tuple[ClockVerdict, str]:
    fact = f"{_reaches(report)}, {mhz_text(1000 / clock_ns)} is asked for"
    if not meets(report.ends[0], clock_ns):
        spare = "with the clock uncertainty that it was told to keep free"
        return ClockVerdict.AT_RISK, f"{fact}, but only {mhz_text(report.ends[0])} {spare}"
    if against := _against(other, model, clock_ns):
        return ClockVerdict.AT_RISK, "; ".join([fact, *against])
    return ClockVerdict.CREDIBLE, f"{fact}; no report of logic synthesis or routing says that it is met"


def _by_other_builds(other: Reading | None, model: Reading | None, clock_ns: float) -> tuple[ClockVerdict, str]:
    fact = f"{mhz_text(1000 / clock_ns)} is asked for; no timing report says that it is met"
    if against := _against(other, model, clock_ns):
        return ClockVerdict.AT_RISK, "; ".join([fact, *against])
    if other is None:
        return ClockVerdict.UNKNOWN, fact
    return ClockVerdict.CREDIBLE, f"{fact}; {_fastest(other)}"


def _against(other: Reading | None, model: Reading | None, clock_ns: float) -> list[str]:
    """The reasons against a period of `clock_ns`: a model whose lower end is slower, or that no known build met it."""
    reasons = []
    if model and not meets(model.ends[0], clock_ns):
        reasons.append(f"a model predicts {mhz_text(model.value)}{_between(model)} ({model.source})")
    if other and not meets(other.value, clock_ns):
        reasons.append(_fastest(other))
    return reasons


def _between(reading: Reading) -> str:
    if reading.low is None or reading.high is None:
        return ""
    return f", {mhz_text(reading.low).removesuffix(' MHz')} to {mhz_text(reading.high)} in 90 % of builds"


def _fastest(other: Reading) -> str:
    return f"the fastest that is known to be met with this flow is {mhz_text(other.value)} ({other.source})"
