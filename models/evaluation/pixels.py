"""Which pixels a network was trained on, as a step: ``python -m models.evaluation.pixels JOB.json``. Imports torch;
nothing imports it.

JOB.json: ``network`` (see `models.serial`), ``weights`` (a file) and ``data``, images with labels. Writes
``pixels.json``: of the first ``n`` images, how many the float network gets ``right`` with its pixels as they are taken,
and in each of the `COMMON` scalings, by their formulas.
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
from models.pixels import CENTRED, RAW, UNIT, parse_pixels
from models.reference import PIXELS
from models.serial import network_from_json
from models.training.torch_network import TorchNetwork, as_input
from models.weights import open_weights

IMAGES, BATCH = 500, 100
COMMON = {
    "raw": RAW,
    "unit": UNIT,
    "centred": CENTRED,
    "128/255,1/255": parse_pixels("128/255,1/255"),
    "0.5,1": parse_pixels("0.5,1"),
    "those of MNIST": parse_pixels("0.1307,0.3081"),
    "those of CIFAR-10": parse_pixels("0.4914,0.4822,0.4465,0.2470,0.2435,0.2616"),
    "those of ImageNet": parse_pixels("0.485,0.456,0.406,0.229,0.224,0.225"),
}


def right(network: Network, weights: Path, batch: Path) -> dict[str, object]:
    images = cifar10.read_test(batch)[:IMAGES]
    model = TorchNetwork(network).load(open_weights(weights, network).tensors()).eval()
    model = model.to(memory_format=torch.channels_last)
    channels = network.input_shape[-1]
    scalings = [network.pixels, *(scaling for scaling in COMMON.values() if len(scaling.gain) in (1, channels))]
    right_by_scaling = {str(scaling): 0 for scaling in scalings}
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        for scaling in dict.fromkeys(scalings):
            classes = np.argmax(model(as_input(part.pixels, scaling)).numpy(), axis=1)
            right_by_scaling[str(scaling)] += int((classes == part.labels).sum())
    return {"n": len(images), "right": right_by_scaling}


def main(ask: Mapping[str, Any]) -> None:
    network = network_from_json(ask["network"], JOB)
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    Path(PIXELS).write_text(json.dumps(right(network, Path(ask["weights"]), Path(ask["data"]))))


if __name__ == "__main__":
    run_worker(main)
