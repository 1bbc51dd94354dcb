"""How amounts of resources add up."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cost.amounts import exact, summed, within


@given(st.lists(st.floats(1, 1e4), min_size=2, max_size=6))
def test_models_err_independently_and_the_amounts_of_one_together(values: list[float]) -> None:
    doubled = partial(within, factor=2.0, source="")
    together = summed(doubled(value, model="a") for value in values)
    apart = summed(doubled(value, model=str(place)) for place, value in enumerate(values))
    assert together.value == pytest.approx(apart.value) == pytest.approx(sum(values))
    assert together.high == pytest.approx(2 * sum(values))
    assert apart.high <= together.high
    known = summed([exact(sum(values), "c", "")])
    assert (known.value, known.low, known.high) == (sum(values),) * 3


def test_a_sum_of_which_a_part_is_unknown_is_a_lower_bound() -> None:
    assert not summed([within(1, 2, "a", "")]).at_least
    assert summed([within(1, 2, "a", ""), None]).at_least
