"""Trains a network on CIFAR-10 with Keras: ``python -m models.training.keras_worker JOB.json``. Nothing imports it.

JOB.json is that of `models.training.worker`, without ``compile`` and ``archive``; ``backend`` is what Keras runs on.
Writes the same files into ``out``, and ``NAME.keras``: the network as it was trained, batch normalisation included.
The only process of the program that loads TensorFlow.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from flows.core.worker import run_worker
from models import cifar10
from models.folding import folded, folded_weights
from models.network import Network
from models.training.course import TENSORFLOW, Course, asked_network
from models.training.files import replacing
from models.training.recipe import AnyRecipe, recipe_from_json


def train(network: Network, recipe: AnyRecipe, folder: Path, out: Path, source: str = "") -> None:
    import keras

    from models.keras3.network import reach, save_archive
    from models.training.keras_run import KerasRun, right

    course = Course.begin(network, recipe, cifar10.read(folder, cifar10.TRAIN), out, source, TENSORFLOW)
    run = KerasRun(course)
    course.announce(run.progress.epochs)
    run.finish_epochs()
    best, hardware = run.best_weights(), folded(network)
    with replacing(out / f"{network.name}.keras") as scratch:
        save_archive(scratch, network, best)
    tensors = {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in folded_weights(network, best).items()}
    course.ship(
        run.progress,
        tensors,
        reach=lambda pixels: reach(hardware, tensors, pixels),
        right=lambda test: right(hardware, tensors, test),
        versions={name: import_module(name).__version__ for name in ("keras", keras.backend.backend())},
        folder=folder,
    )


def prepare(backend: str, threads: int) -> None:
    """Before Keras is imported: its backend. TensorFlow says little and computes the same every time."""
    os.environ["KERAS_BACKEND"] = backend
    if backend != TENSORFLOW:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet():
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
        tensorflow.config.experimental.enable_op_determinism()
        tensorflow.zeros(1)  # what it says of the processor, it says now


@contextmanager
def quiet() -> Iterator[None]:
    """Drops what C++ writes to stderr meanwhile; exceptions are reported as always."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def main(ask: Mapping[str, Any]) -> None:
    prepare(ask["backend"], ask.get("threads", 2))
    recipe, data, out = recipe_from_json(ask["recipe"]), Path(ask["data"]), Path(ask["out"])
    train(asked_network(ask), recipe, data, out, ask.get("source", ""))


if __name__ == "__main__":
    run_worker(main, "error: ")
