"""Thresholds say what rounding the exact number to the nearest code says, for every sum."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from models.thresholds import ROOT_BITS, Affine, ladder, root

numbers = st.fractions(-20, 20, max_denominator=64)
scales = st.fractions(Fraction(1, 50), 9, max_denominator=60)
singles = st.floats(-1e3, 1e3, width=32).map(Fraction)
BOUND = 200


@given(st.one_of(numbers, singles), st.one_of(numbers, singles), scales, st.integers(-9, 3), st.integers(1, 20))
def test_a_sum_becomes_the_nearest_code(gain: Fraction, offset: Fraction, unit: Fraction, low: int, steps: int) -> None:
    """Python rounds fractions halves to even, as the quantisers do; many of these lie on a half."""
    high = low + steps
    sign, thresholds = ladder(Affine(gain, offset), unit, low, high, BOUND)
    assert thresholds == sorted(thresholds) and len(thresholds) == steps
    for total in range(-BOUND, BOUND + 1):
        code = min(max(round((gain * total + offset) / unit), low), high)
        assert low + bisect_right(thresholds, sign * total) == code


@given(st.fractions(0, 1000, max_denominator=1000))
def test_a_root_is_exact_or_as_good_as(number: Fraction) -> None:
    value = root(number)
    assert value**2 <= number < (value + Fraction(1, 1 << ROOT_BITS - 20)) ** 2
    assert root(number**2) == number


def test_affine_functions_follow_one_another() -> None:
    affine = Affine(Fraction(2)).then(Fraction(1), Fraction(-3)).then(Fraction(-2), Fraction(5))
    assert [affine.gain, affine.offset, affine.spread] == [Fraction(-4), Fraction(11), Fraction(11)]
