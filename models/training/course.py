"""One training as both frameworks see it: what goes in, which files stand in its folder, what ships at its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from flows.core.digest import digest_of
from flows.core.errors import InputError, StepFailed
from flows.core.worker import JOB
from models import cifar10
from models.cifar10 import Images
from models.folding import folded
from models.network import Network
from models.pixels import UNIT
from models.proportion import wilson
from models.ranges import Ranges
from models.serial import network_from_json
from models.training.files import Progress, replacing
from models.training.progress import result_line
from models.training.recipe import AnyRecipe, recipe_to_json
from models.weights import open_weights, save_weights
from models.zoo import NETWORKS

CALIBRATION_IMAGES = 10_000
TORCH, TENSORFLOW = "torch", "tensorflow"


@dataclass(frozen=True)
class Course:
    """A network, a recipe and images in `out`, the folder of its files.

    `source` is what the user named: a network of the project's, or a file. `rest` is trained on, `chooser` chooses.
    """

    network: Network
    recipe: AnyRecipe
    rest: Images
    chooser: Images
    out: Path
    source: str
    framework: str = TORCH

    @classmethod
    def begin(
        cls, network: Network, recipe: AnyRecipe, images: Images, out: Path, source: str = "", framework: str = TORCH
    ) -> Course:
        out.mkdir(parents=True, exist_ok=True)
        parts = cifar10.split(images, recipe.held_out, recipe.seed)
        return cls(network, recipe, *parts, out, source or network.name, framework)

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.safetensors"

    @property
    def best(self) -> Path:
        return self.out / "best.safetensors"

    @cached_property
    def identity(self) -> str:
        """What a checkpoint is of."""
        inputs: list[Any] = [asdict(self.recipe), self.network.digest, self.rest.digest]
        inputs += [self.network.pixels.gain, self.network.pixels.offset] if self.network.pixels != UNIT else []
        return digest_of(inputs if self.framework == TORCH else [*inputs, self.framework])

    def taken(self) -> InputError:
        """The refusal to write over another training."""
        fact = "the checkpoint of another training: its recipe, network, images or framework differ"
        return InputError(str(self.checkpoint), fact, "name another --out, or remove it")

    def diverged(self, epoch: int, loss: float) -> StepFailed:
        whole = f"the checkpoint of epoch {epoch} is kept" if epoch else "nothing was kept"
        fact = f"the loss became {loss} in epoch {epoch + 1}; {whole} in {self.out}"
        advice = "start in another --out with a lower --rate or another --seed"
        return StepFailed(f"training of {self.network.name}", fact, advice)

    def announce(self, done: int) -> None:
        start = f"goes on after epoch {done}" if done else f"{len(self.rest):,} images"
        print(f"{self.network.name}, recipe {self.recipe.name}, {start}: {self.recipe.about}", flush=True)

    def write_curves(self, progress: Progress) -> None:
        curves = {"network": self.network.name, "recipe": recipe_to_json(self.recipe)}
        content = {**curves, "best": progress.best, "history": progress.history}
        with replacing(self.out / "curves.json") as scratch:
            scratch.write_text(json.dumps(content, indent=1) + "\n")

    def ship(
        self,
        progress: Progress,
        tensors: Mapping[str, np.ndarray],
        reach: Callable[[np.ndarray], Mapping[str, tuple[float, float]]],
        right: Callable[[Images], int],
        versions: Mapping[str, str],
        folder: Path,
    ) -> None:
        """Writes weights, ranges and card of the folded network on `tensors`. `reach` measures the ranges on pixels,
        `right` counts images. The only place where the test images, in `folder`, are read: once, after the choice."""
        network, training, recipe = folded(self.network), self.rest, self.recipe
        path = self.out / f"{network.name}.safetensors"
        with replacing(path) as scratch:
            save_weights(scratch, tensors, network)
        weights = open_weights(path, network).digest
        calibration = training[:CALIBRATION_IMAGES]
        reached = dict(reach(calibration.pixels))
        with replacing(self.out / f"{network.name}.ranges.json") as scratch:
            Ranges(network.digest, weights, calibration.digest, len(calibration), reached).save(scratch)
        test = cifar10.read(folder, cifar10.TEST)
        count = right(test)
        low, high = wilson(count, len(test), 0.95)
        options = f" --recipe {recipe.name} --epochs {recipe.epochs} --seed {recipe.seed} --rate {recipe.peak_rate}"
        options = f" --framework {self.framework}{options}" if self.framework != TORCH else options
        card = {
            "network": network.name,
            "architecture": network.digest,
            "weights": weights,
            "test": {
                "accuracy": count / len(test), "n": len(test), "low95": low, "high95": high, "images": test.digest,
            },
            "chosen_by": {"held_out": len(self.chooser), "images": self.chooser.digest, **progress.best},
            "trained_on": {"n": len(training), "images": training.digest},
            "recipe": recipe_to_json(recipe),
            "about": recipe.about,
            "command": f"python -m flows train {self.source} --data DIR --out OUT{options}",
            "versions": {**versions, "numpy": np.__version__},
            "history": progress.history,
        }  # fmt: skip
        path = self.out / f"{network.name}.card.json"
        with replacing(path) as scratch:
            scratch.write_text(json.dumps(card, indent=1) + "\n")
        print(result_line(count, len(test), path), flush=True)


def asked_network(ask: Mapping[str, Any]) -> Network:
    """The network of a job: by name, or as described there."""
    network = ask["network"]
    return NETWORKS[network] if isinstance(network, str) else network_from_json(network, JOB)
