"""Types and arithmetic as C++ text: the rendered lines, run as ap_int would, give the exact number and lose no bit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log2
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backends.hls.generate import cpp
from models.fixed import FixedType, Overflow, Rounding
from models.formats import stored_type
from models.layers import Clip, LeakyReLU, ReLU

SOURCES = st.builds(FixedType, st.integers(2, 16), st.integers(-6, 12), st.booleans())
STORED = st.builds(
    FixedType, st.integers(2, 16), st.integers(-6, 12), st.booleans(), st.just(Rounding.RND), st.just(Overflow.SAT)
)
RELU = ReLU("relu", ("x",))


@dataclass(frozen=True)
class Held:
    """An integer in an ``ap_int`` of `width` bits: sums grow, a shift to the left does not and may lose nothing."""

    value: int
    width: int

    def __post_init__(self) -> None:
        assert -(1 << self.width - 1) <= self.value < 1 << self.width - 1, f"{self.value} in {self.width} bits"

    def __add__(self, other: Held) -> Held:
        return Held(self.value + other.value, max(self.width, other.width) + 1)

    def __mul__(self, factor: int) -> Held:
        return Held(self.value * factor, self.width + 32)

    def __lshift__(self, bits: int) -> Held:
        return Held(self.value << bits, self.width)

    def __rshift__(self, bits: int) -> Held:
        return Held(self.value >> bits, self.width)

    def __truediv__(self, area: int) -> Held:
        return Held(abs(self.value) // area * (1 if self.value > 0 else -1), self.width)


def half_up(bits: int, number: Held) -> Held:
    """As ``fixed_point.h`` has it: half and sum are of the number's own type."""
    half = Held(1, number.width) << bits - 1
    return Held((number + half).value, number.width) >> bits


def run(function: cpp.Function, width: int, result: FixedType, **arguments: int) -> int:
    """What the rendered lines return, with a ``Sum`` of `width` bits; `arguments` are codes."""

    def saturated(low: int, high: int, number: Held) -> int:
        kept = min(max(number.value, low), high)
        assert result.low <= kept <= result.high, f"{kept} in {cpp.integer(result)}"
        return kept

    known: dict[str, Any] = {
        **{name: Held(code, width if name == "sum" else 64) for name, code in arguments.items()},
        "half_up": half_up,
        "saturated": saturated,
        "ap_int": lambda bits, number: Held(number.value, bits),
        "Sum": lambda number: Held(number.value, width),
        "Value": lambda number: Held(number, 64),
    }
    for line in function.lines:
        text = re.sub(r"(\w+) ([<>]) 0 \? (.*) : (.*);", r"\3 if \1.value \2 0 else \4;", line)
        text = re.sub(r"(half_up|ap_int)<(\d+)>\(", r"\1(\2, ", text)
        text = re.sub(r"saturated<Result, (-?\d+), (-?\d+)>\(", r"saturated(\1, \2, ", text)
        if declared := re.fullmatch(r"const (?:Sum|ap_int<(\d+)>) (\w+) = (.*);", text):
            bits, name, expression = declared.groups()
            known[name] = Held(eval(expression, known).value, int(bits or width))
        elif returned := re.fullmatch("return (.*);", text):
            outcome = eval(returned[1], known)
            return outcome.value if isinstance(outcome, Held) else outcome
    raise AssertionError("it returns nothing")


def codes(type: FixedType) -> st.SearchStrategy[int]:
    return st.sampled_from((type.low, type.high, 0)) | st.integers(type.low, type.high)


@given(st.integers(1, 64), st.booleans())
def test_an_integer_has_the_width_and_the_sign_of_its_type(width: int, signed: bool) -> None:
    assert cpp.integer(FixedType(width, 3, signed)) == ("ap_int" if signed else "ap_uint") + f"<{width}>"


@given(st.integers(1, 80))
def test_the_narrowest_native_integer_holds_the_codes(width: int) -> None:
    bits = {"signed char": 8, "short": 16, "int": 32, "long long": 64}
    if width > 64:
        with pytest.raises(ValueError, match=f"{width} bits"):
            cpp.stored(width)
    else:
        assert bits[cpp.stored(width)] == min(each for each in bits.values() if each >= width)


@given(st.data(), SOURCES, STORED)
def test_a_relu_alone_is_exact(data: st.DataObject, source: FixedType, type: FixedType) -> None:
    function, width = cpp.activated(source, type, RELU, None)
    code = data.draw(codes(source))
    assert run(function, width, type, value=code) == type.enter(max(source.value(code), Fraction(0)))


ENDS = st.floats(-40, 40, width=32)


@given(st.data(), SOURCES, STORED, ENDS, ENDS)
def test_a_clip_alone_is_exact(data: st.DataObject, source: FixedType, type: FixedType, one: float, two: float) -> None:
    clip = Clip("clip", ("x",), min(one, two), max(one, two))
    function, width = cpp.activated(source, type, clip, None)
    code = data.draw(codes(source))
    exact = min(max(source.value(code), Fraction(clip.low)), Fraction(clip.high))
    assert run(function, width, type, value=code) == type.enter(exact)


@given(st.data(), SOURCES, STORED, st.floats(1 / 64, 0.96875, width=32))
def test_a_slope_is_exact_alone_and_behind_a_sum(
    data: st.DataObject, source: FixedType, type: FixedType, number: float
) -> None:
    slope, code = stored_type(8, 0.0, number), data.draw(codes(source))
    factor = slope.value(slope.enter(Fraction(number))) if code < 0 else 1
    expected = type.enter(source.value(code) * factor)
    function, width = cpp.activated(source, type, LeakyReLU("leaky", ("x",), number), slope)
    assert run(function, width, type, value=code) == expected
    function = cpp.sum_result(source, type, LeakyReLU("leaky", ("x",), number), slope)
    assert run(function, source.width + 1, type, sum=code) == expected


@given(st.data(), SOURCES, SOURCES, STORED)
def test_a_sum_of_two_is_exact(data: st.DataObject, left: FixedType, right: FixedType, type: FixedType) -> None:
    function, width = cpp.added(left, right, type)
    value, two = data.draw(codes(left)), data.draw(codes(right))
    assert run(function, width, type, left=value, right=two) == type.enter(left.value(value) + right.value(two))


@given(st.data(), SOURCES, st.integers(1, 40), STORED)
def test_an_average_is_exact(data: st.DataObject, source: FixedType, area: int, type: FixedType) -> None:
    """Of the sum of an area, divided towards zero at the point of the accumulator."""
    more = ceil(log2(area))
    accumulator = FixedType(source.width + 2 * more + 1, source.integer + more + 1)
    function, width = cpp.averaged(source, area, accumulator, type)
    ends = st.sampled_from((area * source.low, area * source.high))
    total = data.draw(ends | st.integers(area * source.low, area * source.high))
    average = int(Fraction(total << more, area))
    assert run(function, width, type, sum=total) == type.enter(accumulator.value(average))


@given(st.data(), st.integers(16, 48), st.integers(-4, 40), STORED)
def test_a_sum_of_products_becomes_a_result(data: st.DataObject, width: int, fraction: int, type: FixedType) -> None:
    """Of sums that are proven to fit, with what rounding adds or the zeros that a result has more."""
    drop = fraction - type.fraction
    half, zeros = (1 << drop - 1 if drop > 0 else 0), max(-drop, 0)
    low, high = -((1 << width - 1) >> zeros), ((1 << width - 1) - 1 - half) >> zeros
    assume(low <= 0 <= high)
    total = data.draw(st.sampled_from((low, high)) | st.integers(low, high))
    function = cpp.sum_result(FixedType(width, width - fraction), type, None if type.signed else RELU)
    assert run(function, width, type, sum=total) == type.enter(Fraction(total) / Fraction(2) ** fraction)
    assert cpp.point(fraction).capitalize() in function.comment and ("ReLU" in function.comment) != type.signed


@given(st.data(), st.integers(16, 48), st.integers(-4, 40))
def test_a_sum_that_nothing_stores_stays_what_it_is(data: st.DataObject, width: int, fraction: int) -> None:
    kept = FixedType(width, width - fraction)
    total = data.draw(codes(kept))
    assert run(cpp.sum_result(kept, kept), width, kept, sum=total) == total


@pytest.mark.parametrize(
    "type",
    [
        FixedType(8, 4),
        FixedType(8, 4, rounding=Rounding.RND_CONV, overflow=Overflow.SAT),
        FixedType(8, 4, rounding=Rounding.RND, overflow=Overflow.SAT_SYM),
    ],
)
def test_what_no_template_computes_is_not_rendered(type: FixedType) -> None:
    with pytest.raises(ValueError, match=re.escape(type.name)):
        cpp.entering("sum", 10, type)


LISTS = st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1, max_size=4)


@given(st.lists(st.lists(LISTS, min_size=1, max_size=3), min_size=1, max_size=3), st.integers(0, 8))
def test_lists_are_whole_initialisers(values: list[list[list[int]]], indent: int) -> None:
    text = cpp.listed(values, indent)
    assert json.loads(re.sub(r",(\s*\])", r"\1", text.translate(str.maketrans("{}", "[]")))) == values
    assert text.count("\n") + 1 == 2 + sum(2 + len(rows) for rows in values), "a line for each innermost list"


@pytest.mark.parametrize(("fraction", "words"), [(7, "7 bits behind the point"), (0, "0 bits"), (-3, "in steps of 8")])
def test_where_a_point_stands(fraction: int, words: str) -> None:
    assert cpp.point(fraction).startswith(words)
