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
from flows.core.part import Part, clock_limits, delay

CLOCK_TO_OUT, LUT = 0.456, 0.124
CARRY, CARRY_ON = 0.5, 0.114
"""Through the first CARRY4 of a chain, in at a LUT and out at its last carry, and through each further one."""
BITS_COMPARED = 8
"""By a CARRY4: each of its four LUTs compares two bits of both operands."""
SUM = 0.235
"""From a carry to the sum of its bit."""
EDGE, RESET_EDGE = 0.1, 0.7
"""Clock uncertainty and skew, less the setup time of a flip-flop: a gain where a LUT is before its D, 0.43 ns at R."""
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


def loop_counter(bits: int = 32) -> tuple[float, float, float]:
    """Period in ns of a loop counter that is counted up, compared with its end and reset in one cycle, as a loop which
    starts a turn every cycle needs it: (value, low, high).

    >>> [round(one, 1) for one in loop_counter(32)]
    [8.4, 7.4, 9.4]
    """
    nets = 7  # to the first LUT, carry, three levels of comparison, one of control, and the resets
    counted = 0.8 + CARRY_ON * (bits // 4 - 2) + SUM  # 0.8: from a carry chain's first bit, by its CYINIT
    value = CLOCK_TO_OUT + RESET_EDGE + counted + 0.3 + 4 * LUT + nets * NET  # 0.3: a LUT behind a sum
    reach = Z_95 * NET_SPREAD * sqrt(nets)
    return value, value - reach, value + reach


def foretold(part: Part, limits: Iterable[Limit] = ()) -> tuple[Reading, ...]:
    """The Fmax of a design on `part` with these `limits`, and of each unit that is slower than what routing alone is
    expected to make of a design. The value and each end of the total's interval are those of the slowest."""
    units = {limit.unit: limit for limit in sorted(limits, key=lambda one: one.value) if limit.value > ROUTED.value}
    every = (ROUTED, *units.values())
    worst = max(every, key=lambda one: one.value)
    ends = (max(one.value for one in every), max(one.low for one in every), max(one.high for one in every))
    total = _reading(worst, part, TOTAL, ends)
    return (total, *(_reading(unit, part, unit.unit, (unit.value, unit.low, unit.high)) for unit in units.values()))


def _reading(limit: Limit, part: Part, scope: str, ends: tuple[float, float, float]) -> Reading:
    """How much faster another part can be at most is not known: there the interval ends with the data sheet's limit."""
    value, low, high = (1000 / (end * delay(part).factor) for end in ends)
    if (part.device.fabric, part.speed_grade) != ("artix-7", "-1"):
        low = max(low, min(clock_limit.mhz for clock_limit in clock_limits(part)))
    of, advice = "" if limit.unit == TOTAL else f"{limit.unit}: ", f"; {limit.advice}" if limit.advice else ""
    source = f"{of}{limit.why}{advice}"
    return Reading(
        Metric.FMAX_MHZ, value, Tier.MODELLED, part.full_name, source, scope, Tier.ROUTED, low=high, high=low
    )
