"""Brevitas' integer quantiser in two passes over memory in place of twenty-five. Imports torch and brevitas.

Brevitas divides, adds a zero point, rounds, clamps by two selections, subtracts and multiplies, each an operation on
the whole tensor with one or two more on the way back. On small networks that takes several times as long as the
convolutions. `FastIntQuant` takes the place of its ``int_quant`` while a network trains, and computes the same numbers;
in evaluation and export Brevitas' own runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from brevitas.core.quant import IntQuant
from torch import Tensor


def quantised(x: Tensor, scale: Tensor, low: float, high: float) -> Tensor:
    """The nearest codes of `scale`, ties to even, times `scale`."""
    return torch.clamp(torch.round(x / scale), low, high) * scale


def gradients(gradient: Tensor, x: Tensor, scale: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Of `x`, straight through where nothing is clipped, and of `scale`, from the `gradient` of what is left."""
    share = x / scale
    rounded = torch.round(share)
    codes = torch.clamp(rounded, low, high)
    inside = rounded == codes
    of_scale = gradient.float() * (codes - torch.where(inside, share, 0.0)).float()
    return torch.where(inside, gradient, 0.0), of_scale.sum_to_size(scale.shape)


FORMS: dict[str, Callable[..., Any]] = {"quantised": quantised, "gradients": gradients}
"""As they stand, or as torch compiles them."""


def compile_rounding() -> None:
    """Lets torch generate C++ for both, one pass each; it needs g++."""
    FORMS["quantised"] = torch.compile(quantised, dynamic=True)
    FORMS["gradients"] = torch.compile(gradients, dynamic=True)


class _Rounding(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x, scale)
        ctx.ends = low, high
        done: Tensor = FORMS["quantised"](x, scale, low, high)
        return done

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        of_x, of_scale = FORMS["gradients"](gradients[0], *ctx.saved_tensors, *ctx.ends)
        return of_x, of_scale, None, None


class FastIntQuant(IntQuant):  # type: ignore[misc]
    """For quantisers without a zero point, which all of the standard symmetric ones are."""

    def forward(self, scale: Tensor, zero_point: Tensor, bit_width: Tensor, x: Tensor) -> Tensor:
        if not self.training:
            done: Tensor = super().forward(scale, zero_point, bit_width, x)
            return done
        low, high = float(self.min_int(bit_width)), float(self.max_int(bit_width))
        return torch.as_tensor(_Rounding.apply(x, scale, low, high))
