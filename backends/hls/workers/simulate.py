"""Runs the compiled C simulations: ``python -m backends.hls.workers.simulate JOB.json``, in the step's directory.

JOB.json: ``shape`` of an image, ``tables`` with the codes of all bytes (see `backends.dataflow.layers.stream`),
``results`` of a frame, ``vectors`` (how many of the project's check images pass
each library back to back), and ``fifo_frames`` (how many pass the one with FIFOs of their real depths, which prints how
full they were). All must agree. Writes ``outputs.json``, a row of integers a frame, ``fifos.json``, the most
words that each FIFO held and its depth, and ``speed.json``, seconds a frame by library.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from backends.dataflow.layers.stream import sent
from flows.core.errors import MismatchError
from flows.core.worker import run_worker
from models.vectors import vectors

REPORT = "please report it with job.json of step generate"


def simulated(library: Path, images: np.ndarray, results: int) -> np.ndarray:
    """Results (n, `results`) of uint8 `images`, int32. Raises `MismatchError` for faults of the AXI4-Streams."""
    outputs = np.empty((len(images), results), np.int32)
    simulate = ctypes.CDLL(str(library.resolve())).simulate
    simulate.restype = ctypes.c_int
    frames = np.ascontiguousarray(images)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (frames, outputs)]
    if faults := simulate(*pointers, ctypes.c_int(len(frames))):
        fact = f"{faults} beats lack their TKEEP or TLAST, or are left over"
        raise MismatchError(f"C simulation {library.stem}", fact, REPORT)
    return outputs


@contextmanager
def redirected(log: Path) -> Iterator[None]:
    """Redirects standard output, also that of C code, to `log`."""
    sys.stdout.flush()
    screen = os.dup(sys.stdout.fileno())
    with log.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(screen, sys.stdout.fileno())
        os.close(screen)


def marks(printed: str) -> dict[str, tuple[int, int]]:
    """The most words that each FIFO held, and its depth, from what the simulation printed."""
    lines = re.findall(r"^(\w+): (\d+) of (\d+) words$", printed, re.MULTILINE)
    return {name: (int(most), int(depth)) for name, most, depth in lines}


def main(ask: Mapping[str, Any]) -> None:
    images = sent(vectors(tuple(ask["shape"]), ask["vectors"]), ask["tables"])
    frames = {"native": len(images), "ap_int": len(images), "fifos": ask["fifo_frames"]}
    outputs, speed = {}, {}
    for name, number in frames.items():
        started = time.process_time()
        with redirected(Path(f"{name}.log")):
            outputs[name] = simulated(Path(f"{name}.so"), images[:number], ask["results"])
        speed[name] = (time.process_time() - started) / number
        print(f"{name}: {speed[name] * 1000:.0f} ms a frame", flush=True)
        wrong = np.flatnonzero((outputs[name] != outputs["native"][:number]).any(axis=1))
        if wrong.size:
            fact = f"it differs from native integers in {wrong.size} of {number} frames, first in {wrong[0]}"
            raise MismatchError(f"C simulation {name}", fact, REPORT)
    Path("outputs.json").write_text(json.dumps(outputs["ap_int"].tolist()))
    Path("fifos.json").write_text(json.dumps(marks(Path("fifos.log").read_text())))
    Path("speed.json").write_text(json.dumps(speed))


if __name__ == "__main__":
    run_worker(main)
