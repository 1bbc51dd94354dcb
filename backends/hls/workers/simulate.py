"""Runs the compiled C simulations: ``python -m backends.hls.workers.simulate JOB.json``, in the step's directory.

JOB.json: ``shape`` of an image, ``results`` of a frame, and ``vectors``, how many of the project's check images go
through each library back to back. Both must agree. Writes ``outputs.json``, a row of integers a frame, and
``speed.json``, seconds a frame by library.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from pathlib import Path

import numpy as np

from flows.core.errors import FlowsError, MismatchError
from models.vectors import vectors

LIBRARIES = "native", "ap_int"


def simulated(library: Path, images: np.ndarray, results: int) -> np.ndarray:
    """Results (n, `results`) of uint8 `images`, int32."""
    made = np.empty((len(images), results), np.int32)
    simulate = ctypes.CDLL(str(library.resolve())).simulate
    simulate.restype = None
    given = np.ascontiguousarray(images)
    simulate(given.ctypes.data_as(ctypes.c_void_p), made.ctypes.data_as(ctypes.c_void_p), ctypes.c_int(len(given)))
    return made


def main(job: Path) -> None:
    ask = json.loads(job.read_text())
    images = vectors(tuple(ask["shape"]), ask["vectors"])
    made, speed = {}, {}
    for name in LIBRARIES:
        started = time.process_time()
        made[name] = simulated(Path(f"{name}.so"), images, ask["results"])
        speed[name] = (time.process_time() - started) / len(images)
        print(f"{name}: {speed[name] * 1000:.0f} ms a frame", flush=True)
    first, second = (made[name] for name in LIBRARIES)
    if (unequal := np.flatnonzero((first != second).any(axis=1))).size:
        fact = f"native integers and ap_int differ in {unequal.size} of {len(images)} frames, first in {unequal[0]}"
        raise MismatchError("C simulation", fact, "please report it with job.json of step generate")
    Path("outputs.json").write_text(json.dumps(second.tolist()))
    Path("speed.json").write_text(json.dumps(speed))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except FlowsError as error:
        print(error)
        sys.exit(error.exit_code)
