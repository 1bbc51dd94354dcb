"""How the bytes of an image become the numbers that a network reads: its input normalisation, exact.

Byte p of channel c becomes ``p * gain[c] + offset[c]``. Zero padding stands around what comes out of that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

BYTES = 256
SIMPLE = 10_000
"""The largest denominator that is looked for in numbers of single precision, such as 1/255 in 0.003921569."""
LIKE_BYTES = Fraction(1, 16)
"""A first layer that multiplies by this or less was written for bytes, by more for x / 255."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """One gain and offset for all channels, or one for each. `known` says how that is known; empty where assumed."""

    gain: tuple[Fraction, ...] = (Fraction(1, 255),)
    offset: tuple[Fraction, ...] = (Fraction(0),)
    known: str = field(default="", compare=False)
    first: tuple[tuple[Fraction, ...], tuple[Fraction, ...]] | None = field(default=None, compare=False)
    """Gain and offset of what the network's own file does to its input first, while that is being read."""

    def __post_init__(self) -> None:
        if len(self.gain) != len(self.offset) or not self.gain:
            raise ValueError(f"{len(self.gain)} gains and {len(self.offset)} offsets")
        if not all(self.gain):
            raise ValueError("a gain of 0 would leave nothing of the image")

    @property
    def plain(self) -> bool:
        """Whether 0 stays 0, and all channels share a gain: a product, with nothing added."""
        return len(self.gain) == 1 and not self.offset[0]

    def number(self, byte: int, channel: int) -> Fraction:
        place = channel if len(self.gain) > 1 else 0
        return byte * self.gain[place] + self.offset[place]

    @property
    def tables(self) -> tuple[tuple[Fraction, ...], ...]:
        """The numbers of all bytes, a row a channel, or a single row for all."""
        return tuple(
            tuple(byte * gain + offset for byte in range(BYTES))
            for gain, offset in zip(self.gain, self.offset, strict=True)
        )

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """The lowest and the highest number that a byte becomes."""
        every = [row[byte] for row in self.tables for byte in (0, BYTES - 1)]
        return min(every), max(every)

    def then(self, gain: Sequence[Fraction], offset: Sequence[Fraction]) -> Pixels:
        """What a multiplication and an addition behind it make of it, each of one number or of one a channel."""
        size = max(len(self.gain), len(gain))
        own = zip(_spread(self.gain, size), _spread(self.offset, size), strict=True)
        more = zip(_spread(gain, size), _spread(offset, size), strict=True)
        rows = [
            (factor * other, shift * other + added) for (factor, shift), (other, added) in zip(own, more, strict=True)
        ]
        rows = rows if len(set(rows)) > 1 else rows[:1]
        return Pixels(tuple(row[0] for row in rows), tuple(row[1] for row in rows), self.known)

    def __str__(self) -> str:
        """As a formula of the byte x.

        >>> print(UNIT, RAW, CENTRED, normalised([Fraction("0.5")], [Fraction("0.25")]), sep="; ")
        x / 255; x, 0 to 255; (x / 255 - 0.5) / 0.5; (x / 255 - 0.5) / 0.25
        """
        if self.plain:
            gain = self.gain[0]
            return "x, 0 to 255" if gain == 1 else f"x / {_text(1 / gain)}"
        if len(self.gain) == 1 and self.gain[0] == 1:
            return f"x {'-' if self.offset[0] < 0 else '+'} {_text(abs(self.offset[0]))}"
        deviation = [1 / (255 * gain) for gain in self.gain]
        mean = [-offset * channel for offset, channel in zip(self.offset, deviation, strict=True)]
        return f"(x / 255 - {_listed(mean)}) / {_listed(deviation)}"


def scaled(gain: Fraction) -> Pixels:
    """Bytes times `gain`."""
    return Pixels((gain,), (Fraction(0),))


def normalised(mean: Sequence[Fraction], deviation: Sequence[Fraction], known: str = "") -> Pixels:
    """``(x / 255 - mean) / deviation``, as torchvision's Normalize; raises `ValueError`."""
    if len(mean) != len(deviation):
        raise ValueError(f"{len(mean)} means and {len(deviation)} deviations")
    if not all(channel > 0 for channel in deviation):
        raise ValueError("a deviation must be above 0")
    gain = tuple(1 / (255 * channel) for channel in deviation)
    return Pixels(gain, tuple(-channel / other for channel, other in zip(mean, deviation, strict=True)), known)


UNIT = Pixels()
RAW = scaled(Fraction(1))
CENTRED = normalised([Fraction(1, 2)], [Fraction(1, 2)])
NAMED = {"raw": RAW, "unit": UNIT, "centred": CENTRED}
"""What ``--pixels`` calls common scalings."""
NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20}|/\d{1,20})?")
USAGE = (
    "raw (bytes, 0 to 255), unit (x / 255), centred (-1 to 1), or MEAN,STD of x / 255: two numbers, or all channels' "
    "means and then their deviations; fractions such as 128/255 too"
)


def parse_pixels(text: str) -> Pixels:
    """What ``--pixels`` says; raises `ValueError` with the reason.

    >>> print(parse_pixels("0.5,0.25"), parse_pixels("128/255,1/255"), sep="; ")
    (x / 255 - 0.5) / 0.25; x - 128
    """
    known = f"--pixels {text}"
    if text in NAMED:
        return Pixels(NAMED[text].gain, NAMED[text].offset, known)
    parts = [part.strip() for part in text.split(",")]
    try:
        numbers = [Fraction(part) for part in parts if NUMBER.fullmatch(part)]
    except ZeroDivisionError:
        numbers = []
    if len(numbers) != len(parts) or len(numbers) % 2:
        raise ValueError(f"{text[:60]!r} is none of: {USAGE}")
    middle = len(numbers) // 2
    return normalised(numbers[:middle], numbers[middle:], known)


def reads_bytes(gain: Sequence[Fraction], offset: Sequence[Fraction]) -> bool:
    """Whether a network whose first layer computes ``gain * x + offset`` reads bytes there, rather than x / 255: what
    it subtracts lies beyond 1, or it divides by much.

    >>> reads_bytes([Fraction(1, 255)], [Fraction(0)]), reads_bytes([Fraction(1)], [Fraction(-128)])
    (True, True)
    >>> reads_bytes([Fraction(2)], [Fraction(-1)])
    False
    """
    rows = list(zip(gain, offset, strict=True))
    return any(abs(factor) <= LIKE_BYTES or abs(shift / factor) > 1 for factor, shift in rows)


def simple(number: float) -> Fraction:
    """The simple fraction that a number of single precision stands for, or else the number itself.

    >>> simple(0.003921569), simple(0.1234567)
    (Fraction(1, 255), Fraction(4447996384931129, 36028797018963968))
    """
    exact = Fraction(number)
    near = exact.limit_denominator(SIMPLE)
    return near if abs(near - exact) * 5_000_000 <= abs(exact) else exact


def _spread(numbers: Sequence[Fraction], size: int) -> Sequence[Fraction]:
    if len(numbers) not in (1, size):
        raise ValueError(f"{len(numbers)} numbers for {size} channels")
    return numbers if len(numbers) == size else [numbers[0]] * size


def _listed(numbers: Sequence[Fraction]) -> str:
    texts = [_text(number) for number in numbers]
    return texts[0] if len(set(texts)) == 1 else f"({', '.join(texts)})"


def _text(number: Fraction) -> str:
    return f"{float(number):.6g}"
