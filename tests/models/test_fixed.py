"""Fixed-point types by their properties, and against the C++ library whose semantics they claim."""

from __future__ import annotations

import random
import shutil
import subprocess
from fractions import Fraction
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fixed import FixedType, Overflow, Rounding, parse_type, rounded

NUMBERS = st.fractions(max_denominator=2**12)


@st.composite
def types(draw: st.DrawFn) -> FixedType:
    width, integer = draw(st.integers(2, 40)), draw(st.integers(-8, 48))
    return FixedType(
        width, integer, draw(st.booleans()), draw(st.sampled_from(Rounding)), draw(st.sampled_from(Overflow))
    )


@given(types(), NUMBERS)
def test_what_enters_is_a_code(entered: FixedType, number: Fraction) -> None:
    assert entered.low <= entered.enter(number) <= entered.high


@given(types(), st.data())
def test_a_number_of_the_type_enters_unchanged(entered: FixedType, data: st.DataObject) -> None:
    lowest = entered.low + (entered.signed and entered.overflow is Overflow.SAT_SYM)
    code = data.draw(st.integers(lowest, entered.high))
    assert entered.enter(entered.value(code)) == code


@given(NUMBERS, st.sampled_from(Rounding))
def test_rounding_errs_by_less_than_one_and_to_nearest_by_half(number: Fraction, mode: Rounding) -> None:
    error = abs(rounded(number, mode) - number)
    assert error < 1 if mode in (Rounding.TRN, Rounding.TRN_ZERO) else error <= Fraction(1, 2)


@given(types(), NUMBERS)
def test_wrapping_differs_by_whole_turns(entered: FixedType, number: Fraction) -> None:
    wrapping = FixedType(entered.width, entered.integer, entered.signed, entered.rounding)
    exact = rounded(number * Fraction(2) ** entered.fraction, entered.rounding)
    assert (wrapping.enter(number) - exact) % 2**entered.width == 0


@given(types())
def test_names_are_read_back(named: FixedType) -> None:
    assert parse_type(named.name) == named


@pytest.mark.parametrize(
    "text", ["", "float", "ap_fixed<16>", "ap_fixed<0,0>", "ap_fixed<16,6,AP_RUND>", "fixed<8,4", 5 * "9"]
)
def test_names_that_are_no_type_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_type(text)


@pytest.mark.parametrize("width", [0, -1])
def test_types_without_bits_are_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"{width} bits"):
        FixedType(width, 0)


def test_a_symmetric_type_needs_two_bits() -> None:
    with pytest.raises(ValueError):
        FixedType(1, 1, overflow=Overflow.SAT_SYM)


PROGRAM = """\
#include "ap_fixed.h"
#include <cmath>
#include <cstdio>
template <class T> void enter(const double *numbers, int count) {{
    for (int i = 0; i < count; i++) {{
        {source} number = std::ldexp(numbers[i], -{fraction});
        T entered = number;
        printf("%.0f\\n", std::ldexp(entered.to_double(), T::width - T::iwidth));
    }}
}}
int main() {{
    static const double numbers[] = {{{numbers}}};
{calls}
}}
"""


def ap_types() -> Path | None:
    """The C++ headers that hls4ml ships."""
    hls4ml = find_spec("hls4ml")
    return Path(str(hls4ml.origin)).parent / "templates" / "vivado" / "ap_types" if hls4ml else None


@pytest.mark.skipif(not shutil.which("g++") or not ap_types(), reason="needs g++ and hls4ml's ap_types")
def test_every_mode_is_that_of_ap_fixed(tmp_path: Path) -> None:
    """All roundings with all overflows, signed and not, on numbers around ties and ends: the C++ gives equal codes."""
    draw = random.Random(8)
    source = FixedType(40, 20)
    near = [
        step * 2**shift + offset for shift in (8, 15, 16, 17, 22) for step in range(-9, 10) for offset in (-1, 0, 1)
    ]
    codes = [
        source.low,
        source.high,
        *near,
        *(draw.randint(-(2 ** draw.randint(1, 39)), 2**39 - 1) for _ in range(200)),
    ]
    tested = [
        FixedType(draw.randint(3, 14), draw.randint(-2, 12), signed, rounding, overflow)
        for signed, rounding, overflow in product((True, False), Rounding, Overflow)
    ]
    calls = "\n".join(f"    enter<{each.name}>(numbers, {len(codes)});" for each in tested)
    numbers = ", ".join(f"{code}.0" for code in codes)
    program = PROGRAM.format(source=source.name, fraction=source.fraction, numbers=numbers, calls=calls)
    (tmp_path / "modes.cpp").write_text(program)
    command = ["g++", "-std=c++11", "-w", f"-I{ap_types()}", "modes.cpp", "-o", "modes"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    texts = subprocess.run([tmp_path / "modes"], check=True, capture_output=True, text=True).stdout.split()
    expected = [(each.name, code, each.enter(source.value(code))) for each in tested for code in codes]
    assert [(name, code, int(line)) for (name, code, _), line in zip(expected, texts, strict=True)] == expected
