"""Fixed-point types with the semantics of ``ap_fixed`` (AMD UG1399, "Arbitrary Precision Fixed-Point Data Types").

A tensor in fixed point is a tensor of integer *codes*; code * 2**-fraction is the number. This module is the
vocabulary and the plain arithmetic on single integers; arrays are evaluated in `models.evaluation`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import ceil, floor


class Rounding(Enum):
    """What happens to the bits below the last one. Values are the names that ap_fixed uses."""

    TRN = "AP_TRN"  # towards minus infinity: drop the bits
    TRN_ZERO = "AP_TRN_ZERO"  # towards zero
    RND = "AP_RND"  # to nearest, halves towards plus infinity
    RND_ZERO = "AP_RND_ZERO"  # to nearest, halves towards zero
    RND_INF = "AP_RND_INF"  # to nearest, halves away from zero
    RND_MIN_INF = "AP_RND_MIN_INF"  # to nearest, halves towards minus infinity
    RND_CONV = "AP_RND_CONV"  # to nearest, halves to even


class Overflow(Enum):
    """What happens above the highest and below the lowest code."""

    WRAP = "AP_WRAP"  # drop the bits above the sign
    SAT = "AP_SAT"  # the nearest code
    SAT_ZERO = "AP_SAT_ZERO"  # zero
    SAT_SYM = "AP_SAT_SYM"  # the nearest code of the symmetric range


def rounded(value: Fraction, mode: Rounding) -> int:
    """`value` as an integer.

    >>> [rounded(Fraction(-5, 2), mode) for mode in Rounding]
    [-3, -2, -2, -2, -3, -3, -2]
    """
    match mode:
        case Rounding.TRN:
            return floor(value)
        case Rounding.TRN_ZERO:
            return int(value)
        case Rounding.RND:
            return floor(value + Fraction(1, 2))
        case Rounding.RND_MIN_INF:
            return ceil(value - Fraction(1, 2))
        case Rounding.RND_ZERO:
            return ceil(value - Fraction(1, 2)) if value > 0 else floor(value + Fraction(1, 2))
        case Rounding.RND_INF:
            return floor(value + Fraction(1, 2)) if value > 0 else ceil(value - Fraction(1, 2))
        case Rounding.RND_CONV:
            return round(value)


@dataclass(frozen=True, slots=True)
class FixedType:
    """``ap_fixed<width, integer, rounding, overflow>``, or ``ap_ufixed`` where not `signed`.

    `integer` counts the sign bit and may be negative or larger than `width`. The two modes say how a number
    *enters* the type. Raises `ValueError` where `width` is below 1 (2 where signed and symmetric).
    """

    width: int
    integer: int
    signed: bool = True
    rounding: Rounding = Rounding.TRN
    overflow: Overflow = Overflow.WRAP

    def __post_init__(self) -> None:
        if self.width < 1 + (self.signed and self.overflow is Overflow.SAT_SYM):
            raise ValueError(f"a fixed-point type of {self.width} bits")

    @property
    def fraction(self) -> int:
        """Bits behind the point."""
        return self.width - self.integer

    @property
    def low(self) -> int:
        """The lowest code that exists (`Overflow.SAT_SYM` never produces it where signed)."""
        return -(1 << self.width - 1) if self.signed else 0

    @property
    def high(self) -> int:
        """The highest code."""
        return (1 << self.width - self.signed) - 1

    @property
    def name(self) -> str:
        """As hls4ml and Vitis HLS write it, modes only where they are not the defaults."""
        base = f"ap_{'' if self.signed else 'u'}fixed<{self.width},{self.integer}"
        if (self.rounding, self.overflow) == (Rounding.TRN, Overflow.WRAP):
            return f"{base}>"
        return f"{base},{self.rounding.value},{self.overflow.value}>"

    def enter(self, value: Fraction) -> int:
        """The code of the exact number `value` in this type.

        >>> byte = FixedType(8, 4, rounding=Rounding.RND, overflow=Overflow.SAT)
        >>> byte.enter(Fraction(3)), byte.enter(Fraction(100)), FixedType(8, 4).enter(Fraction(9))
        (48, 127, -112)
        """
        code = rounded(value * Fraction(2) ** self.fraction, self.rounding)
        if self.low <= code <= self.high and not (
            self.overflow is Overflow.SAT_SYM and self.signed and code == self.low
        ):
            return code
        match self.overflow:
            case Overflow.WRAP:
                return (code - self.low) % (1 << self.width) + self.low
            case Overflow.SAT:
                return self.high if code > self.high else self.low
            case Overflow.SAT_ZERO:
                return 0
            case Overflow.SAT_SYM:
                return self.high if code > self.high else (-self.high if self.signed else 0)

    def value(self, code: int) -> Fraction:
        """The exact number that `code` stands for."""
        return Fraction(code) / Fraction(2) ** self.fraction


_INTEGER = re.compile(r"(?:ap_)?(u?)int<\s*(\d+)\s*>")
_PATTERN = re.compile(r"(?:ap_)?(u?)fixed<\s*(\d+)\s*,\s*(-?\d+)\s*(?:,\s*(\w+)\s*)?(?:,\s*(\w+)\s*)?(?:,\s*0\s*)?>")


def parse_type(text: str) -> FixedType:
    """The type that `text` names, as hls4ml and Vitis HLS write it; raises `ValueError` with what was wrong.

    >>> parse_type("ap_ufixed<8,0,AP_RND,AP_SAT>").name
    'ap_ufixed<8,0,AP_RND,AP_SAT>'
    >>> parse_type("ap_int<4>").name
    'ap_fixed<4,4>'
    """
    if whole := _INTEGER.fullmatch(text.strip()):
        return FixedType(int(whole[2]), int(whole[2]), not whole[1])
    match = _PATTERN.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not ap_fixed<width,integer[,rounding,overflow]>")
    unsigned, width, integer, rounding, overflow = match.groups()
    try:
        modes = (Rounding(_prefixed(rounding or "AP_TRN")), Overflow(_prefixed(overflow or "AP_WRAP")))
    except ValueError as reason:
        raise ValueError(f"{text!r}: {reason}") from None
    return FixedType(int(width), int(integer), not unsigned, *modes)


def _prefixed(mode: str) -> str:
    return mode if mode.startswith("AP_") else f"AP_{mode}"


def separated(text: str) -> list[str]:
    """The parts of a list with commas; those between ``<`` and ``>`` belong to a type.

    >>> separated("ap_fixed<16,6>,dense=ap_fixed<8,3>")
    ['ap_fixed<16,6>', 'dense=ap_fixed<8,3>']
    """
    parts, start, inside = [], 0, False
    for mark in re.finditer("[,<>]", text):
        if mark[0] != ",":
            inside = mark[0] == "<"
        elif not inside:
            parts.append(text[start : mark.start()])
            start = mark.end()
    return [*parts, text[start:]]
