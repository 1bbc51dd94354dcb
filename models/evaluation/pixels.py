"""Which pixels a network was trained on, as a step: ``python -m models.evaluation.pixels JOB.json``. Imports torch;
nothing imports it.

JOB.json: ``network`` (see `models.serial`), ``weights`` (a file) and ``data``, a CIFAR-10 batch. Writes
``pixels.json``: of the first ``n`` images, how many the float network gets ``right`` with its pixels in each of the
common `SCALINGS`, by their names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from flows.core.worker import JOB, run_worker
from models import cifar10
from models.network import Network
from models.reference import ASSUMED, PIXELS
from models.serial import network_from_json
from models.training.torch_network import TorchNetwork, as_input
from models.weights import open_weights

IMAGES, BATCH = 1_000, 200
SCALINGS = {
    ASSUMED: (0.0, 1.0),
    "x, 0 to 255": (0.0, 1 / 255),
    "x - 128": (128 / 255, 1 / 255),
    "x / 255 - 0.5": (0.5, 1.0),
    "(x / 255 - 0.5) / 0.5": (0.5, 0.5),
    "(x / 255 - mean) / deviation of CIFAR-10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "(x / 255 - mean) / deviation of ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""What is taken off x / 255, and by what the rest is divided: of every channel, or of R, G and B."""


def right(network: Network, weights: Path, batch: Path) -> dict[str, object]:
    images = cifar10.read_batch(batch)[:IMAGES]
    model = TorchNetwork(network).load(open_weights(weights, network).tensors()).eval()
    model = model.to(memory_format=torch.channels_last)
    found = dict.fromkeys(SCALINGS, 0)
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        pixels = as_input(part.pixels)
        for name, (offset, spread) in SCALINGS.items():
            shift, divisor = (torch.tensor(one).reshape(-1, 1, 1) for one in (offset, spread))
            classes = np.argmax(model((pixels - shift) / divisor).numpy(), axis=1)
            found[name] += int((classes == part.labels).sum())
    return {"n": len(images), "right": found}


def main(ask: Mapping[str, Any]) -> None:
    network = network_from_json(ask["network"], JOB)
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    Path(PIXELS).write_text(json.dumps(right(network, Path(ask["weights"]), Path(ask["data"]))))


if __name__ == "__main__":
    run_worker(main)
