"""Reuse factors against hls4ml's own rules, and the smallest one that fits."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.hls4ml import reuse
from models.fixed import FixedType
from models.quantised import ACCUMULATING, WEIGHTED, Arithmetic, InputContract, QuantisedNetwork, SoftmaxTables
from models.zoo import ARCH8

small = st.integers(1, 80)


def test_the_examples_hold() -> None:
    result = doctest.testmod(reuse)
    assert result.attempted and not result.failed


@pytest.fixture(scope="module")
def theirs():  # type: ignore[no-untyped-def]
    fpga = pytest.importorskip("hls4ml.backends.fpga.fpga_backend", reason="hls4ml is not installed")
    return fpga.FPGABackend.__new__(fpga.FPGABackend)


@given(n_in=small, n_out=small, wanted=st.integers(1, 8000))
def test_hls4ml_snaps_alike(theirs, n_in: int, n_out: int, wanted: int) -> None:  # type: ignore[no-untyped-def]
    legal = theirs.get_valid_reuse_factors(n_in, n_out)
    assert list(reuse.legal(n_in, n_out)) == legal
    assert reuse.nearest(n_in, n_out, wanted) == theirs.get_closest_reuse_factor(legal, wanted)


@given(n_in=small, n_out=small)
def test_the_fewest_multipliers_are_one(n_in: int, n_out: int) -> None:
    factors = reuse.legal(n_in, n_out)
    assert factors[0] == 1 and factors[-1] == n_in * n_out
    counts = [reuse.multipliers(n_in, n_out, factor) for factor in factors]
    assert counts == sorted(counts, reverse=True) and counts[-1] == 1


def arch8(data: FixedType, softmax: bool) -> QuantisedNetwork:
    """ARCH_8 with every tensor of type `data`."""
    weight, wide = FixedType(16, 6), FixedType(60, 30)
    layers = {}
    for layer in ARCH8.layers:
        accumulator = wide if layer.kind in ACCUMULATING else None
        kernel = weight if layer.kind in WEIGHTED else None
        layers[layer.name] = Arithmetic(data, kernel, kernel, accumulator)
    layers["softmax"] = Arithmetic(data, softmax=SoftmaxTables(1024, data, data, data, data, data))
    if not softmax:
        del layers["softmax"]
    return QuantisedNetwork(ARCH8, "weights", InputContract(data), layers)


@settings(max_examples=25)
@given(budget=st.integers(30, 3000), width=st.sampled_from([16, 26]), softmax=st.booleans(), fixed=st.booleans())
def test_the_smallest_factor_fits_and_no_smaller_one_does(budget: int, width: int, softmax: bool, fixed: bool) -> None:
    """Counted by hand: products of 26 by 16 bits take two DSPs each, a softmax that is built takes ten."""
    sizes = reuse.sizes(ARCH8)
    given = {"dense": 10} if fixed else {}

    def dsp(wanted: int) -> int:
        factors = {name: given.get(name, reuse.nearest(*size, wanted)) for name, size in sizes.items()}
        counts = [reuse.multipliers(*sizes[name], factor) for name, factor in factors.items()]
        return (2 if width == 26 else 1) * sum(counts) + 10 * softmax

    found = reuse.smallest(arch8(FixedType(width, 10), softmax), budget, given)
    fitting = (wanted for wanted in range(1, 28_225) if dsp(wanted) <= budget)
    assert found == next(fitting, None)


def test_a_part_may_be_too_small() -> None:
    assert reuse.smallest(arch8(FixedType(16, 6), softmax=True), 16, {}) is None
    assert reuse.smallest(arch8(FixedType(16, 6), softmax=True), 17, {}) is not None
