"""Trains a network on CIFAR-10: ``python -m models.training.worker JOB.json``. Imports torch; nothing imports it.

JOB.json: ``network`` (name), ``data``, ``out`` (folders), ``recipe`` (its ``name`` and the fields that differ from it),
``threads`` and ``compile`` (let torch generate fused C++ through g++: the same arithmetic, a third faster). Writes into
``out`` after every epoch ``checkpoint.safetensors``, ``best.safetensors`` and ``curves.json`` and, at the end,
``NAME.safetensors``, ``NAME.ranges.json`` and ``NAME.card.json``. Started again after a kill, it goes on from the last
whole epoch: a file is replaced in one step or not at all. Prints a line an epoch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from flows.core.worker import run_worker
from models import cifar10
from models.folding import folded
from models.network import Network
from models.proportion import wilson
from models.ranges import Ranges
from models.training.checkpoint import replacing
from models.training.progress import result_line
from models.training.recipe import AnyRecipe, recipe_from_json, recipe_to_json
from models.training.run import Run, evaluate
from models.training.torch_network import TorchNetwork, reach
from models.weights import open_weights, save_weights
from models.zoo import NETWORKS

CALIBRATION_IMAGES = 10_000


def train(network: Network, recipe: AnyRecipe, folder: Path, out: Path, compiled: bool) -> None:
    run = Run(network, recipe, cifar10.read(folder, cifar10.TRAIN), out, compiled)
    done = run.progress.epochs
    start = f"goes on after epoch {done}" if done else f"{len(run.rest):,} images"
    print(f"{network.name}, recipe {recipe.name}, {start}: {recipe.about}", flush=True)
    run.finish_epochs()
    ship(run, folder)


def ship(run: Run, folder: Path) -> None:
    """Writes weights, ranges and card. The only place where the test images are read, once, after the choice."""
    from safetensors.numpy import load_file

    network, rest, progress = folded(run.network), run.rest, run.progress
    model = TorchNetwork(network).load(load_file(run.best)).to(memory_format=torch.channels_last)
    path = run.out / f"{network.name}.safetensors"
    with replacing(path) as scratch:
        save_weights(scratch, model.folded(), network)
    weights = open_weights(path, network).digest
    calibration = rest[:CALIBRATION_IMAGES]
    ranges = Ranges(network.digest, weights, calibration.digest, len(calibration), reach(model, calibration.pixels))
    with replacing(run.out / f"{network.name}.ranges.json") as scratch:
        ranges.save(scratch)
    test = cifar10.read(folder, cifar10.TEST)
    right, _ = evaluate(model, test)
    low, high = wilson(right, len(test), 0.95)
    recipe = run.recipe
    given = f" --recipe {recipe.name} --epochs {recipe.epochs} --seed {recipe.seed} --rate {recipe.peak_rate}"
    card = {
        "network": network.name,
        "architecture": network.digest,
        "weights": weights,
        "test": {"accuracy": right / len(test), "n": len(test), "low95": low, "high95": high, "images": test.digest},
        "chosen_by": {"held_out": len(run.chooser), "images": run.chooser.digest, **progress.best},
        "trained_on": {"n": len(rest), "images": rest.digest},
        "recipe": recipe_to_json(recipe),
        "about": recipe.about,
        "command": f"python -m flows train {network.name} --data DIR --out OUT{given}",
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "history": progress.history,
    }
    path = run.out / f"{network.name}.card.json"
    with replacing(path) as scratch:
        scratch.write_text(json.dumps(card, indent=1) + "\n")
    print(result_line(right, len(test), path), flush=True)


def main(ask: Mapping[str, Any]) -> None:
    network, recipe = NETWORKS[ask["network"]], recipe_from_json(ask["recipe"])
    torch.set_num_threads(ask.get("threads", 2))
    out = Path(ask["out"])
    out.mkdir(parents=True, exist_ok=True)
    train(network, recipe, Path(ask["data"]), out, ask["compile"])


if __name__ == "__main__":
    run_worker(main, "error: ")
