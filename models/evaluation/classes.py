"""What networks call every image: ``python -m models.evaluation.classes JOB.json``. Imports torch; nothing imports it.

JOB.json: ``network`` (see `models.serial`), ``weights`` (a file), ``data`` (a CIFAR-10 batch), ``variants`` by name:

``{}``                                  the float network, in single precision
``{"types": {TENSOR: TYPE}}``           the same with these kernels and biases rounded to types; sums in single
``{"quantised": DESIGN}``               an exact arithmetic (see `models.serial`); with ``"weights"``, on those in that
                                        file, where it is a network of integers

Writes ``classes.json``: the ``labels`` and the digest of the ``images``, and for each of the ``variants`` its
``classes`` and how many parameters its types cannot hold (``out_of_range``), or why it was ``refused``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from flows.core.errors import RefusedError
from flows.core.worker import JOB, run_worker
from models import cifar10
from models.evaluation.entry import confine, round_to_integers
from models.evaluation.fast import FastNetwork
from models.evaluation.worker import keep_memory, read_weights, scaled
from models.fixed import FixedType, Overflow, parse_type
from models.network import Network
from models.serial import network_from_json, quantised_from_json
from models.training.torch_network import TorchNetwork, as_input
from models.weights import open_weights

BATCH = 200
Tensors = Mapping[str, np.ndarray]
Classify = Callable[[np.ndarray], Tensor]
"""uint8 pixels (n, H, W, C) -> scores (n, classes)."""


def quantised_tensor(tensor: np.ndarray, type: FixedType) -> tuple[np.ndarray, int]:
    """(float32 numbers of `type` nearest `tensor` by its modes, how many elements it cannot hold).

    Exact but for a single precision's 24 bits, which only the ends of a range wider than that exceed.
    """
    codes = torch.from_numpy(tensor.astype(np.float64)) * 2.0**type.fraction
    round_to_integers(codes, type.rounding)
    low = -type.high if type.signed and type.overflow is Overflow.SAT_SYM else type.low
    outside = int(((codes < low) | (codes > type.high)).sum())
    return (confine(codes, type).numpy() * 2.0**-type.fraction).astype(np.float32), outside


def rounded_network(network: Network, tensors: Tensors, types: Mapping[str, FixedType]) -> tuple[Classify, int]:
    """Kernels and biases in their `types`, by name, the rest as trained; and how many elements are out of range."""
    outside, numbers = 0, dict(tensors)
    for name, type in types.items():
        numbers[name], count = quantised_tensor(tensors[name], type)
        outside += count
    model = TorchNetwork(network).load(numbers).eval().to(memory_format=torch.channels_last)
    return lambda pixels: model(as_input(pixels, network.pixels)), outside


def exact_network(tensors: Tensors, design: Any, own: str | None) -> tuple[Classify, int]:
    """On `tensors`, or on those in the file `own`."""
    quantised = quantised_from_json(design)
    tensors = read_weights(Path(own), quantised) if own else tensors
    fast, outside = FastNetwork(quantised, tensors), 0
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        for role, type in (("kernel", types.kernel), ("bias", types.bias)):
            if type:
                outside += quantised_tensor(tensors[f"{layer.name}/{role}"], type)[1]
    return lambda pixels: scaled(fast(pixels)[quantised.output], quantised, tensors), outside


def outcome(network: Network, tensors: Tensors, images: cifar10.Images, variant: Mapping[str, Any]) -> dict[str, Any]:
    try:
        if "quantised" in variant:
            classify, outside = exact_network(tensors, variant["quantised"], variant.get("weights"))
        else:
            types = {name: parse_type(text) for name, text in variant.get("types", {}).items()}
            classify, outside = rounded_network(network, tensors, types)
    except RefusedError as reason:
        return {"refused": f"{reason.culprit}: {reason.fact}"}
    classes: list[int] = []
    for start in range(0, len(images), BATCH):
        scores = classify(images[start : start + BATCH].pixels).numpy()
        classes += np.argmax(scores, axis=1).tolist()  # the first of equals, as everywhere here
        if (start + BATCH) % 2000 == 0:
            print(f"{start + BATCH:,} of {len(images):,} images", flush=True)
    return {"classes": classes, "out_of_range": outside}


def main(ask: Mapping[str, Any]) -> None:
    network = network_from_json(ask["network"], JOB)
    tensors = open_weights(Path(ask["weights"]), network).tensors()
    images = cifar10.read_test(Path(ask["data"]))
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    keep_memory()
    results = {}
    for name, variant in ask["variants"].items():
        print(name, flush=True)
        results[name] = outcome(network, tensors, images, variant)
    content = {"labels": images.labels.tolist(), "images": images.digest, "variants": results}
    Path("classes.json").write_text(json.dumps(content))


if __name__ == "__main__":
    run_worker(main)
