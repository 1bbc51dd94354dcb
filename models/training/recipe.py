"""How a network is trained: every number that the result depends on, as one value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """SGD with Nesterov momentum, a warm-up and a cosine to zero; BatchNorm after every convolution; flips and shifts.

    `held_out` training images choose the epoch that ships; the test images are read once, after that choice.
    """

    epochs: int = 40
    batch: int = 128
    peak_rate: float = 0.2
    warmup_epochs: float = 3.0
    momentum: float = 0.9
    weight_decay: float = 3e-4
    """On kernels only."""
    shift: int = 4
    """Pixels, each way, zero filled."""
    average_decay: float = 0.998
    """Per step, of the exponential average of the weights, which is what is evaluated and shipped."""
    held_out: int = 5_000
    seed: int = 1
