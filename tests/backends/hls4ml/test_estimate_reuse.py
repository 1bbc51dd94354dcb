"""Reuse factors against hls4ml's own rules, and the smallest one that fits."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hls4ml import reuse

small = st.integers(1, 80)


def test_the_examples_hold() -> None:
    result = doctest.testmod(reuse)
    assert result.attempted and not result.failed


@pytest.fixture(scope="module")
def theirs() -> Any:
    fpga = pytest.importorskip("hls4ml.backends.fpga.fpga_backend", reason="hls4ml is not installed")
    return fpga.FPGABackend.__new__(fpga.FPGABackend)


@given(n_in=small, n_out=small, wanted=st.integers(1, 8000))
def test_hls4ml_snaps_alike(theirs: Any, n_in: int, n_out: int, wanted: int) -> None:
    legal = theirs.get_valid_reuse_factors(n_in, n_out)
    assert list(reuse.legal(n_in, n_out)) == legal
    assert reuse.nearest(legal, wanted) == theirs.get_closest_reuse_factor(legal, wanted)


@given(taps=st.integers(1, 25), channels=st.integers(1, 40))
def test_a_depthwise_convolution_has_the_factors_that_hls4ml_takes_it_to_have(
    theirs: Any, taps: int, channels: int
) -> None:
    """Which it counts as those of a convolution over all channels: beyond all products they save nothing."""
    legal = theirs.get_valid_reuse_factors(taps * channels, channels)
    factors = reuse.depthwise(taps, channels)
    assert list(factors) == [factor for factor in legal if factor <= taps * channels]
    assert reuse.multipliers(taps, channels, factors[-1]) == 1


@given(n_in=small, n_out=small)
def test_the_fewest_multipliers_are_one(n_in: int, n_out: int) -> None:
    factors = reuse.legal(n_in, n_out)
    assert factors[0] == 1 and factors[-1] == n_in * n_out
    counts = [reuse.multipliers(n_in, n_out, factor) for factor in factors]
    assert counts == sorted(counts, reverse=True) and counts[-1] == 1
