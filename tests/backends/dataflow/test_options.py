"""The options that every streaming flow has, as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dataflow.options import DEEPEST, NO_TARGET, SIMULATED, cycles_at, depth_text, hours, rate_text

depth = depth_text(SIMULATED)
NUMBERS = st.floats(max_value=1e300) | st.sampled_from((float("inf"), float("nan")))


@given(NUMBERS)
def test_rates_are_above_0(number: float) -> None:
    if 0 < number < float("inf"):
        assert float(rate_text(repr(number))) == pytest.approx(number, rel=1e-9)
    else:
        with pytest.raises(ValueError, match="above 0"):
            rate_text(repr(number))


@given(NUMBERS | st.floats(0, 1100))
def test_hours_are_above_0_and_at_most_a_thousand(number: float) -> None:
    if 0 < number <= 1000:
        assert hours(repr(number)) == number
    else:
        with pytest.raises(ValueError, match="give hours above 0, at most 1000"):
            hours(repr(number))


@given(st.integers(-5, 2 * DEEPEST))
def test_depths_end_at_the_deepest(words: int) -> None:
    if 1 <= words <= DEEPEST:
        assert depth(str(words)) == str(words)
    else:
        with pytest.raises(ValueError, match="is no FIFO depth"):
            depth(str(words))


@pytest.mark.parametrize(("check", "text"), [(rate_text, "fast"), (rate_text, "-1"), (rate_text, "nan"), (depth, "0")])
def test_numbers_out_of_range(check: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match="give"):
        check(text)


def test_a_depth_of_more_digits_than_any_number_of_words_is_refused() -> None:
    """Python reads no integer of more than 4,300 digits."""
    with pytest.raises(ValueError, match="is no FIFO depth"):
        depth("9" * 5000)


@pytest.mark.parametrize(("rate", "kept"), [("999999.5", "999999.5"), ("1e3", "1000"), (NO_TARGET, NO_TARGET)])
def test_a_rate_is_kept_as_it_was_meant(rate: str, kept: str) -> None:
    assert rate_text(rate) == kept == rate_text(kept)


def test_a_rate_says_the_cycles_between_frames() -> None:
    assert cycles_at("500", 10.0) == 200_000
    assert cycles_at(NO_TARGET, 10.0) is None
