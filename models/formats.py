"""Number formats by the names that people use: ``float32``, ``Qm.n``, ``ap_fixed<width,integer,...>``, ``intN``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import frexp

from flows.core.errors import UsageError
from models.fixed import FixedType, Overflow, Rounding, parse_type, separated

FLOAT = "float32"
WIDEST = 48
"""Bits: scaled weights and sums of a few stay exact in double precision."""


@dataclass(frozen=True)
class Format:
    """`type` is None for single precision. `scaled`: a power of two by tensor moves its point."""

    name: str
    type: FixedType | None
    scaled: bool = False

    def type_for(self, magnitude: float) -> FixedType:
        """The type of a tensor of weights whose largest magnitude this is."""
        assert self.type
        return stored_type(self.type.width, -magnitude, magnitude) if self.scaled else self.type


def stored_type(bits: int, low: float, high: float) -> FixedType:
    """The type of `bits` for a tensor that reaches from `low` to `high`: unsigned where it is never negative.

    Its scale is the smallest power of two that is at least the largest magnitude; to nearest, ties to even, saturating.

    >>> stored_type(8, -3.0, 5.0).name, stored_type(8, 0.0, 1.0).name
    ('ap_fixed<8,4,AP_RND_CONV,AP_SAT>', 'ap_ufixed<8,0,AP_RND_CONV,AP_SAT>')
    """
    signed = low < 0
    mantissa, exponent = frexp(max(abs(low), abs(high)))  # mantissa * 2**exponent, the mantissa at least a half
    return FixedType(bits, exponent - (mantissa == 0.5) + signed, signed, Rounding.RND_CONV, Overflow.SAT)


def parse_format(text: str) -> Format:
    """The format called `text`. Raises `UsageError` where there is none.

    ``Qm.n`` has m bits before the point, the sign among them, and n behind it; it rounds to nearest, ties to even, and
    saturates. ``intN`` is Q1.(N-1) with a power of two by tensor, the smallest that is at least its largest magnitude.
    What ap_fixed does stands in its name, and is truncation and wrapping where it does not.

    >>> parse_format("Q1.7").type.name, parse_format("int8").type_for(3.0).name
    ('ap_fixed<8,1,AP_RND_CONV,AP_SAT>', 'ap_fixed<8,3,AP_RND_CONV,AP_SAT>')
    """
    word = text.strip()
    if word.lower() in (FLOAT, "float"):
        return Format(FLOAT, None)
    try:
        if match := re.fullmatch(r"[qQ](\d+)\.(\d+)", word):
            integer, fraction = map(int, match.groups())
            if integer < 1:
                raise ValueError("m counts the sign bit, so it is at least 1")
            name = f"Q{integer}.{fraction}"
            type = FixedType(integer + fraction, integer, rounding=Rounding.RND_CONV, overflow=Overflow.SAT)
        elif scaled := re.fullmatch(r"int(\d+)", word):
            name = f"int{int(scaled[1])}"
            type = FixedType(int(scaled[1]), 1, rounding=Rounding.RND_CONV, overflow=Overflow.SAT)
        else:
            type = parse_type(word)
            name = type.name
        if type.width > WIDEST:
            raise ValueError(f"{type.width} bits are more than the {WIDEST} that are evaluated exactly")
    except ValueError as reason:
        advice = "take float32, Qm.n as in Q1.7, intN as in int8, or 'ap_fixed<8,1,AP_RND,AP_SAT>' in quotes"
        raise UsageError(f"format {word!r}", str(reason), advice) from None
    return Format(name, type, name.startswith("int"))


def parse_formats(text: str) -> tuple[Format, ...]:
    """Formats separated by commas, each once, single precision first (added if need be: the others are paired with it).

    >>> [format.name for format in parse_formats("Q1.3,ap_fixed<8,1>,float32,q1.3")]
    ['float32', 'Q1.3', 'ap_fixed<8,1>']
    """
    return tuple(dict.fromkeys((Format(FLOAT, None), *map(parse_format, separated(text)))))
