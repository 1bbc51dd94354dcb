"""Small networks for the C flow, on seeded weights."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, Literal

import numpy as np

from backends.c.check import resolve
from backends.c.design import CDesign
from backends.c.options import COptions
from backends.c.workers.generate import files
from backends.protocol import Job
from models.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU, Softmax
from models.network import INPUT, Network
from models.vectors import vectors
from tests.backends import jobs

SMALL = Network(
    "small net",
    (7, 8, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 5),
        ReLU("relu1", ("conv1",)),
        Conv2D("shortcut", (INPUT,), (1, 1), (1, 1), "same", 5),
        Add("add", ("relu1", "shortcut")),
        ReLU("int", ("add",)),
        MaxPool2D("pool", ("int",), (2, 2), (2, 2), "same"),
        Conv2D("conv2", ("pool",), (3, 2), (2, 1), "same", 9),
        GlobalAveragePool("gap", ("conv2",)),
        Dense("dense", ("gap",), 5),
        Softmax("softmax", ("dense",)),
    ),
)
"""Every kind of layer; one is called as a type of C."""


def job_on(network: Network, folder: Path, seed: int = 8, size: float = 0.4, **options: Any) -> Job[COptions]:
    """On weights of both signs, tensors reaching -4 .. 4, and 0 .. 4 behind a ReLU."""
    rectified = {INPUT, *(layer.name for layer in network.layers if isinstance(layer, ReLU))}
    reach = {tensor: (0.0 if tensor in rectified else -4.0, 4.0) for tensor in network.shapes}
    return jobs.job_with(network, jobs.random_weights(network, size, seed), reach, folder, COptions(**options))


def random_network(random: Random) -> Network:
    """Convolutions, pools, sums and ReLUs as they come, then a head."""
    layers: list[Layer] = []
    source, channels = INPUT, random.choice((1, 2, 3, 5))
    shape = random.randint(3, 9), random.randint(3, 9), channels
    for place in range(random.randint(0, 5)):
        name = f"layer{place}"
        kind = random.choice(("conv", "conv", "relu", "pool", "add"))
        padding: Literal["same", "valid"] = "valid" if place == 0 and random.random() < 0.5 else "same"
        kernel = random.choice(((1, 1), (3, 3), (2, 3), (3, 1)))
        strides = random.choice(((1, 1), (1, 1), (2, 1), (2, 2)))
        if kind == "conv":
            channels = random.choice((1, 3, 4, 6, 9))
            layers.append(Conv2D(name, (source,), kernel, strides, padding, channels))
        elif kind == "relu":
            layers.append(ReLU(name, (source,)))
        elif kind == "pool":
            layers.append(MaxPool2D(name, (source,), random.choice(((2, 2), (3, 2))), (2, 2), "same"))
        else:
            layers.append(Conv2D(f"{name}_side", (source,), (1, 1), (1, 1), "same", channels))
            layers.append(Add(name, (source, f"{name}_side")))
        source = name
    if random.random() < 0.5:
        layers.append(GlobalAveragePool("gap", (source,)))
    else:
        layers.append(Flatten("gap", (source,)))
    layers += [Dense("dense1", ("gap",), random.choice((3, 8))), ReLU("relu", ("dense1",))]
    layers.append(Dense("dense2", ("relu",), 4))
    return Network("random", shape, tuple(layers))


def reference(design: CDesign, number: int) -> list[list[int]]:
    """The exact results of the project's first vectors."""
    from models.evaluation.fast import FastNetwork

    exact = FastNetwork(design.quantised, design.job.weights.tensors())
    images = vectors(design.job.network.input_shape, number)
    rows: list[list[int]] = exact(images)[design.quantised.output].numpy().astype(np.int64).tolist()
    return rows


def written(job: Job[COptions], folder: Path, number: int = 16) -> CDesign:
    """The project of `job` in `folder`, with so many vectors."""
    design = resolve(job)
    for name, text in files(design.quantised, job.weights.tensors(), reference(design, number)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return design
