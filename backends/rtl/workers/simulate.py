"""Simulates the design cycle by cycle: ``python -m backends.rtl.workers.simulate JOB.json``, in the step's directory.

JOB.json: ``shape`` of an image, ``tables`` with the codes of all bytes (see `backends.dataflow.layers.stream`),
``results`` of a frame, ``frames``, how many of the project's check images go through back to back, ``stalled``, how
many of them, the last, with seeded random stalls at both ends, and ``interval``, the cycles of a frame by the stream
simulation.

Writes ``outputs.json``, a row of integers a frame, and ``cycles.json``: ``latency`` of the first frame, ``interval``
between the ends of the last two without stalls, and ``fifos``, the most words that each held until then; ``simulator``
names this one.
"""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from backends.dataflow.layers.stream import sent
from flows.core.errors import MismatchError
from flows.core.worker import run_worker
from models.vectors import vectors

REPORT = "please report it with job.json of step generate"
SEED = 2026
MARKS = 1 << 16
"""Bytes of what is said of the FIFOs."""


@dataclass(frozen=True)
class FramesRun:
    """Results (n, of a frame); the cycles in which the first beat of each image went in and the last result of each
    frame came out; the most words that each FIFO held."""

    results: np.ndarray
    first: np.ndarray
    last: np.ndarray
    marks: Mapping[str, int]


def simulated(library: Path, images: np.ndarray, results: int, stalled: int, interval: int) -> FramesRun:
    """`images` are bytes (n, ...); the last `stalled` are sent and taken with stalls. Raises `MismatchError` where the
    design hangs or its streams are wrong."""
    frames, flat = len(images), images.reshape(len(images), -1)
    beats = np.ascontiguousarray(np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4)))).view("<u4")
    codes = np.empty((frames, results), np.int32)
    first, last = np.empty(frames, np.int64), np.empty(frames, np.int64)
    marks = ctypes.create_string_buffer(MARKS)
    simulate = ctypes.CDLL(str(library.resolve())).simulate
    simulate.restype = ctypes.c_int
    given, *taken = (ctypes.c_void_p(array.ctypes.data) for array in (beats, codes, first, last))
    longest = max(interval // 8, 16).bit_length()
    numbers = (ctypes.c_int(number) for number in (frames, stalled, longest))
    patience = ctypes.c_int64(10 * interval + 100_000)
    faults = simulate(given, *numbers, ctypes.c_uint32(SEED), patience, *taken, marks, ctypes.c_int(MARKS))
    if faults:
        hangs = {-1: f"nothing moves for {patience.value:,} cycles", -2: "its logic does not settle in a cycle"}
        fact = hangs.get(faults, f"{faults} beats lack their TKEEP or TLAST")
        raise MismatchError("RTL simulation", fact, REPORT)
    pairs = (line.rsplit(": ", 1) for line in marks.value.decode().splitlines())
    return FramesRun(codes, first, last, {name: int(most) for name, most in pairs})


def main(ask: Mapping[str, Any]) -> None:
    frames, stalled = ask["frames"], ask["stalled"]
    images = sent(vectors(tuple(ask["shape"]), frames), ask["tables"])
    started = time.process_time()
    run = simulated(Path("simulation.so"), images, ask["results"], stalled, ask["interval"])
    print(f"{time.process_time() - started:.0f} s for {run.last[-1]:,} cycles", flush=True)
    ends = run.last[: frames - stalled].tolist()
    cycles = {"latency": ends[0] - int(run.first[0]), "interval": ends[-1] - ends[-2], "fifos": dict(run.marks)}
    cycles["simulator"] = f"Yosys CXXRTL {metadata.version('pyosys')}"
    Path("outputs.json").write_text(json.dumps(run.results.tolist()))
    Path("cycles.json").write_text(json.dumps(cycles))


if __name__ == "__main__":
    run_worker(main)
