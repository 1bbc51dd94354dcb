"""Runs the compiled C simulation: ``python -m backends.hls4ml.workers.simulate JOB.json``, in the step's directory.

JOB.json: ``quantised`` (its input contract is applied here, as the host would) and ``vectors``, how many of the
project's check images. They run back to back through one loaded library. Writes ``outputs.json``: a row of integer
codes an image.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from flows.core.worker import JOB, run_worker
from models.serial import quantised_from_json
from models.vectors import vectors

LIBRARY = Path("simulation.so")


def main(ask: Mapping[str, Any]) -> None:
    quantised = quantised_from_json(ask["quantised"], JOB)
    images = vectors(quantised.network.input_shape, ask["vectors"])
    tables = np.array(quantised.input.tables, np.float64)
    channels = np.arange(images.shape[-1]) if len(tables) > 1 else 0
    codes = np.ascontiguousarray(tables[channels, images])
    results = np.full((len(images), prod(quantised.network.shapes[quantised.output])), np.nan)
    pointer = ctypes.POINTER(ctypes.c_double)
    simulate = ctypes.CDLL(str(LIBRARY.resolve())).simulate
    simulate.argtypes = (pointer, pointer, ctypes.c_int)
    simulate.restype = None
    simulate(codes.ctypes.data_as(pointer), results.ctypes.data_as(pointer), len(images))
    if not np.array_equal(results, np.rint(results)):
        raise SystemExit("the simulation left results that are no codes of its output type")
    Path("outputs.json").write_text(json.dumps(results.astype(np.int64).tolist()))


if __name__ == "__main__":
    run_worker(main)
