"""The DSP48E1 of the 7 series: a 25 x 18 bit two's complement multiplier before a 48-bit accumulator.

Source: AMD UG479 "7 Series DSP48E1 Slice".
"""

from __future__ import annotations

WIDE, NARROW = 25, 18


def dsp48(a: int, b: int) -> int:
    """DSP48E1 for one product of signed operands of `a` and `b` bits.

    An operand that is too wide is split: its lowest piece is unsigned and so one bit shorter than the port. Operands
    are assigned to the ports in the better order. A compiler may build small products in LUTs instead.

    >>> dsp48(16, 16), dsp48(25, 18), dsp48(26, 18), dsp48(32, 32)
    (1, 1, 2, 4)
    """
    if a < 1 or b < 1:
        raise ValueError(f"a product of {a} and {b} bits")
    return min(_pieces(a, WIDE) * _pieces(b, NARROW), _pieces(b, WIDE) * _pieces(a, NARROW))


def _pieces(bits: int, port: int) -> int:
    return 1 + max(0, -(-(bits - port) // (port - 1)))
