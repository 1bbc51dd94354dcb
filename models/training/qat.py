"""Quantisation-aware training: ``python -m models.training.qat JOB.json``. Imports torch; nothing imports it.

JOB.json: ``network``, ``weights`` (the float ones), ``data``, ``out``, ``recipe`` (fields of `Recipe` that differ),
``threads`` and ``compile``. From trained float weights to weights of few bits on a grid, activations of few bits, and
scales that are powers of two:

1. Channels are equalised, so that one grid serves a whole layer (`equalising`).
2. Scales are those of the least squared error.
3. The network is trained with its quantisers in place (straight-through gradients) towards the float network's answers.

Starts where its checkpoint ends. Writes ``NAME-wXaY.safetensors`` (weights on their grids), ``.ranges.json`` (what each
quantiser represents) and ``.card.json``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flows.core.digest import digest_of
from flows.core.errors import InputError
from flows.core.worker import run_worker
from models import cifar10
from models.cifar10 import Images
from models.folding import folded
from models.network import INPUT, Conv2D, Dense, Network
from models.proportion import wilson
from models.ranges import Ranges
from models.training import checkpoint
from models.training.augmentation import cropped
from models.training.checkpoint import Progress, replacing
from models.training.equalising import equalised, equalised_activations
from models.training.progress import epoch_line, result_line, told
from models.training.quantisers import QuantisedNetwork, on_image_grid
from models.training.torch_network import TorchNetwork, as_input, reach
from models.weights import open_weights, save_weights
from models.zoo import NETWORKS

FITTED_IMAGES, FITTED_EPOCHS = 500, 2
"""Images that the scales are fitted to; weight scales are fitted again after the first epochs."""


@dataclass(frozen=True)
class Recipe:
    """Adam, a short warm-up and a cosine to zero, towards the float network's softened answers and the labels."""

    weight_bits: int = 4
    outer_weight_bits: int | None = None
    """Of the layers that read the image and the one that makes the logits; None: as all others."""
    activation_bits: int = 4
    per_channel: bool = False
    """A scale for each output channel of a kernel, not one for all of it."""
    float_scales: bool = False
    """Scales of kernels that are no powers of two, of the precision of bfloat16."""
    epochs: int = 14
    batch: int = 128
    peak_rate: float = 1e-3
    warmup_steps: int = 200
    temperature: float = 2.0
    towards_float: float = 0.7
    """Share of the loss that compares with the float network; the rest compares with the labels."""
    shift: int = 4
    held_out: int = 1_000
    """Training images that only tell how it goes: nothing is chosen by them, and the last epoch ships."""
    seed: int = 1

    def bits_of(self, network: Network) -> dict[str, int]:
        """Bits of every kernel, by layer."""
        outer = self.outer_weight_bits or self.weight_bits
        return {
            layer.name: outer if INPUT in layer.inputs or layer.name == network.logits else self.weight_bits
            for layer in network.layers
            if isinstance(layer, Conv2D | Dense)
        }

    @property
    def variant(self) -> str:
        """The suffix of the files' names: w4a4, or w8-4a4 where the outer layers have 8 bits."""
        outer = f"{self.outer_weight_bits}-" if self.outer_weight_bits else ""
        return f"w{outer}{self.weight_bits}a{self.activation_bits}"

    @property
    def options(self) -> str:
        """Of `flows train --qat`, what makes this recipe."""
        named = (
            "weight_bits",
            "outer_weight_bits",
            "activation_bits",
            "per_channel",
            "float_scales",
            "epochs",
            "peak_rate",
            "seed",
        )
        given = {name: value for name in named if (value := getattr(self, name)) != getattr(Recipe(), name)}
        spelt = {name.replace("peak_", "").replace("_", "-"): value for name, value in given.items()}
        return "".join(f" --{name}" if value is True else f" --{name} {value}" for name, value in spelt.items())


@torch.no_grad()
def right(model: nn.Module, images: Images) -> int:
    model.eval()
    count = 0
    for start in range(0, len(images), 500):
        batch = images[start : start + 500]
        count += int((model(on_image_grid(as_input(batch.pixels))).argmax(1) == torch.from_numpy(batch.labels)).sum())
    return count


class Run:
    """One training, resumed where `out` holds its checkpoint: of the same recipe, float weights and images."""

    def __init__(
        self, network: Network, recipe: Recipe, weights: Path, images: Images, out: Path, compiled: bool
    ) -> None:
        self.network, self.recipe, self.out = network, recipe, out
        self.rest, self.chooser = cifar10.split(images, recipe.held_out, recipe.seed)
        opened = open_weights(weights, network)
        self.derived_from, tensors = opened.digest, opened.tensors()
        self.teacher = TorchNetwork(network).load(tensors).eval().to(memory_format=torch.channels_last)
        pixels = self.rest.pixels[:FITTED_IMAGES]
        self.model = QuantisedNetwork(
            network, recipe.bits_of(network), recipe.activation_bits, recipe.per_channel, recipe.float_scales
        )
        start = equalised_activations(network, tensors, pixels) if recipe.per_channel else equalised(network, tensors)
        self.model.load(start).to(memory_format=torch.channels_last)
        self.model.fit_activations(pixels)
        self.model.fit_kernels()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.peak_rate)
        self.resume = out / "checkpoint.safetensors"
        self.identity = digest_of([asdict(recipe), network.digest, self.derived_from, self.rest.digest])
        self.progress = checkpoint.load(self.resume, self.optimizer, self.identity, model=self.model) or Progress()
        if self.resume.exists() and not self.progress.epochs:
            raise InputError(str(self.resume), "the checkpoint of another training", "name another --out, or remove it")
        self.student = torch.compile(self.model) if compiled else self.model
        self.judge = torch.compile(self.teacher) if compiled else self.teacher

    def finish_epochs(self) -> None:
        while self.progress.epochs < self.recipe.epochs:
            started, epoch = time.monotonic(), self.progress.epochs
            loss = self._epoch(epoch)
            if epoch < FITTED_EPOCHS:
                self.model.fit_kernels()
            row = {
                "epoch": epoch + 1,
                "loss": loss,
                "held_out_accuracy": right(self.model, self.chooser) / len(self.chooser),
            }
            self.progress = Progress(epoch + 1, [*self.progress.history, row])
            checkpoint.save(self.resume, self.progress, self.optimizer, self.identity, model=self.model)
            print(epoch_line(row, self.recipe.epochs, time.monotonic() - started), flush=True)

    def _epoch(self, epoch: int) -> float:
        recipe, count = self.recipe, len(self.rest) // self.recipe.batch
        random = np.random.default_rng((recipe.seed, epoch))
        order = random.permutation(len(self.rest))
        shift = recipe.shift
        padded = np.pad(self.rest.pixels, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
        self.model.train()
        total = 0.0
        for number in told(epoch, count):
            step = epoch * count + number
            warm = min(1.0, step / recipe.warmup_steps)
            for group in self.optimizer.param_groups:
                group["lr"] = recipe.peak_rate * warm * (1 + cos(pi * step / (count * recipe.epochs))) / 2
            chosen = order[number * recipe.batch : (number + 1) * recipe.batch]
            images = as_input(cropped(padded, chosen, shift, random))
            labels = torch.from_numpy(self.rest.labels[chosen]).long()
            with torch.no_grad():
                answers = self.judge(images)
            loss = self._loss(self.student(on_image_grid(images)), answers, labels)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += float(loss.detach())
        return total / count

    def _loss(self, scores: Tensor, answers: Tensor, labels: Tensor) -> Tensor:
        heat, share = self.recipe.temperature, self.recipe.towards_float
        softened = F.kl_div(F.log_softmax(scores / heat, 1), F.softmax(answers / heat, 1), reduction="batchmean")
        return (1 - share) * F.cross_entropy(scores, labels) + share * heat**2 * softened

    def ship(self, folder: Path) -> None:
        """The only place where the test images are read, once, at the end."""
        recipe, network = self.recipe, self.network
        stem = f"{network.name}-{recipe.variant}"
        path = self.out / f"{stem}.safetensors"
        with replacing(path) as scratch:
            save_weights(scratch, self.model.on_grids(), network, self.derived_from)
        digest = open_weights(path, network).digest
        seen = reach(self.model, self.rest.pixels[:FITTED_IMAGES]) | self.model.represented()
        ranges = Ranges(network.digest, digest, self.rest[:FITTED_IMAGES].digest, FITTED_IMAGES, seen)
        with replacing(self.out / f"{stem}.ranges.json") as scratch:
            ranges.save(scratch)
        test = cifar10.read(folder, cifar10.TEST)
        count = right(self.model, test)
        low, high = wilson(count, len(test), 0.95)
        card = {
            "network": network.name,
            "architecture": network.digest,
            "weights": digest,
            "derived_from": self.derived_from,
            "test": {
                "accuracy": count / len(test),
                "n": len(test),
                "low95": low,
                "high95": high,
                "images": test.digest,
            },
            "trained_on": {"n": len(self.rest), "images": self.rest.digest},
            "recipe": asdict(recipe),
            "about": "quantisation-aware training; the last epoch ships, and the test images are read once, at the end",
            "command": f"python -m flows train {network.name} --qat --data DIR --out OUT{recipe.options}",
            "versions": {"torch": torch.__version__, "numpy": np.__version__},
            "history": self.progress.history,
        }
        path = self.out / f"{stem}.card.json"
        with replacing(path) as scratch:
            scratch.write_text(json.dumps(card, indent=1) + "\n")
        print(result_line(count, len(test), path), flush=True)


def main(ask: Mapping[str, Any]) -> None:
    torch.set_num_threads(ask.get("threads", 2))
    out = Path(ask["out"])
    out.mkdir(parents=True, exist_ok=True)
    images = cifar10.read(Path(ask["data"]), cifar10.TRAIN)
    recipe, weights = Recipe(**ask["recipe"]), Path(ask["weights"])
    network = folded(NETWORKS[ask["network"]])  # as its float weights ship
    run = Run(network, recipe, weights, images, out, ask["compile"])
    run.finish_epochs()
    run.ship(Path(ask["data"]))


if __name__ == "__main__":
    run_worker(main, "error: ")
