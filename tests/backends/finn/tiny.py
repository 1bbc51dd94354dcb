"""A job on a tiny network with random weights on grids, the same on every machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backends.finn.options import FinnOptions
from backends.protocol import Job
from flows.conformance.networks import TINY
from models.network import Conv2D, Dense, Network, ReLU, Softmax
from tests.backends.jobs import job_with


def tiny_job(
    folder: Path,
    part: str = "xc7z020",
    weight_bits: int = 4,
    activation_bits: int = 4,
    per_channel: bool = False,
    float_scales: bool = False,
    network: Network = TINY,
) -> Job[FinnOptions]:
    """Writes the weights into `folder`; the last layer has one grid always."""
    random = np.random.default_rng(3)
    highest, end = 2 ** (weight_bits - 1) - 1, 2**activation_bits - 1
    tensors = {}
    for name, shape in network.weight_shapes():
        if name.endswith("bias"):
            tensors[name] = (random.normal(0, 9, shape) / 8).astype(np.float32)
            continue
        codes = random.integers(-highest, highest + 1, shape)
        codes.reshape(-1, shape[-1])[0] = highest
        each = shape[-1] if per_channel and name != "dense/kernel" else 1
        odd = 2 * random.integers(64, 128, each) + 1 if float_scales else 128
        finer = 2.0 ** random.integers(0, 6, each) if each > 1 else 1.0
        tensors[name] = (codes * odd / 128 / finer / (highest + 1)).astype(np.float32)
    signed = min(end, 127) / 2
    reach_of = {}
    for layer in network.layers:
        inner = all(isinstance(one, ReLU | Softmax) for one in network.consumers(layer.name))
        if isinstance(layer, ReLU):
            reach_of[layer.name] = (0.0, end / (4 if layer.name == "relu1" else 2))
        elif isinstance(layer, Conv2D | Dense) and not inner:
            reach_of[layer.name] = (-signed, signed)
    reach = dict.fromkeys(network.shapes, (-1.0, 1.0)) | reach_of
    return job_with(network, tensors, reach, folder, FinnOptions(), part)
