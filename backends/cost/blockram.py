"""Block RAM of the 7 series, in halves of 18 Kbit (RAMB18E1).

Source: AMD UG473 "7 Series FPGAs Memory Resources", tables 1-10 and 1-11: port aspect ratios of the RAMB18E1.
"""

from __future__ import annotations

BITS = 18 * 1024
"""Capacity of one RAMB18, parity bits included."""

SIMPLE_DUAL_PORT = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""(depth, width) of one RAMB18 with one read and one write port. 36 bits wide exists in this mode and as a ROM."""


def bram18(depth: int, width: int, widest: int = 36) -> int:
    """RAMB18 for `depth` words of `width` bits, all of the same aspect ratio: the best one up to `widest` bits.

    >>> bram18(512, 36), bram18(513, 36), bram18(1024, 18), bram18(4096, 8)
    (1, 2, 1, 2)
    >>> bram18(169, 76), bram18(169, 76, widest=18)
    (3, 5)
    """
    if depth < 1 or width < 1:
        raise ValueError(f"a memory of {depth} words of {width} bits")
    shapes = [shape for shape in SIMPLE_DUAL_PORT if shape[1] <= widest]
    return min(-(-depth // words) * -(-width // bits) for words, bits in shapes)
