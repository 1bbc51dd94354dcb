"""How many thresholds each element of a tensor has reached, for many images. Imported by workers only: it loads torch.

Thresholds that a quantiser left lie on a line, each rounded up to an integer. So the count is, almost always, the floor
of a line through the element: one multiplication and one addition in place of a search. That is proved for every
channel before it is used. Rounded multiplication and addition never fall where their operand rises, and neither does
the floor; so where the line gives the right count at each threshold, one below it and at both ends, it does so
everywhere. Where it does not, in neither precision, thresholds are searched.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.evaluation.entry import precision

STEPS = 100
"""Of the search for the slope, each of which leaves two thirds."""
LEAST, HUGE = 1e-6, 1e300
"""The least distance of two thresholds, and what is beyond all of them."""


class Reached:
    """`low` plus the count, by channel, of elements of magnitude up to `reach`; tensors (n, channels, ...)."""

    def __init__(self, low: int, thresholds: NDArray[Any], signs: NDArray[Any], reach: int) -> None:
        self.low, self.highest = low, low + thresholds.shape[1]
        self.signs = torch.from_numpy(signs.astype(np.float64))
        ladder = np.sort(thresholds.astype(np.int64), axis=1)
        self.line = next(filter(None, (_line(ladder, reach, kind) for kind in _kinds(reach))), None)
        self.kind = precision(reach)
        self.ladder = torch.from_numpy(ladder).to(torch.float64)

    def __call__(self, x: Tensor) -> Tensor:
        column = (-1, *(1,) * (x.ndim - 2))
        if self.line is None:
            return self._searched(x * self.signs.to(x.dtype).reshape(column))
        slope, offset = self.line
        slope = slope * self.signs.to(slope.dtype)  # exact: a change of sign
        values = x.to(slope.dtype) * slope.reshape(column)
        values = values.add_(offset.reshape(column)).floor_().clamp_(0, self.highest - self.low)
        return values.add_(self.low).float()

    def _searched(self, x: Tensor) -> Tensor:
        rows = x.movedim(1, 0).reshape(x.shape[1], -1).double().contiguous()
        counts = torch.searchsorted(self.ladder, rows, right=True)
        return (counts + self.low).float().reshape(x.shape[1], x.shape[0], *x.shape[2:]).movedim(0, 1)


def _kinds(reach: int) -> tuple[torch.dtype, ...]:
    return (torch.float32, torch.float64) if precision(reach) == torch.float32 else (torch.float64,)


def _line(ladder: NDArray[np.int64], reach: int, kind: torch.dtype) -> tuple[Tensor, Tensor] | None:
    """(slope, offset) by channel, whose floor is the count for every integer up to `reach`; None without one."""
    slope, offset = (torch.from_numpy(part).to(kind) for part in _fitted(ladder, reach))
    channels, steps = ladder.shape
    ends = np.tile([-reach, reach], (channels, 1))
    places = torch.from_numpy(np.concatenate([ladder, ladder - 1, ends], 1).clip(-reach, reach))
    counts = torch.searchsorted(torch.from_numpy(ladder), places, right=True)
    fitted = (places.to(kind) * slope[:, None] + offset[:, None]).floor().clamp(0, steps)
    return (slope, offset) if torch.equal(fitted.long(), counts) else None


def _fitted(ladder: NDArray[np.int64], reach: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The line that is furthest, at the worst threshold, from a count too many and one too few.

    Where thresholds lie at a distance d, threshold k is between ``t0 + k * d`` and one more. How far the thresholds
    stray from that is convex in d: it is searched by thirds.
    """
    channels, steps = ladder.shape
    count = np.arange(steps)
    inside = (ladder > -reach) & (ladder <= reach)

    def band(distance: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        left = ladder - count * distance[:, None]
        return np.where(inside, left, HUGE).min(1), np.where(inside, left, -HUGE).max(1)

    low, high = np.zeros(channels), np.full(channels, 2.0 * reach + 2)
    for _ in range(STEPS):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        (least, most), (least2, most2) = band(first), band(second)
        nearer = most - least < most2 - least2  # a single threshold: the flattest line
        low, high = np.where(nearer, low, first), np.where(nearer, second, high)
    distance = np.maximum((low + high) / 2, LEAST)
    least, most = band(distance)
    always = (ladder <= -reach).sum(1)
    return 1 / distance, np.where(inside.any(1), 1 - (least + most - 1) / 2 / distance, always + 0.5)
