"""The form of a resource model: what is certain of a node's LUTs or FFs, and the counts that the rest is linear in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ResourceModel:
    """A resource model: `certain` follows from the source, and the fitted part is linear in `features`."""

    name: str
    certain: float
    features: Features


def address(words: int) -> int:
    """Bits that count to `words`.

    >>> address(1), address(32), address(33)
    (0, 5, 6)
    """
    return (words - 1).bit_length()


def in_bytes(bits: int) -> int:
    """Bits of an AXI stream that carries `bits`: whole bytes.

    >>> in_bytes(3), in_bytes(8), in_bytes(27)
    (8, 8, 32)
    """
    return -(-bits // 8) * 8
