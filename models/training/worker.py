"""Trains a network on CIFAR-10: ``python -m models.training.worker JOB.json``. Imports torch; nothing imports it.

JOB.json: ``network`` (the name of one of the project's, or a description, see `models.serial`), ``source`` (what the
user named), ``data``, ``out`` (folders), ``recipe`` (its ``name`` and the fields that differ from it), ``threads``,
``compile`` (let torch generate fused C++ through g++: the same arithmetic, a third faster) and ``archive`` (write
NAME.keras as well). Writes into ``out`` after every epoch ``checkpoint.safetensors``, ``best.safetensors`` and
``curves.json`` and, at the end, ``NAME.safetensors``, ``NAME.ranges.json`` and ``NAME.card.json``. Started again after
a kill, it goes on from the last whole epoch: a file is replaced in one step or not at all. Prints a line an epoch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from flows.core.worker import run_worker
from models import cifar10
from models.folding import folded
from models.network import Network
from models.training.course import Course, asked_network
from models.training.files import replacing
from models.training.recipe import AnyRecipe, recipe_from_json
from models.training.run import Run, evaluate
from models.training.torch_network import TorchNetwork, reach


def train(
    network: Network,
    recipe: AnyRecipe,
    folder: Path,
    out: Path,
    compiled: bool,
    source: str = "",
    archive: bool = False,
) -> None:
    course = Course.begin(network, recipe, cifar10.read(folder, cifar10.TRAIN), out, source)
    run = Run(course, compiled)
    course.announce(run.progress.epochs)
    run.finish_epochs()
    ship(run, folder, archive)


def ship(run: Run, folder: Path, archive: bool) -> None:
    """Weights, ranges and card of the epoch that was chosen; with `archive`, the folded network for Keras too."""
    from safetensors.numpy import load_file

    course = run.course
    network, tensors = folded(course.network), load_file(course.best)
    model = TorchNetwork(network).load(tensors).to(memory_format=torch.channels_last)
    if archive:
        os.environ["KERAS_BACKEND"] = "torch"
        from models.keras3.network import save_archive

        with replacing(course.out / f"{network.name}.keras") as scratch:
            save_archive(scratch, network, tensors)
    course.ship(
        run.progress,
        model.folded(),
        reach=lambda pixels: reach(model, pixels),
        right=lambda test: evaluate(model, test)[0],
        versions={"torch": torch.__version__},
        folder=folder,
    )


def main(ask: Mapping[str, Any]) -> None:
    torch.set_num_threads(ask.get("threads", 2))
    recipe, data, out = recipe_from_json(ask["recipe"]), Path(ask["data"]), Path(ask["out"])
    train(asked_network(ask), recipe, data, out, ask["compile"], ask.get("source", ""), ask.get("archive", False))


if __name__ == "__main__":
    run_worker(main, "error: ")
