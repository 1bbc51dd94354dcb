"""Runs the compiled network here: ``python -m backends.c.workers.simulate JOB.json``, in the step's directory.

JOB.json: ``library``, a shared library; ``function`` in it; ``shape`` of an image; ``results`` of one; ``vectors``, how
many of the project's check images to compute. Writes ``outputs.json``, a row of integers an image.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.core.worker import run_worker
from models.vectors import vectors


def computed(library: Path, function: str, images: NDArray[np.uint8], results: int) -> NDArray[np.int32]:
    """Results (n, `results`) of uint8 `images`."""
    compute = getattr(ctypes.CDLL(str(library.resolve())), function)
    compute.restype = None
    rows = np.empty((len(images), results), np.int32)
    for image, row in zip(np.ascontiguousarray(images), rows, strict=True):
        compute(ctypes.c_void_p(image.ctypes.data), ctypes.c_void_p(row.ctypes.data))
    return rows


def main(ask: Mapping[str, Any]) -> None:
    images = vectors(tuple(ask["shape"]), ask["vectors"])
    rows = computed(Path(ask["library"]), ask["function"], images, ask["results"])
    Path("outputs.json").write_text(json.dumps(rows.tolist()))


if __name__ == "__main__":
    run_worker(main)
