"""Fixed-point types on tensors: how integers held in floats enter a type, exactly. Imported by workers only.

A float32 holds every integer up to 2**24 exactly, a float64 up to 2**53, and a shift is a product with a power of two,
which is exact as well. So arithmetic on integers in floats is exact as long as their largest magnitude, the *reach*,
is known and small enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.fixed import FixedType, Overflow, Rounding

SINGLE, DOUBLE = 2**24, 2**53


def precision(reach: int) -> torch.dtype:
    """The cheapest float that holds integers up to `reach` exactly; raises `ValueError` where none does."""
    if reach >= DOUBLE:
        raise ValueError(f"a number may reach 2**{reach.bit_length() - 1}, and a double is exact up to 2**53 only")
    return torch.float32 if reach < SINGLE else torch.float64


@dataclass(frozen=True)
class Entry:
    """The way of integers with `fraction` bits behind the point, of magnitude up to `reach`, into `type`.

    Raises `ValueError` where it could not be exact.
    """

    fraction: int
    reach: int
    type: FixedType

    def __post_init__(self) -> None:
        precision(self.reach + self._half)
        if self._overflows and self.type.width > 53:
            raise ValueError(f"{self.type.name} may overflow, at more bits than a double holds exactly")

    @property
    def _drop(self) -> int:
        return self.fraction - self.type.fraction

    @property
    def _half(self) -> int:
        """At least what rounding adds before it drops bits."""
        return 1 << self._drop if self._drop > 0 else 0

    @property
    def _rounded(self) -> int:
        """The reach once rounded, before the type's range counts."""
        return (self.reach >> self._drop) + 1 if self._drop > 0 else self.reach << -self._drop

    @property
    def _overflows(self) -> bool:
        return not self.type.signed or self._rounded > self.type.high

    @property
    def result(self) -> int:
        """The reach of the codes."""
        most = max(self.type.high, -self.type.low)
        return most if self._overflows and self.type.overflow is Overflow.WRAP else min(self._rounded, most)

    def __call__(self, values: Tensor) -> Tensor:
        """The codes of `values`, which may be overwritten: float32 where these are exact in it, else float64."""
        if self._drop < 0 or self.reach + self._half >= SINGLE:
            values = values.double()
        if self._drop:
            values = values.mul_(2.0**-self._drop)
        if self._drop > 0:
            round_to_integers(values, self.type.rounding)
        if self._overflows:
            values = confine(values, self.type)
        return values.to(precision(self.result) if self.result < DOUBLE else torch.float64)


def round_to_integers(values: Tensor, mode: Rounding) -> None:
    """To integers, in place."""
    match mode:
        case Rounding.TRN:
            values.floor_()
        case Rounding.TRN_ZERO:
            values.trunc_()
        case Rounding.RND_CONV:
            values.round_()
        case Rounding.RND:
            values.add_(0.5).floor_()
        case Rounding.RND_MIN_INF:
            values.sub_(0.5).ceil_()
        case Rounding.RND_ZERO:
            values.copy_(values.sign() * (values.abs() - 0.5).ceil_())
        case Rounding.RND_INF:
            values.copy_(values.sign() * (values.abs() + 0.5).floor_())


def confine(values: Tensor, type: FixedType) -> Tensor:
    """Integers to codes that exist, in place where nothing wraps. In double where a bound needs it."""
    if type.width > 24:
        values = values.double()
    match type.overflow:
        case Overflow.SAT:
            return values.clamp_(type.low, type.high)
        case Overflow.SAT_SYM:
            return values.clamp_(-type.high if type.signed else 0, type.high)
        case Overflow.SAT_ZERO:
            return values.masked_fill_((values < type.low) | (values > type.high), 0)
        case Overflow.WRAP:
            least, most = values.aminmax()
            if least >= type.low and most <= type.high:
                return values
            turned = values.double().remainder(2.0**type.width)
            return torch.where(turned > type.high, turned - 2.0**type.width, turned)
