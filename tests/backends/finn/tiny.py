"""A job on a tiny residual network with random weights on grids, the same on every machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backends import finn
from backends.protocol import Job
from flows.core.part import Target, find_part
from models.ranges import Ranges
from models.weights import open_weights, save_weights
from tests.backends.finn.w4a4 import TINY

REACH = {"relu1": (0.0, 15 / 4), "relu2": (0.0, 15 / 2), "shortcut": (-15 / 2, 15 / 2)}


def tiny_job(folder: Path, part: str = "xc7z020") -> Job:
    """Writes the weights into `folder`."""
    random = np.random.default_rng(3)
    tensors = {}
    for name, shape in TINY.weight_shapes():
        codes = random.integers(-7, 8, shape) if name.endswith("kernel") else random.normal(0, 9, shape)
        tensors[name] = (codes / 8).astype(np.float32)
        if name.endswith("kernel"):
            tensors[name].flat[0] = 7 / 8
    path = folder / "tiny.safetensors"
    save_weights(path, tensors, TINY)
    weights = open_weights(path, TINY)
    reach = dict.fromkeys(TINY.shapes, (-1.0, 1.0)) | REACH
    ranges = Ranges(TINY.digest, weights.digest, "images", 10, reach)
    return Job(TINY, weights, ranges, Target(find_part(part)), finn.Options())
