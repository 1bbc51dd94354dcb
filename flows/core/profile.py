"""What the tensors of a design reach against what their fixed-point types hold: one row a tensor, in network order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a tensor is of a design."""

    IMAGE = "image"
    KERNEL = "kernel"
    BIAS = "bias"
    RESULT = "result"


@dataclass(frozen=True)
class Rounded:
    """The `n` weights of one tensor in their type."""

    n: int
    out_of_range: int
    """How many the type cannot hold."""
    to_zero: int
    """How many are not zero and become zero, those that wrap to zero left out."""
    sqnr_db: float | None
    """Signal power over the power of the error; None where every weight is held exactly."""
    quantiles: tuple[float, ...]
    """Of the magnitudes, at `QUANTILES`."""


QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Row:
    """One tensor. Numbers are in its own unit; `low` and `high` is what it reaches, before it enters `type`.

    `had` are the integer bits of `type`, the sign among them; `needed` those of the narrowest type with the same step,
    sign and rounding that holds the reach, None where an unsigned type meets negative numbers. `beyond` counts the
    steps by which the reach leaves the type, 0 where it does not. `cut` says that only ReLUs read this result and the
    type saturates: what is below zero becomes zero whatever the type, and counts in neither of the two.
    """

    tensor: str
    role: Role
    type: str
    low: float
    high: float
    lowest: float
    highest: float
    step: float
    needed: int | None
    had: int
    beyond: int
    cut: bool = False
    weights: Rounded | None = None
    right: int | None = None
    """Of the images of a `Judged`, how many the float network gets right with this tensor alone in its type."""

    @property
    def headroom(self) -> int | None:
        """Integer bits to spare; below 0 where the reach leaves the type."""
        return None if self.needed is None else self.had - self.needed


@dataclass(frozen=True)
class Judged:
    """Test images, and how many of them the float network gets right."""

    n: int
    float_right: int


@dataclass(frozen=True)
class Profile:
    """Of one design. `weights` and `quantised` are digests, `images` that of the `n` images that gave the ranges; with
    an `n` of 0 they were not measured, but are bounds on any image."""

    network: str
    flow: str
    weights: str
    quantised: str
    images: str
    n: int
    rows: tuple[Row, ...]
    judged: Judged | None = None
    pixels: str = "x / 255"
    """What the network was given for a byte x."""
