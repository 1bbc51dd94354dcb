"""Grids read off weights: units and bits of what was quantised, whatever they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grids import SIGNIFICANT, grid


@st.composite
def kernels(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Codes that use all of their bits, the units of their channels, and the bits."""
    bits, channels = draw(st.integers(2, 8)), draw(st.integers(1, 4))
    highest = 2 ** (bits - 1) - 1
    part = st.integers(1 << SIGNIFICANT - 1, (1 << SIGNIFICANT) - 1)
    units = draw(st.lists(st.tuples(part, st.integers(-20, 3)), min_size=channels, max_size=channels))
    rows = st.lists(st.integers(-highest, highest), min_size=channels, max_size=channels)
    codes = np.array([[highest] * channels, [1] * channels, *draw(st.lists(rows, max_size=5))])
    return codes, np.array([part * 2.0**exponent for part, exponent in units]), bits


@given(kernels())
def test_codes_come_back_in_their_bits(kernel: tuple[np.ndarray, np.ndarray, int]) -> None:
    codes, units, bits = kernel
    values = (codes * units).astype(np.float32)
    found = grid(values)
    assert found.bits <= bits
    ours = values.astype(np.float64) / found.units
    assert np.array_equal(ours, np.rint(ours)) and abs(ours).max() < 2 ** (found.bits - 1)
    if found.units.ndim:
        assert np.array_equal(found.units, units)


def test_the_plainest_of_equally_few_bits_is_taken() -> None:
    codes = np.array([[7, 7, 7], [1, -3, 5]])
    assert grid(codes * 0.5).words == "one scale" and grid(codes * 0.5).units == 0.5
    assert grid(codes * np.array([0.5, 2.0, 8.0])).words == "scales by channel"
    assert grid(codes * 0.75).words == "one float scale"
    assert grid(codes * np.array([0.75, 2.0, 8.0])).words == "float scales by channel"


def test_codes_of_a_common_factor_leave_a_scale_that_is_one() -> None:
    """3 times 201 is a number of ten bits; codes are 3 of it, not 603 of 1."""
    assert grid(np.array([[3.0, -3.0], [3.0, 6.0]]) * 201).units == 201
    assert grid(np.array([[3.0, -3.0], [3.0, 6.0]]) * 201).bits == 4


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.full((2, 3), np.float32(0.1))])
def test_what_is_on_no_grid_has_as_many_bits_as_its_numbers(values: np.ndarray) -> None:
    """A scale of more bits is none: 0.1 in single precision has 24."""
    assert grid(values).bits > 16 if values.any() else grid(values).bits == 1
