"""Integer thresholds of a quantiser, exact: which sums of codes become which code.

What a quantiser reads is ``gain * sum + offset``, where the sum is an integer and the two come from the scales before
it, bias and batch normalisation. It gives the code nearest to that over its own scale, ties to even. So code k + 1
starts at the first integer above ``((k + 1/2) * scale - offset) / gain``, or at that number itself where it is an
integer and k + 1 is even. All of it is computed in fractions: no float rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isqrt

HALF = Fraction(1, 2)
ROOT_BITS = 200
"""Bits behind the point of a square root that is not a fraction."""


@dataclass(frozen=True, slots=True)
class Affine:
    """``gain * integer + offset``. `spread` bounds the numbers that were added up to `offset`, signs apart: by how much
    single precision may miss it is a part of that."""

    gain: Fraction
    offset: Fraction = Fraction(0)
    spread: Fraction = Fraction(0)

    def then(self, gain: Fraction, offset: Fraction) -> Affine:
        """What a multiplication and an addition behind it make of it."""
        spread = self.spread * abs(gain) + abs(offset)
        return Affine(self.gain * gain, self.offset * gain + offset, spread)


def root(number: Fraction) -> Fraction:
    """The square root, exact where it is a fraction, else to `ROOT_BITS` bits.

    >>> root(Fraction(9, 4))
    Fraction(3, 2)
    """
    over, under = isqrt(number.numerator), isqrt(number.denominator)
    if (over * over, under * under) == (number.numerator, number.denominator):
        return Fraction(over, under)
    scaled = number.numerator * number.denominator << 2 * ROOT_BITS
    return Fraction(isqrt(scaled), number.denominator << ROOT_BITS)


def ladder(affine: Affine, unit: Fraction, low: int, high: int, bound: int) -> tuple[int, list[int]]:
    """(sign, thresholds) of codes `low` to `high` of the scale `unit`: sign * sum is compared, up to `bound` in
    magnitude. A threshold out of its reach is ``bound + 1``, one that is always reached ``-bound``.

    >>> ladder(Affine(Fraction(1, 2)), Fraction(1), 0, 3, 100)
    (1, [2, 3, 6])
    >>> ladder(Affine(Fraction(-1, 2)), Fraction(1), 0, 3, 100)
    (-1, [2, 3, 6])
    """
    if not affine.gain:
        code = round(affine.offset / unit)
        return 1, [-bound if step < code else bound + 1 for step in range(low, high)]
    gain, reached = abs(affine.gain), []
    for step in range(low, high):
        place = ((step + HALF) * unit - affine.offset) / gain
        first = ceil(place)
        if first == place and step % 2 == 0:  # a half goes to the even code, which is the lower one
            first += 1
        reached.append(min(max(first, -bound), bound + 1))
    return (1 if affine.gain > 0 else -1), reached


def bipolar(affine: Affine, bound: int) -> tuple[int, list[int]]:
    """The same of codes -1 and 1, which is the code of 0 too: both steps are reached at once.

    >>> bipolar(Affine(Fraction(1, 2), Fraction(-1, 3)), 100), bipolar(Affine(Fraction(-1), Fraction(3)), 100)
    ((1, [1, 1]), (-1, [-3, -3]))
    """
    if affine.gain:
        first = min(max(ceil(-affine.offset / abs(affine.gain)), -bound), bound + 1)
    else:
        first = -bound if affine.offset >= 0 else bound + 1
    return (-1 if affine.gain < 0 else 1), [first, first]
