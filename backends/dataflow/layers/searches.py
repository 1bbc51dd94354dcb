"""How thresholds make codes in hardware: each code is found bit by bit among the ascending thresholds of its channel.

A search of n steps distinguishes 2^n places: the codes from 0, or from -2^(n-1) where there are negative ones.
Thresholds of codes that the layer does not have are always reached, or never. For a channel that falls as its integer
rises, the search finds the first threshold that is no longer reached, and counts its place from the other end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from models.integers import Threshold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Search:
    """A search as the library builds it: `steps` comparisons, of `searched` channels at a time. After `groups` groups
    of channels the thresholds repeat; 1 where all channels have the same. Where `below`, codes may be negative; where
    `falls`, a channel may fall. Thresholds of the steps from `block_from` on are in block RAM."""

    steps: int
    below: bool
    falls: bool
    groups: int
    searched: int
    block_from: int


@dataclass(frozen=True, eq=False)
class Ladders:
    """The thresholds of a layer (channels, steps) and the signs of its channels."""

    layer: Threshold
    thresholds: NDArray[np.int64]
    signs: NDArray[np.int64]

    @cached_property
    def below(self) -> bool:
        return self.layer.low < 0

    @cached_property
    def steps(self) -> int:
        """How many comparisons distinguish all codes.

        >>> layer = Threshold("codes", ("sums",), steps=14, low=-7)
        >>> Ladders(layer, None, None).steps, Ladders(Threshold("codes", ("sums",), 3, 0), None, None).steps
        (4, 2)
        """
        low, high = self.layer.low, self.layer.low + self.layer.steps
        if low >= 0:
            return high.bit_length()
        return max((-low - 1).bit_length(), high.bit_length() if high > 0 else 0) + 1

    @cached_property
    def falls(self) -> bool:
        return bool((self.signs < 0).any())

    @cached_property
    def alike(self) -> bool:
        """Whether all channels have the same thresholds and signs."""
        return bool((self.thresholds == self.thresholds[0]).all() and (self.signs == self.signs[0]).all())

    def words(self, bits: int, searched: int, lanes: int) -> Iterator[NDArray[Any]]:
        """The memory content of each step: a row for each group of `searched` channels and each place so far, with
        thresholds of `bits` bits. The channels are padded to a multiple of `lanes`. In the first step, a bit above each
        threshold says whether the channel falls."""
        import numpy as np

        never, always = (1 << bits - 1) - 1, -1 << bits - 1
        reached = np.full((len(self.thresholds), (1 << self.steps) - 1), never, np.int64)
        first = self.layer.low + ((1 << self.steps - 1) if self.below else 0)
        rising, falling = self.thresholds, 1 - self.thresholds[:, ::-1]
        before = np.where(self.signs < 0, reached.shape[1] - first - rising.shape[1], first)
        ladder = np.where(self.signs[:, None] < 0, falling, rising)
        for row, own, start in zip(reached, ladder, before.tolist(), strict=True):
            row[:start] = always
            row[start : start + len(own)] = own
        reached, falls = reached.clip(always, never), (self.signs < 0).astype(np.int64)
        if self.alike:
            reached, falls = reached[:1].repeat(searched, 0), falls[:1].repeat(searched)
        else:
            spare = -len(reached) % lanes
            reached, falls = np.pad(reached, ((0, spare), (0, 0))), np.pad(falls, (0, spare))
        for step in range(self.steps):
            middle = reached[:, (1 << self.steps - step - 1) - 1 :: 1 << self.steps - step]
            if step == 0 and self.falls:
                middle = (middle & (1 << bits) - 1) + (falls[:, None] << bits)
            yield middle.reshape(-1, searched, 1 << step).transpose(0, 2, 1).reshape(-1, searched)


def ladders(layer: Threshold, tensors: Mapping[str, NDArray[Any]]) -> Ladders:
    """Of the tensors `thresholds` (channels, steps) and `signs` (channels,) of `layer`."""
    thresholds, signs = (tensors[f"{layer.name}/{role}"].astype("int64") for role in ("thresholds", "signs"))
    return Ladders(layer, thresholds, signs)


def at_a_time(pe: int, turns: int) -> int:
    """How many channels are searched at a time: the fewest that keep up with `pe` channels every `turns` cycles.

    >>> at_a_time(14, 9), at_a_time(4, 9), at_a_time(6, 1)
    (2, 1, 6)
    """
    return next(few for few in range(1, pe + 1) if pe % few == 0 and pe // few <= turns)
