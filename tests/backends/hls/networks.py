"""Small networks for the manual HLS flow, on seeded weights: one with every kind of stage, and random ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from backends.hls import BACKEND
from backends.hls.options import HlsOptions
from backends.protocol import Job, Refusal
from models.layers import (
    Add,
    AveragePool2D,
    Clip,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Shape,
    Softmax,
)
from models.network import INPUT, Network
from models.weights import open_weights, save_weights
from tests.backends import jobs

SMALL = Network(
    "small",
    (6, 8, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 4),
        ReLU("relu1", ("conv1",)),
        Conv2D("shortcut", (INPUT,), (1, 1), (1, 1), "same", 4),
        Add("add", ("relu1", "shortcut")),
        ReLU("relu2", ("add",)),
        MaxPool2D("pool", ("relu2",), (2, 2), (2, 2), "valid"),
        Conv2D("conv2", ("pool",), (3, 3), (2, 2), "same", 6),
        GlobalAveragePool("gap", ("conv2",)),
        Dense("dense", ("gap",), 5),
        Softmax("softmax", ("dense",)),
    ),
)
"""Every kind of stage but a dense layer of an image."""


def job_on(network: Network, folder: Path, part: str = "xc7z020", seed: int = 8, **options: Any) -> Job[HlsOptions]:
    """On weights of both signs, tensors reaching -4 .. 4, and 0 .. 4 behind a ReLU."""
    rectified = {INPUT, *(layer.name for layer in network.layers if isinstance(layer, ReLU))}
    reach = {tensor: (0.0 if tensor in rectified else -4.0, 4.0) for tensor in network.shapes}
    return jobs.job_with(network, jobs.random_weights(network, 0.5, seed), reach, folder, HlsOptions(**options), part)


def reweighted(job: Job[HlsOptions], change: Callable[[str, np.ndarray], np.ndarray]) -> Job[HlsOptions]:
    """`job` on other weights: each tensor as `change` makes it of its name and what it was."""
    tensors = {name: change(name, tensor).astype(np.float32) for name, tensor in job.weights.tensors().items()}
    path = job.weights.path.with_suffix(".changed.safetensors")
    save_weights(path, tensors, job.network)
    weights = open_weights(path, job.network)
    return replace(job, weights=weights, ranges=replace(job.ranges, weights=weights.digest))


def refusals(job: Job[HlsOptions]) -> Sequence[Refusal]:
    """Why `job` cannot be built."""
    return jobs.refusals(BACKEND, job)


BLOCKS = ("convolution", "convolution", "activation", "residual", "pointwise", "depthwise", "pool", "average", "concat")
PLAIN = tuple(block for block in BLOCKS if block not in ("depthwise", "average", "concat"))
"""Of layers that a flow must have: no other activation than ReLU is in them, either."""


def random_network(random: Random, blocks: tuple[str, ...] = BLOCKS) -> Network:
    """Of one to four of these blocks, with odd sizes, strides, paddings and orders."""
    start: Shape = (random.randint(4, 8), random.choice((4, 5, 6, 8)), random.randint(1, 4))
    layers: list[Layer] = []
    shape, end = start, INPUT
    for number in range(random.randint(1, 4)):
        layers += _block(random, shape, end, str(number), blocks)
        end = layers[-1].name
        shape = Network("so far", start, tuple(layers)).shapes[end]
    vector = random.choice((GlobalAveragePool, Flatten))
    head = Dense("dense1", ("vector",), 4), ReLU("rectified", ("dense1",)), Dense("dense2", ("rectified",), 3)
    return Network("random", start, (*layers, vector("vector", (end,)), *head))


def _block(random: Random, shape: Shape, source: str, number: str, blocks: tuple[str, ...]) -> Iterator[Layer]:
    height, width, _ = shape
    kernel = (random.randint(1, 4), random.randint(1, 4))
    strides = (random.randint(1, 3), random.randint(1, 3))
    fits = height >= kernel[0] and width >= kernel[1]
    padding: Any = "valid" if fits and random.random() < 0.5 else "same"
    filters = random.choice((2, 3, 4, 6))
    kind = random.choice([block for block in blocks if width >= 4 or block not in ("pool", "average")])
    conv, relu, shortcut = f"conv{number}", f"relu{number}", f"shortcut{number}"
    match kind:
        case "convolution":
            yield Conv2D(conv, (source,), kernel, strides, padding, filters)
            if random.random() < 0.7:
                yield _activation(random, relu, conv, blocks)
        case "depthwise":
            channels = shape[-1] if shape[-1] > 1 else 2
            if shape[-1] == 1:
                yield Conv2D(f"wider{number}", (source,), (1, 1), (1, 1), "same", channels)
                source = f"wider{number}"
            yield GroupedConv2D(conv, (source,), kernel, strides, padding, channels, channels)
            if random.random() < 0.7:
                yield _activation(random, relu, conv, blocks)
        case "average":
            yield AveragePool2D(f"pool{number}", (source,), kernel, strides, padding)
        case "pool":
            yield MaxPool2D(f"pool{number}", (source,), kernel, strides, padding)
        case "activation":
            yield _activation(random, relu, source, blocks)
        case "residual":
            yield Conv2D(conv, (source,), (3, 3), (1, 1), "same", filters)
            yield ReLU(relu, (conv,))
            yield Conv2D(shortcut, (source,), (1, 1), (1, 1), "same", filters)
            yield Add(f"add{number}", (relu, shortcut))
        case "concat":
            yield Conv2D(conv, (source,), (3, 3), (1, 1), "same", filters)
            yield _activation(random, relu, conv, blocks)
            yield Concat(f"concat{number}", random.choice(((relu, source), (source, relu))))
        case _:
            yield Conv2D(conv, (source,), (1, 1), (1, 1), "same", filters)


def _activation(random: Random, name: str, source: str, blocks: tuple[str, ...]) -> Layer:
    if blocks == PLAIN:
        return ReLU(name, (source,))
    kinds = ReLU(name, (source,)), Clip(name, (source,), 0.0, 3.0), Clip(name, (source,), -1.0, 1.3)
    return random.choice((*kinds, ReLU(name, (source,)), LeakyReLU(name, (source,), 0.1)))
