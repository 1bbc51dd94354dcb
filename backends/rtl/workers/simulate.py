"""Simulates the design cycle by cycle: ``python -m backends.rtl.workers.simulate JOB.json``, in the step's directory.

JOB.json: ``shape`` of an image, ``tables`` with the codes of all bytes (see `backends.dataflow.layers.stream`),
``results`` of a frame, ``frames``, how many of the project's check images go through back to back without stalls,
``stalled``, how many follow them with seeded random stalls at both ends, and ``interval``, the cycles of a frame by the
stream simulation. Each frame must give equal results in both halves.

Writes ``outputs.json``, a row of integers a frame, and ``cycles.json``: ``latency`` of the first frame, ``interval``
between the ends of the last two, and ``fifos``, the most words that each held, all without stalls; ``simulator`` names
this one.
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
class Run:
    """Results (n, of a frame); the cycles in which the first beat of each image went in and the last result of each
    frame came out; the most words that each FIFO held."""

    results: np.ndarray
    first: np.ndarray
    last: np.ndarray
    marks: Mapping[str, int]


def simulated(library: Path, images: np.ndarray, results: int, stalled: int, interval: int) -> Run:
    """`images` are bytes (n, ...); the last `stalled` are sent and taken with stalls. Raises `MismatchError` where the
    design hangs or its streams are wrong."""
    frames, flat = len(images), images.reshape(len(images), -1)
    beats = np.ascontiguousarray(np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4)))).view("<u4")
    made = np.empty((frames, results), np.int32)
    first, last = np.empty(frames, np.int64), np.empty(frames, np.int64)
    marks = ctypes.create_string_buffer(MARKS)
    simulate = ctypes.CDLL(str(library.resolve())).simulate
    simulate.restype = ctypes.c_int
    given, *taken = (ctypes.c_void_p(array.ctypes.data) for array in (beats, made, first, last))
    longest = max(interval // 8, 16).bit_length()
    numbers = (ctypes.c_int(number) for number in (frames, stalled, longest))
    patience = ctypes.c_int64(10 * interval + 100_000)
    faults = simulate(given, *numbers, ctypes.c_uint32(SEED), patience, *taken, marks, ctypes.c_int(MARKS))
    if faults:
        hangs = {-1: f"nothing moves for {patience.value:,} cycles", -2: "its logic does not settle in a cycle"}
        fact = hangs.get(faults, f"{faults} beats lack their TKEEP or TLAST")
        raise MismatchError("RTL simulation", fact, REPORT)
    pairs = (line.rsplit(": ", 1) for line in marks.value.decode().splitlines())
    return Run(made, first, last, {name: int(most) for name, most in pairs})


def main(ask: Mapping[str, Any]) -> None:
    frames, stalled, results = ask["frames"], ask["stalled"], ask["results"]
    images = sent(vectors(tuple(ask["shape"]), max(frames, stalled)), ask["tables"])
    started = time.process_time()
    library = Path("simulation.so")
    quiet = simulated(library, images[:frames], results, 0, ask["interval"])
    rough = simulated(library, images[:stalled], results, stalled, ask["interval"])
    print(f"{time.process_time() - started:.0f} s for {frames} frames without stalls and {stalled} with", flush=True)
    shared = min(frames, stalled)
    wrong = np.flatnonzero((quiet.results[:shared] != rough.results[:shared]).any(axis=1))
    if wrong.size:
        fact = f"with stalls {wrong.size} of {shared} frames differ, the first is {wrong[0]}"
        raise MismatchError("RTL simulation", fact, REPORT)
    made = quiet if frames >= stalled else rough
    start, ends = int(quiet.first[0]), quiet.last.tolist()
    cycles = {"latency": ends[0] - start, "interval": ends[-1] - ends[-2], "fifos": dict(quiet.marks)}
    cycles["simulator"] = f"Yosys CXXRTL {metadata.version('pyosys')}"
    Path("outputs.json").write_text(json.dumps(made.results.tolist()))
    Path("cycles.json").write_text(json.dumps(cycles))


if __name__ == "__main__":
    run_worker(main)
