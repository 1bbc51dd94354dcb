"""The layers that a network of integers alone has beside the others: thresholds, sums in place of averages, the host.

A quantised network whose scales are any floats computes on integers nevertheless, as FINN builds it: products of codes
are added, and thresholds, integers themselves, say which code a sum becomes. Bias, batch normalisation, ReLU and the
scales on both sides are in the thresholds (see `models.thresholds`). The last scale and offset are the host's.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from models.layers import Layer, Shape, Window


@dataclass(frozen=True, slots=True)
class Threshold(Layer):
    """`low` plus how many of its channel's `steps` thresholds an element has reached.

    ``thresholds`` (channels, steps), int32, ascend in each channel; ``signs`` (channels,) are 1 or -1: an element is
    multiplied by its channel's sign before it is compared, so that a channel may fall as well as rise.
    """

    steps: int
    low: Whole
    kind: ClassVar[str] = "threshold"

    def output_shape(self, *shapes: Shape) -> Shape:
        if self.steps < 1:
            raise ValueError(f"{self.steps} thresholds: at least 1 is needed")
        return shapes[0]

    def weight_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        channels = shapes[0][-1]
        return {"thresholds": (channels, self.steps), "signs": (channels,)}


@dataclass(frozen=True, slots=True)
class GlobalSum(Layer):
    """The sum of an image's pixels: an average but for its divisor, which is in the scale of what reads it."""

    kind: ClassVar[str] = "global_sum"

    def output_shape(self, *shapes: Shape) -> Shape:
        if len(shapes[0]) != 3:
            raise ValueError(f"needs an image (height, width, channels), got {shapes[0]}")
        return (shapes[0][-1],)


@dataclass(frozen=True, slots=True)
class WindowSum(Window):
    """The sum of each window without its lowest `shift` bits, rounded down: an average but for its scale."""

    shift: Whole
    kind: ClassVar[str] = "window_sum"

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*self.window_output(shapes[0]), shapes[0][-1])


@dataclass(frozen=True, slots=True)
class HostScale(Layer):
    """``gain * element + offset``, one of each an element, in floating point on the host: integers to logits."""

    kind: ClassVar[str] = "host_scale"
    on_host: ClassVar[bool] = True

    def weight_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        return dict.fromkeys(("gain", "offset"), (prod(shapes[0]),))


Whole = int
"""Any integer, 0 and negative ones too."""
