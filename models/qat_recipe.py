"""How a network is trained with its quantisers: every number that the result depends on, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from models.layers import WEIGHTED
from models.network import INPUT, Network

OPTIONS = {
    "weight_bits": "--weight-bits",
    "outer_weight_bits": "--outer-weight-bits",
    "activation_bits": "--activation-bits",
    "per_channel": "--per-channel",
    "power_of_two": "--power-of-two",
    "half_precision": "--bf16",
    "epochs": "--epochs",
    "peak_rate": "--rate",
    "seed": "--seed",
}
"""What of a recipe `flows train --qat` takes."""


@dataclass(frozen=True)
class QatRecipe:
    """Adam towards the float network's softened answers and the labels: a short warm-up, then the rate falls to zero
    over the whole training, since codes that flip at a high rate gain nothing."""

    weight_bits: int = 4
    outer_weight_bits: int | None = None
    """Of the layers that read the image and the one that makes the logits; None: as all others."""
    activation_bits: int = 4
    per_channel: bool = False
    """A scale for each output channel of a kernel, not one for all of it."""
    power_of_two: bool = False
    """Every scale a power of two, not a number of 24 bits."""
    epochs: int = 16
    batch: int = 128
    peak_rate: float = 1e-3
    scale_rate: float = 0.1
    """Of the quantisers' scales, as a share of the rate."""
    warmup_steps: int = 200
    temperature: float = 2.0
    towards_float: float = 0.7
    """Share of the loss that compares with the float network; the rest compares with the labels."""
    shift: int = 4
    """Pixels, each way, zero filled; half of the images are mirrored. 0: images as they are."""
    held_out: int = 1_000
    """Training images that only tell how it goes: nothing is chosen by them, and the last epoch ships."""
    half_precision: bool = False
    """Convolutions and activations in bfloat16 while training; evaluation and export never."""
    seed: int = 1

    def bits_of(self, network: Network) -> dict[str, int]:
        """Bits of every kernel, by layer."""
        outer = self.outer_weight_bits or self.weight_bits
        return {
            layer.name: outer if INPUT in layer.inputs or layer.name == network.logits else self.weight_bits
            for layer in network.layers
            if isinstance(layer, WEIGHTED)
        }

    def rate(self, step: int, steps: int) -> float:
        """At this step, with so many in an epoch."""
        warm = min(1.0, step / self.warmup_steps) if self.warmup_steps else 1.0
        return self.peak_rate * warm * (1 - step / (steps * self.epochs))

    @property
    def variant(self) -> str:
        """The suffix of the files' names: w4a4, or w8-4a4 where the outer layers have 8 bits."""
        outer = f"{self.outer_weight_bits}-" if self.outer_weight_bits else ""
        return f"w{outer}{self.weight_bits}a{self.activation_bits}"

    @property
    def options(self) -> str:
        """Of `flows train --qat`, what makes this recipe."""
        values = {option: getattr(self, name) for name, option in OPTIONS.items()}
        usual = {option: getattr(QatRecipe(), name) for name, option in OPTIONS.items()}
        asked = {option: value for option, value in values.items() if value != usual[option]}
        return "".join(f" {option}" if value is True else f" {option} {value}" for option, value in asked.items())
