"""The checksum in a 7-series bitstream: CRC-32C over every word and the register that it is written to.

Of a word its 32 bits, then the five of the register's address, lowest first (AMD UG470; equal to what Vivado wrote in
every public bitstream that was read). The sum is linear: frames are summed apart, all at once, and put together after.
"""

from __future__ import annotations

from functools import cache

POLYNOMIAL = 0x82F63B78
CHUNK = 101
"""Words that are summed at once: a frame."""


def _shifted(value: int, bits: int) -> int:
    for _ in range(bits):
        value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
    return value


BYTES = [_shifted(value, 8) for value in range(256)]
ADDRESSES = [_shifted(value, 5) for value in range(32)]


def extend(crc: int, register: int, payload: memoryview) -> int:
    """The sum with `payload`, big-endian words, written to `register` behind what `crc` is of.

    >>> hex(extend(0, 4, memoryview(bytes([0, 0, 0, 9]))))
    '0xd28befe1'
    """
    whole = len(payload) // (4 * CHUNK) * 4 * CHUNK
    if whole:
        crc = _extend_frames(crc, register, payload[:whole])
    for at in range(whole, len(payload), 4):
        crc = _extend_word(crc, register, int.from_bytes(payload[at : at + 4], "big"))
    return crc


def _extend_word(crc: int, register: int, word: int) -> int:
    crc ^= word
    for _ in range(4):
        crc = crc >> 8 ^ BYTES[crc & 255]
    crc ^= register
    return crc >> 5 ^ ADDRESSES[crc & 31]


def _extend_frames(crc: int, register: int, payload: memoryview) -> int:
    import numpy

    words = numpy.frombuffer(payload, ">u4").astype(numpy.uint32).reshape(-1, CHUNK)
    by_byte, by_address = numpy.array(BYTES, numpy.uint32), numpy.array(ADDRESSES, numpy.uint32)
    sums = numpy.zeros(len(words), numpy.uint32)
    for column in range(CHUNK):
        sums ^= words[:, column]
        for _ in range(4):
            sums = sums >> 8 ^ by_byte[sums & 255]
        sums ^= numpy.uint32(register)
        sums = sums >> 5 ^ by_address[sums & 31]
    low, second, third, high = _advance()
    for frame in sums.tolist():
        crc = low[crc & 255] ^ second[crc >> 8 & 255] ^ third[crc >> 16 & 255] ^ high[crc >> 24] ^ frame
    return crc


@cache
def _advance() -> tuple[list[int], ...]:
    """Tables, one for each byte of a checksum, that update it for a following chunk of zeros."""
    bits = [_shifted(1 << bit, 37 * CHUNK) for bit in range(32)]
    return tuple([_summed(value << 8 * place, bits) for value in range(256)] for place in range(4))


def _summed(value: int, bits: list[int]) -> int:
    total = 0
    for bit, image in enumerate(bits):
        total ^= image if value >> bit & 1 else 0
    return total
