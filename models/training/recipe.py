"""How a network is trained: every number that the result depends on, as one value.

Both recipes hold out part of the training images, `held_out` of them, to choose the epoch that ships (in the seed's,
the rate as well); the test images are read once, after that choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import cos, pi
from typing import Any, ClassVar


@dataclass(frozen=True)
class Recipe:
    """SGD with Nesterov momentum, a warm-up, a cosine to zero; BatchNorm after every convolution; flips and shifts."""

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

    name: ClassVar[str] = "modern"
    batch_norm: ClassVar[bool] = True
    about: ClassVar[str] = "held-out training images choose the epoch; the test images are read once, at the end"

    def rate(self, epoch: float, accuracies: Sequence[float]) -> float:
        """At this point of the run: linear warm-up, then half a cosine down to zero at the last epoch."""
        if epoch < self.warmup_epochs:
            return self.peak_rate * epoch / self.warmup_epochs
        done = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.peak_rate * (1 + cos(pi * done)) / 2

    def ended(self, accuracies: Sequence[float]) -> bool:
        """Whether the run is over, by the held-out accuracy of every epoch so far."""
        return len(accuracies) >= self.epochs


@dataclass(frozen=True)
class SeedRecipe:
    """The published recipe: Adam as Keras has it, the network as it is, rotations, shifts and flips.

    The rate is halved after `patience` epochs without a better accuracy, the run ends after `stop_patience`, and its
    best epoch ships (Keras' ReduceLROnPlateau and EarlyStopping). The published run watched the test images for all
    three; here held-out training images are watched.
    """

    epochs: int = 100
    batch: int = 64
    peak_rate: float = 1e-3
    rotation: float = 15.0
    """Degrees, each way."""
    shift: float = 0.1
    """Of width and of height, each way. What comes in from outside repeats the edge."""
    factor: float = 0.5
    patience: int = 5
    min_delta: float = 1e-4
    """What counts as better, for the rate."""
    stop_patience: int = 15
    held_out: int = 5_000
    seed: int = 1

    name: ClassVar[str] = "seed"
    batch_norm: ClassVar[bool] = False
    average_decay: ClassVar[float] = 0.0
    about: ClassVar[str] = (
        "the published run halved its rate, stopped and chose its epoch by the test images; here held-out training "
        "images decide, and the test images are read once, at the end"
    )

    def rate(self, epoch: float, accuracies: Sequence[float]) -> float:
        """Halved at every plateau of the held-out accuracies so far."""
        rate, best, waited = self.peak_rate, 0.0, 0
        for accuracy in accuracies:
            if accuracy > best + self.min_delta:
                best, waited = accuracy, 0
                continue
            waited += 1
            if waited >= self.patience:
                rate, waited = rate * self.factor, 0
        return rate

    def ended(self, accuracies: Sequence[float]) -> bool:
        since_best = len(accuracies) - 1 - accuracies.index(max(accuracies)) if accuracies else 0
        return len(accuracies) >= self.epochs or since_best >= self.stop_patience


AnyRecipe = Recipe | SeedRecipe
RECIPES: dict[str, type[Recipe] | type[SeedRecipe]] = {recipe.name: recipe for recipe in (Recipe, SeedRecipe)}


def recipe_from_json(content: dict[str, Any]) -> AnyRecipe:
    """From its ``name`` (the modern one where absent) and the fields that differ from its own."""
    fields = dict(content)
    return RECIPES[fields.pop("name", Recipe.name)](**fields)


def recipe_to_json(recipe: AnyRecipe) -> dict[str, Any]:
    return {"name": recipe.name, **asdict(recipe)}
