"""Measures ranges as a step: ``python -m models.imported.workers.measure JOB.json``. Imports torch; nothing imports it.

JOB.json: ``network`` (see `models.serial`), ``weights`` (a file) and ``images``: a CIFAR-10 batch (.bin), or an array
(n, height, width, channels) of uint8 (.npy). Writes the folder ``measured``, which holds ``ranges.json`` (see
`models.ranges`) or ``refusal.json`` (why there are none: ``culprit``, ``fact``, ``next_step``).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from flows.core.digest import digest_bytes
from flows.core.errors import InputError
from flows.core.worker import JOB, run_worker
from models import cifar10
from models.imported.workers.arrays import images_of, load
from models.imported.workers.limits import guarded, refusal
from models.layers import Shape
from models.network import Network
from models.ranges import Ranges
from models.serial import network_from_json
from models.training.torch_network import TorchNetwork, reach
from models.weights import open_weights

OUT = Path("measured")


def read_images(path: Path, shape: Shape) -> tuple[NDArray[np.uint8], str]:
    """(pixels, digest); raises `InputError` unless they are images of `shape`."""
    if path.suffix == ".bin":
        images = cifar10.read_batch(path)
        return images.pixels, images.digest
    read = images_of(load(path)[""], shape, path.name)
    return read, digest_bytes(read.data)


def measure(network: Network, weights: Path, images: Path) -> Ranges:
    pixels, digest = read_images(images, network.input_shape)
    opened = open_weights(weights, network)
    ranges = reach(TorchNetwork(network).load(opened.tensors()), pixels)
    if odd := [name for name, (low, high) in ranges.items() if not (isfinite(low) and isfinite(high))]:
        fact = f"layer {odd[0]} reaches infinity on these images"
        raise InputError(
            f"network {network.name}", fact, "train the network again, or give images as it was trained on"
        )
    return Ranges(network.digest, opened.digest, digest, len(pixels), ranges)


def main(ask: Mapping[str, Any]) -> None:
    torch.set_num_threads(2)
    OUT.mkdir()
    images = Path(ask["images"])
    try:
        with guarded(images.name, "give fewer images, or a smaller network"):
            network = network_from_json(ask["network"], JOB)
            ranges = measure(network, Path(ask["weights"]), images)
        ranges.save(OUT / "ranges.json")
    except InputError as error:
        (OUT / "refusal.json").write_text(refusal(error))


if __name__ == "__main__":
    run_worker(main)
