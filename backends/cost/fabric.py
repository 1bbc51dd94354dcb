"""LUTs used as memory and as adders in the 7 series.

Source: AMD UG474 "7 Series FPGAs Configurable Logic Block": one LUT of a SLICEM is a 32-bit shift register (SRL32),
two 16-bit ones (SRL16), or 64 x 1 bits of RAM; one LUT before the carry chain adds one bit.
"""

from __future__ import annotations


def shift_register_luts(depth: int, width: int) -> int:
    """LUTs of a shift register of `depth` words of `width` bits; two bits share a LUT up to a depth of 16.

    >>> shift_register_luts(16, 8), shift_register_luts(32, 8), shift_register_luts(33, 8)
    (4, 8, 16)
    """
    _positive(depth, width)
    return -(-width // 2) if depth <= 16 else width * -(-depth // 32)


def ram_luts(depth: int, width: int) -> int:
    """LUTs that hold a RAM with one write port and one read port: a FIFO, a line buffer.

    The four LUTs of a SLICEM share a write address and hold 64 x 3 bits (RAM64M) or 32 x 6 bits (RAM32M). The fourth is
    read at that address, and so is not used. The primitive that takes fewer LUTs is built. The multiplexers of deep
    memories are not counted.

    >>> ram_luts(32, 6), ram_luts(64, 3), ram_luts(65, 3), ram_luts(71, 112)
    (4, 4, 8, 228)
    """
    _positive(depth, width)
    return 4 * min(-(-depth // words) * -(-width // bits) for words, bits in ((64, 3), (32, 6)))


def adder_luts(bits: int) -> int:
    """LUTs of an adder of two `bits`-bit numbers.

    >>> adder_luts(16)
    16
    """
    return bits


def _positive(depth: int, width: int) -> None:
    if depth < 1 or width < 1:
        raise ValueError(f"a memory of {depth} words of {width} bits")
