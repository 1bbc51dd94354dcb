"""The exact reference as a step: ``python -m models.evaluation.worker JOB.json``. Imports torch; nothing imports it.

JOB.json: ``quantised`` (see `models.serial`), ``weights`` (a file), and either

``vectors``  how many of the project's check images: writes ``reference.json``: ``codes`` of the design's last tensor
             and ``logits``, a row an image. One image goes through the oracle as well, and every tensor must be equal.
``data``     a CIFAR-10 batch: writes ``accuracy.json``: of ``n`` images, how many are ``right``, ``float_right`` by the
             float network, and how many get the same class from both (``agree``). ``float`` and ``float_weights``
             are the float network and its weights where they are others: beside a network of integers.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from flows.core.errors import InputError, MismatchError
from flows.core.worker import JOB, run_worker
from models import cifar10
from models.evaluation import oracle
from models.evaluation.fast import FastNetwork
from models.integers import HostScale
from models.network import Network
from models.quantised import QuantisedNetwork
from models.serial import network_from_json, quantised_from_json
from models.training.torch_network import TorchNetwork, as_input
from models.vectors import vectors
from models.weights import open_weights

BATCH = 200
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
ORACLE_IMAGE = 15
"""Which vector the oracle checks: noise, so that every layer has something to round."""


def reference(quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray], count: int) -> dict[str, object]:
    """The results of the first `count` check images, as integer codes: a row for each image."""
    images = vectors(quantised.network.input_shape, count)
    tensors = FastNetwork(quantised, weights)(images)
    chosen = min(ORACLE_IMAGE, count - 1)
    _check_oracle(quantised, weights, images[chosen], {name: codes[chosen] for name, codes in tensors.items()})
    rows = {key: tensors[name].long().tolist() for key, name in _ends(quantised).items()}
    return {"tensor": quantised.output, "digest": quantised.digest, **rows}


def read_weights(path: Path, quantised: QuantisedNetwork) -> Mapping[str, np.ndarray]:
    """The tensors in `path`; raises `InputError` unless they are the weights that `quantised` stands on, all finite."""
    weights = open_weights(path, quantised.network)
    if weights.digest != quantised.weights:
        fact = f"its digest is {weights.digest}, the arithmetic stands on {quantised.weights}"
        raise InputError(str(path), fact, "give the weights that the design was lowered from")
    return weights.tensors()


def _ends(quantised: QuantisedNetwork) -> dict[str, str]:
    return {"codes": quantised.output, "logits": quantised.network.logits}


def _check_oracle(
    quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray], image: np.ndarray, fast: Mapping[str, Tensor]
) -> None:
    print("the oracle checks one image", flush=True)
    for name, codes in oracle.evaluate(quantised, weights, image).items():
        if not np.array_equal(fast[name].movedim(0, -1).long().numpy(), codes):
            fact = "the fast evaluation differs from the oracle"
            raise MismatchError(f"tensor {name}", fact, "this is a fault of zynqflows: please report it with job.json")


def accuracy(
    quantised: QuantisedNetwork,
    weights: Mapping[str, np.ndarray],
    batch: Path,
    network: Network,
    float_weights: Mapping[str, np.ndarray],
) -> dict[str, object]:
    """Counts of the test images in `batch` that are right in the arithmetic, right in float, and alike in both."""
    images = cifar10.read_test(batch)
    exact = FastNetwork(quantised, weights)
    floating = TorchNetwork(network).load(float_weights).eval().to(memory_format=torch.channels_last)
    right = float_right = agree = 0
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        ours = _classes(scaled(exact(part.pixels)[quantised.output], quantised, weights))
        theirs = _classes(floating(as_input(part.pixels, network.pixels)))
        right += int((ours == part.labels).sum())
        float_right += int((theirs == part.labels).sum())
        agree += int((ours == theirs).sum())
        if (start + BATCH) % 1000 == 0:
            print(f"{start + BATCH:,} of {len(images):,} images", flush=True)
    return {"n": len(images), "right": right, "float_right": float_right, "agree": agree, "images": images.digest}


def scaled(results: Tensor, quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray]) -> Tensor:
    """What the host makes of the integers that it gets."""
    if not isinstance(last := quantised.network.layers[-1], HostScale):
        return results
    gain, offset = (torch.from_numpy(weights[f"{last.name}/{role}"]).double() for role in ("gain", "offset"))
    return results.double() * gain + offset


def _classes(results: Tensor) -> np.ndarray:
    """The first largest element of each row."""
    return np.argmax(results.detach().numpy(), axis=1)


def keep_memory() -> None:
    """Lets glibc keep large tensors' memory instead of returning it: half of the CPU time went into page faults."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, 1 << 30)


def main(ask: Mapping[str, Any]) -> None:
    quantised = quantised_from_json(ask["quantised"], JOB)
    weights = read_weights(Path(ask["weights"]), quantised)
    torch.set_grad_enabled(False)
    keep_memory()
    torch.set_num_threads(2)
    if "vectors" in ask:
        Path("reference.json").write_text(json.dumps(reference(quantised, weights, ask["vectors"])))
    else:
        network, float_weights = quantised.network, weights
        if "float" in ask:
            network = network_from_json(ask["float"], JOB)
            float_weights = open_weights(Path(ask["float_weights"]), network).tensors()
        counts = accuracy(quantised, weights, Path(ask["data"]), network, float_weights)
        Path("accuracy.json").write_text(json.dumps(counts))


if __name__ == "__main__":
    run_worker(main)
