"""The numeric profile: counts by hand, and against the plain arithmetic of single numbers."""

from __future__ import annotations

from fractions import Fraction
from math import log10
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.profile import Profile, Role
from models.fixed import FixedType, Overflow, Rounding, rounded
from models.layers import Add, Conv2D, ReLU
from models.network import INPUT, Network
from models.pixels import scaled
from models.profile import lowest_code, profile, profile_tensor, round_weights
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.ranges import Ranges
from models.weights import open_weights, save_weights

NETWORK = Network(
    "small",
    (2, 2, 1),
    (
        Conv2D("conv", (INPUT,), (1, 1), (1, 1), "same", 2),
        ReLU("relu", ("conv",)),
        Add("add", ("relu", "relu")),
    ),
)
BYTE = FixedType(8, 4, rounding=Rounding.RND, overflow=Overflow.SAT)
PIXEL = FixedType(8, 0, False, Rounding.RND, Overflow.SAT)
REACH = {INPUT: (0.0, 1.0), "conv": (-9.0, 7.0), "relu": (0.0, 7.0), "add": (0.0, 14.0)}

types = st.builds(
    FixedType, st.integers(2, 20), st.integers(-4, 9), st.booleans(), st.sampled_from(Rounding),
    st.sampled_from(Overflow),
)  # fmt: skip
singles = st.floats(-64, 64, width=32) | st.integers(-512, 512).map(lambda n: n / 16)


def design(output: FixedType = BYTE, image: FixedType = PIXEL, gain: Fraction = Fraction(1, 255)) -> QuantisedNetwork:
    layers = {
        "conv": Arithmetic(output, BYTE, BYTE, FixedType(32, 16)),
        "relu": Arithmetic(BYTE),
        "add": Arithmetic(BYTE),
    }
    return QuantisedNetwork(NETWORK, "", InputContract(image, scaled(gain)), layers)


def profiled(home: Path, quantised: QuantisedNetwork, kernel: tuple[float, float] = (9.0, 0.01)) -> Profile:
    tensors = {"conv/kernel": np.array([[[kernel]]], np.float32), "conv/bias": np.array([0.5, -8.0], np.float32)}
    save_weights(home / "w.safetensors", tensors, NETWORK)
    ranges = Ranges(NETWORK.digest, "", "images", 7, REACH)
    return profile("flow", quantised, ranges, open_weights(home / "w.safetensors", NETWORK))


def test_a_network_by_hand(tmp_path: Path) -> None:
    result = profiled(tmp_path, design())
    assert (result.network, result.flow, result.images, result.n) == ("small", "flow", "images", 7)
    rows = {row.tensor: row for row in result.rows}
    assert list(rows) == ["image", "conv/kernel", "conv/bias", "conv", "relu", "add"]
    assert [row.role for row in result.rows] == [Role.IMAGE, Role.KERNEL, Role.BIAS, *[Role.RESULT] * 3]

    image = rows["image"]  # 1.0 is one step of 1/256 above the highest number
    assert (image.low, image.high, image.lowest, image.highest, image.step) == (0, 1, 0, 255 / 256, 1 / 256)
    assert (image.needed, image.had, image.headroom, image.beyond) == (1, 0, -1, 1)

    kernel = rows["conv/kernel"]  # 9.0 is code 144, 17 above 127; 0.01 is below half a step of 1/16
    assert (kernel.low, kernel.high) == pytest.approx((0.01, 9.0)) and kernel.type == "ap_fixed<8,4,AP_RND,AP_SAT>"
    assert (kernel.lowest, kernel.highest, kernel.needed, kernel.had, kernel.beyond) == (-8, 7.9375, 5, 4, 17)
    weights = kernel.weights
    assert weights and (weights.n, weights.out_of_range, weights.to_zero) == (2, 1, 1)
    noise = (9 - 7.9375) ** 2 + 0.01**2
    assert weights.sqnr_db == pytest.approx(10 * log10((81 + 0.01**2) / noise))
    assert weights.quantiles[2] == pytest.approx(9.01 / 2)

    bias = rows["conv/bias"]
    assert bias.weights and (bias.weights.sqnr_db, bias.beyond, bias.headroom) == (None, 0, 0)
    assert rows["relu"].weights is None and rows["relu"].headroom == 0
    assert (rows["add"].beyond, rows["add"].headroom) == (14 * 16 - 127, -1)


def test_what_a_relu_cuts_does_not_count_where_the_type_saturates(tmp_path: Path) -> None:
    conv = profiled(tmp_path, design()).rows[3]
    assert (conv.cut, conv.low, conv.beyond, conv.headroom) == (True, -9.0, 0, 0)
    conv = profiled(tmp_path, design(FixedType(8, 4, rounding=Rounding.RND))).rows[3]
    assert (conv.cut, conv.beyond, conv.headroom) == (False, 16, -1)
    assert not profiled(tmp_path, design()).rows[4].cut, "an addition reads it"


def test_the_image_is_in_the_unit_of_its_contract(tmp_path: Path) -> None:
    image = profiled(tmp_path, design(image=FixedType(8, 8, False), gain=Fraction(1))).rows[0]
    assert (image.high, image.highest, image.beyond, image.headroom) == (255, 255, 0, 0)


def test_an_unsigned_type_has_no_bits_for_negative_numbers() -> None:
    row = profile_tensor("x", Role.RESULT, FixedType(4, 2, False), Fraction(-1), Fraction(3))
    assert (row.needed, row.headroom, row.beyond) == (None, None, 4)


@given(values=st.lists(singles, min_size=1, max_size=20), type=types)
def test_weights_are_counted_as_single_numbers_enter(values: list[float], type: FixedType) -> None:
    result = round_weights(np.array(values, np.float64), type)
    exact = [Fraction(value) for value in values]
    codes = [rounded(value * Fraction(2) ** type.fraction, type.rounding) for value in exact]
    assert result.n == len(values)
    assert result.out_of_range == sum(not lowest_code(type) <= code <= type.high for code in codes)
    assert result.to_zero == sum(code == 0 != value for code, value in zip(codes, exact, strict=True))
    noise = sum((type.value(type.enter(value)) - value) ** 2 for value in exact)
    signal = sum(value**2 for value in exact)
    assert (result.sqnr_db is None) == (noise == 0)
    if result.sqnr_db is not None:
        assert 10 ** (result.sqnr_db / 10) == pytest.approx(float(signal / noise))


@given(ends=st.tuples(singles, singles), type=types, cut=st.booleans())
def test_needed_bits_are_the_fewest_that_hold_the_reach(ends: tuple[float, float], type: FixedType, cut: bool) -> None:
    low, high = map(Fraction, sorted(ends))
    row = profile_tensor("x", Role.RESULT, type, low, high, cut)
    counted = (max(low, Fraction(0)), max(high, Fraction(0))) if cut else (low, high)

    def holds(integer: int) -> bool:
        width = integer + type.fraction
        if width < 1 + (type.signed and type.overflow is Overflow.SAT_SYM):
            return all(rounded(end * Fraction(2) ** type.fraction, type.rounding) == 0 for end in counted)
        same = FixedType(width, integer, type.signed, type.rounding, type.overflow)
        codes = [rounded(end * Fraction(2) ** type.fraction, type.rounding) for end in counted]
        return all(lowest_code(same) <= code <= same.high for code in codes)

    assert (row.beyond == 0) == holds(type.integer)
    if row.needed is None:
        assert not type.signed and row.beyond > 0
        return
    assert holds(row.needed)
    if row.needed + type.fraction > type.signed + 1:
        assert not holds(row.needed - 1), "a bit fewer does not"
    assert row.headroom is not None and (row.headroom < 0) == (row.beyond > 0)


@given(values=st.lists(singles, min_size=1, max_size=20), type=types)
def test_weights_leave_a_type_where_its_tensor_does(values: list[float], type: FixedType) -> None:
    row = profile_tensor("w", Role.KERNEL, type, Fraction(min(values)), Fraction(max(values)))
    assert (row.beyond > 0) == (round_weights(np.array(values), type).out_of_range > 0)
