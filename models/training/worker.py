"""Trains a network on CIFAR-10: ``python -m models.training.worker JOB.json``. Imports torch; nothing imports it.

JOB.json: ``network`` (name), ``data``, ``out`` (folders), ``recipe`` (the fields of `Recipe`), ``threads`` and
``compile`` (let torch generate fused C++ through g++: the same arithmetic, a third faster). Writes into ``out``
``checkpoint.safetensors`` after every epoch and, at the end, ``NAME.safetensors``, ``NAME.ranges.json`` and
``NAME.card.json``. Started again after a kill, it goes on from the last whole epoch. Prints one line of JSON an epoch.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from dataclasses import asdict
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flows.core.digest import digest_of
from models import cifar10
from models.cifar10 import Images
from models.network import Network
from models.proportion import wilson
from models.ranges import Ranges
from models.training import checkpoint
from models.training.checkpoint import Progress
from models.training.recipe import Recipe
from models.training.torch_network import TorchNetwork, as_input
from models.weights import open_weights, save_weights
from models.zoo import NETWORKS

EVALUATION_BATCH = 500
CALIBRATION_IMAGES = 10_000


def rate(recipe: Recipe, epoch: float) -> float:
    """Linear warm-up, then half a cosine down to zero at the last epoch."""
    if epoch < recipe.warmup_epochs:
        return recipe.peak_rate * epoch / recipe.warmup_epochs
    done = (epoch - recipe.warmup_epochs) / (recipe.epochs - recipe.warmup_epochs)
    return recipe.peak_rate * (1 + cos(pi * done)) / 2


def augment(padded: np.ndarray, chosen: np.ndarray, shift: int, random: np.random.Generator) -> np.ndarray:
    """(b, H, W, 3) crops of the `chosen` images of `padded` (n, H + 2 shift, W + 2 shift, 3), half of them mirrored."""
    count, size = len(chosen), padded.shape[1] - 2 * shift
    rows = random.integers(0, 2 * shift + 1, (count, 1)) + np.arange(size)
    columns = random.integers(0, 2 * shift + 1, (count, 1)) + np.arange(size)
    mirrored = random.random(count) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    return padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]


@torch.no_grad()
def count_right(model: TorchNetwork, images: Images) -> int:
    model.eval()
    right = 0
    for start in range(0, len(images), EVALUATION_BATCH):
        batch = images[start : start + EVALUATION_BATCH]
        right += int((model(as_input(batch.pixels)).argmax(1).numpy() == batch.labels).sum())
    return right


@torch.no_grad()
def average(mean: TorchNetwork, model: TorchNetwork, decay: float) -> None:
    """Moves `mean` towards `model`, BatchNorm statistics included."""
    for old, new in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - decay)
        else:
            old.copy_(new)


@torch.no_grad()
def measure_ranges(model: TorchNetwork, images: Images) -> dict[str, tuple[float, float]]:
    """The lowest and highest value of every tensor over `images`; of the softmax its bounds, 0 and 1."""
    reach = {model.network.output: (0.0, 1.0)}

    def watch(name: str, value: Tensor) -> None:
        low, high = float(value.min()), float(value.max())
        old = reach.get(name, (low, high))
        reach[name] = (min(low, old[0]), max(high, old[1]))

    model.eval()
    for start in range(0, len(images), EVALUATION_BATCH):
        model(as_input(images[start : start + EVALUATION_BATCH].pixels), watch)
    return {name: reach[name] for name in model.network.shapes}


def train(network: Network, recipe: Recipe, folder: Path, out: Path, compiled: bool) -> None:
    rest, chooser = cifar10.split(cifar10.read(folder, cifar10.TRAIN), recipe.held_out, recipe.seed)
    torch.manual_seed(recipe.seed)
    model = TorchNetwork(network, batch_norm=True).to(memory_format=torch.channels_last)
    mean = copy.deepcopy(model)
    kernels = [value for value in model.parameters() if value.ndim > 1]
    others = [value for value in model.parameters() if value.ndim <= 1]
    groups = [{"params": kernels, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=recipe.peak_rate, momentum=recipe.momentum, nesterov=True)

    resume, best = out / "checkpoint.safetensors", out / "best.safetensors"
    identity = digest_of([asdict(recipe), network.digest, rest.digest])
    progress = checkpoint.load(resume, optimizer, identity, model=model, mean=mean) or Progress()
    step = torch.compile(model) if compiled else model
    padding = ((0, 0), (recipe.shift, recipe.shift), (recipe.shift, recipe.shift), (0, 0))
    padded = np.pad(rest.pixels, padding)
    batches = len(rest) // recipe.batch
    for epoch in range(progress.epochs, recipe.epochs):
        started, losses = time.monotonic(), 0.0
        random = np.random.default_rng((recipe.seed, epoch))
        order = random.permutation(len(rest))
        model.train()
        for number in range(batches):
            for group in optimizer.param_groups:
                group["lr"] = rate(recipe, epoch + number / batches)
            chosen = order[number * recipe.batch : (number + 1) * recipe.batch]
            images = as_input(augment(padded, chosen, recipe.shift, random))
            loss = F.cross_entropy(step(images), torch.from_numpy(rest.labels[chosen]).long())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            average(mean, model, min(recipe.average_decay, 1 - 1 / (1 + epoch * batches + number)))
            losses += float(loss.detach())
        right = count_right(mean, chooser)
        row = {"epoch": epoch + 1, "loss": losses / batches, "held_out_accuracy": right / len(chooser)}
        progress.epochs, progress.history = epoch + 1, [*progress.history, row]
        if right / len(chooser) >= progress.best.get("held_out_accuracy", 0.0):
            progress.best = row
            save_weights(best, mean.folded(), network)
        checkpoint.save(resume, progress, optimizer, identity, model=model, mean=mean)
        seconds = time.monotonic() - started
        left = seconds * (recipe.epochs - epoch - 1)
        print(json.dumps(row | {"seconds": round(seconds, 1), "seconds_left": round(left)}), flush=True)
    finish(network, recipe, folder, out, progress, rest, chooser)


def finish(
    network: Network, recipe: Recipe, folder: Path, out: Path, progress: Progress, rest: Images, chooser: Images
) -> None:
    """Writes weights, ranges and card. The only place where the test images are read, once, after the choice."""
    from safetensors.numpy import load_file

    model = TorchNetwork(network).load(load_file(out / "best.safetensors")).to(memory_format=torch.channels_last)
    path = out / f"{network.name}.safetensors"
    save_weights(path, model.folded(), network)
    weights = open_weights(path, network).digest
    calibration = rest[:CALIBRATION_IMAGES]
    reach = measure_ranges(model, calibration)
    Ranges(network.digest, weights, calibration.digest, len(calibration), reach).save(
        out / f"{network.name}.ranges.json"
    )
    test = cifar10.read(folder, cifar10.TEST)
    right = count_right(model, test)
    low, high = wilson(right, len(test), 0.95)
    card = {
        "network": network.name,
        "architecture": network.digest,
        "weights": weights,
        "test": {"accuracy": right / len(test), "n": len(test), "low95": low, "high95": high, "images": test.digest},
        "chosen_by": {"held_out": len(chooser), "images": chooser.digest, **progress.best},
        "trained_on": {"n": len(rest), "images": rest.digest},
        "recipe": asdict(recipe),
        "command": f"python -m flows train {network.name} --data DIR",
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "history": progress.history,
    }
    (out / f"{network.name}.card.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps({"test_accuracy": right / len(test), "n": len(test)}), flush=True)


def main(job: Path) -> None:
    content = json.loads(job.read_text())
    network, recipe = NETWORKS[content["network"]], Recipe(**content["recipe"])
    torch.set_num_threads(content.get("threads", 2))
    out = Path(content["out"])
    out.mkdir(parents=True, exist_ok=True)
    train(network, recipe, Path(content["data"]), out, content["compile"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
