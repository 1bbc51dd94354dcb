"""How fast a design can be clocked: by its slowest known path, and by what builds have reached.

All delays are in ns, for the slowest fabric and grade (Artix-7 -1, slow corner), from Vivado's reports of routed
designs; they are scaled to the part. ``python -m calibration.clocks`` fits the constants to timing reports of public
builds, and shows how accurate they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, sqrt

from flows.core.evidence import TOTAL, Metric, Reading, Tier
from flows.core.part import Part, clock_limits, delay

CLOCK_TO_OUT, LUT = 0.456, 0.124
CARRY, CARRY_ON = 0.5, 0.114
"""Through the first CARRY4 of a chain, from a LUT input to its last carry, and through each further CARRY4."""
BITS_COMPARED = 8
"""Bits compared by a CARRY4: each of its four LUTs compares two bits of both operands."""
SUM = 0.235
"""From a carry to the sum of its bit."""
EDGE, RESET_EDGE = 0.1, 0.7
"""Clock uncertainty and skew plus the setup time of a flip-flop, which is negative at D behind a LUT and 0.43 ns at
R."""
NET, NET_SPREAD = 0.68, 0.23
"""The delay of a routed net between two cells of one unit, and its standard deviation."""
NETS_A_STAGE = 2.25
"""Nets of a comparison in a chain: from its carry to the LUTs that select, and from those to the next comparison; half
of these go through one more LUT."""
Z_95 = 1.645


@dataclass(frozen=True)
class Limit:
    """The period in ns that `unit` needs on Artix-7 -1: expected, and the 90 % interval from fast to slow.

    `why` names the path, `advice` says what makes it shorter; empty where nothing is known to.
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
"""What placement and routing reach for a design without a unit known to be slower. Log-normal; a build that met its
requested clock only gives a lower bound on Fmax (``calibration.clocks``)."""


def clock_note(clock_ns: float, built_ns: float = 10.0) -> str:
    """A caution where the requested clock is faster than that of the builds behind the resource models; else empty."""
    if clock_ns >= built_ns:
        return ""
    return (
        f"LUT, FF and cycles are modelled for {built_ns:g} ns: for {clock_ns:g} ns Vitis HLS puts in more pipeline "
        "registers, how many is not known"
    )


def compare_chain(stages: int, bits: int) -> tuple[float, float, float]:
    """Period in ns of a chain of `stages` comparisons of `bits` bits in one cycle: (value, low, high).

    Each compares with the winner so far.

    >>> [round(end, 1) for end in compare_chain(5, 7)]
    [11.9, 10.7, 13.2]
    >>> [round(end, 1) for end in compare_chain(1, 32)]
    [3.2, 2.6, 3.7]
    """
    carries = CARRY + CARRY_ON * (ceil(bits / BITS_COMPARED) - 1)
    nets = NETS_A_STAGE * stages
    value = CLOCK_TO_OUT + EDGE + stages * (2 * LUT + carries) + nets * NET
    reach = Z_95 * NET_SPREAD * sqrt(nets)
    return value, value - reach, value + reach


def loop_counter(bits: int = 32) -> tuple[float, float, float]:
    """Period in ns of a loop counter: (value, low, high). A loop that starts a turn every cycle (II=1) increments its
    counter, compares it with the end and resets it in one cycle.

    >>> [round(end, 1) for end in loop_counter(32)]
    [8.4, 7.4, 9.4]
    """
    nets = 7  # to the first LUT, carry, three levels of comparison, one of control, and the resets
    counted = 0.8 + CARRY_ON * (bits // 4 - 2) + SUM  # 0.8: from a carry chain's first bit, by its CYINIT
    value = CLOCK_TO_OUT + RESET_EDGE + counted + 0.3 + 4 * LUT + nets * NET  # 0.3: a LUT behind a sum
    reach = Z_95 * NET_SPREAD * sqrt(nets)
    return value, value - reach, value + reach


def modelled_fmax(part: Part, limits: Iterable[Limit] = ()) -> tuple[Reading, ...]:
    """The predicted Fmax of a design on `part` with these `limits`, and of each unit that is slower than routing alone.

    The value and each end of the total's interval are those of the slowest limit.
    """
    units = {limit.unit: limit for limit in sorted(limits, key=lambda limit: limit.value) if limit.value > ROUTED.value}
    every = (ROUTED, *units.values())
    worst = max(every, key=lambda limit: limit.value)
    ends = (max(limit.value for limit in every), max(limit.low for limit in every), max(limit.high for limit in every))
    total = _reading(worst, part, TOTAL, ends)
    return (total, *(_reading(unit, part, unit.unit, (unit.value, unit.low, unit.high)) for unit in units.values()))


def _reading(limit: Limit, part: Part, scope: str, ends: tuple[float, float, float]) -> Reading:
    """A reading of Fmax. How much faster another part can be is unknown, so its interval ends at the data sheet's
    limit."""
    value, low, high = (1000 / (end * delay(part).factor) for end in ends)
    if (part.device.fabric, part.speed_grade) != ("artix-7", "-1"):
        low = max(low, min(clock_limit.mhz for clock_limit in clock_limits(part)))
    of, advice = "" if limit.unit == TOTAL else f"{limit.unit}: ", f"; {limit.advice}" if limit.advice else ""
    source = f"{of}{limit.why}{advice}"
    return Reading(
        Metric.FMAX_MHZ, value, Tier.MODELLED, part.full_name, source, scope, Tier.ROUTED, low=high, high=low
    )
