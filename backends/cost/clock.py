"""How fast a design can be clocked: the slowest of the paths that are known of it, and what builds were made to reach.

All delays are those of the slowest fabric and grade (Artix-7 -1, slow corner), in ns, as Vivado's reports of routed
designs have them; they are scaled to the part. ``python -m calibration.clocks`` fits what is fitted here, to timing
reports of others' builds, and shows how far it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, sqrt

from flows.core.evidence import TOTAL, Metric, Reading, Tier
from flows.core.part import Part, delay

CLOCK_TO_OUT, LUT = 0.456, 0.124
CARRY, CARRY_ON = 0.5, 0.114
"""Through the first CARRY4 of a chain, in at a LUT and out at its last carry, and through each further one."""
BITS_COMPARED = 8
"""By a CARRY4: each of its four LUTs compares two bits of both operands."""
EDGE = 0.1
"""Clock uncertainty and skew, less the setup time of a flip-flop, which is a gain where a LUT is before it."""
NET, NET_SPREAD = 0.68, 0.23
"""A routed net between two cells of one unit, and the standard deviation of one from another."""
NETS_A_STAGE = 2.25
"""Of a comparison in a chain: from its carry to the LUTs that select, and from those to the next comparison, of which
half go through one LUT more."""
Z_95 = 1.645


@dataclass(frozen=True)
class Limit:
    """Periods in ns on Artix-7 -1 that `unit` needs: expected, and the ends of 90 %, the faster first.

    `why` says what path it is, `advice` what makes it shorter; none where nothing is known to.
    """

    unit: str
    value: float
    low: float
    high: float
    why: str
    advice: str = ""


ROUTED = Limit(
    TOTAL,
    1000 / 139,
    1000 / 312,
    1000 / 107,
    "of HLS designs on Artix-7 -1, 20 met the 77 to 100 MHz that they were asked for, and 3 that were asked for 200 to "
    "250 reached 110 to 138",
)
"""What placement and routing reach of a design with no unit that is known to be slower. Log-normal; builds that met
what they were asked for tell a lower bound alone (``calibration.clocks``)."""


def clock_note(clock_ns: float, built_ns: float = 10.0) -> str:
    """What resource models say of a design that is asked for a faster clock than the builds behind them; empty where it
    is not."""
    if clock_ns >= built_ns:
        return ""
    return (
        f"LUT, FF and cycles are modelled for {built_ns:g} ns: for {clock_ns:g} ns Vitis HLS puts in more pipeline "
        "registers, how many is not known"
    )


def compare_chain(stages: int, bits: int) -> tuple[float, float, float]:
    """Period in ns of `stages` comparisons of `bits` bits in one cycle, each of the winner so far: (value, low, high).

    >>> [round(one, 1) for one in compare_chain(5, 7)]
    [11.9, 10.7, 13.2]
    >>> [round(one, 1) for one in compare_chain(1, 32)]
    [3.2, 2.6, 3.7]
    """
    carries = CARRY + CARRY_ON * (ceil(bits / BITS_COMPARED) - 1)
    nets = NETS_A_STAGE * stages
    value = CLOCK_TO_OUT + EDGE + stages * (2 * LUT + carries) + nets * NET
    reach = Z_95 * NET_SPREAD * sqrt(nets)
    return value, value - reach, value + reach


def foretold(part: Part, limits: Iterable[Limit] = ()) -> tuple[Reading, ...]:
    """The Fmax of a design on `part` with these `limits`, and of each unit that is expected to be slower than routing
    alone makes it. The total's interval is as low as the lowest of any."""
    factor = delay(part).factor
    slow = sorted((one for one in limits if one.high > ROUTED.high), key=lambda one: -one.value)
    worst = min((ROUTED, *slow), key=lambda one: 1 / one.high)
    return (_reading(worst, part, factor, TOTAL), *(_reading(one, part, factor, one.unit) for one in slow))


def _reading(limit: Limit, part: Part, factor: float, scope: str) -> Reading:
    of, advice = "" if limit.unit == TOTAL else f"{limit.unit}: ", f"; {limit.advice}" if limit.advice else ""
    return Reading(
        Metric.FMAX_MHZ,
        1000 / (limit.value * factor),
        Tier.MODELLED,
        part.full_name,
        f"{of}{limit.why}{advice}",
        scope,
        Tier.ROUTED,
        low=1000 / (limit.high * factor),
        high=1000 / (limit.low * factor),
    )
