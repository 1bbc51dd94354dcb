"""The stream simulation token by token, compiled: some fifty times as fast as `tokens`, with the same result.

It is compiled once, by the g++ on PATH, into the user's cache folder (XDG base directory specification). Where that is
not possible, `times` and `tokens` do the same in Python.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from platform import machine
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from backends.dataflow.stages import BOUNDLESS, Deadlock, Fifo, Stage, fifos
from backends.dataflow.tokens import deadlock

if TYPE_CHECKING:
    from backends.dataflow.stages import Times

SOURCE = Path(__file__).with_name("tokens.cpp")
FOR_TOKENS, FOR_ROOM = 1, 2
"""What a stage may wait for in the end."""
COMPILER, FLAGS, SECONDS = "g++", ("-std=c++17", "-O2", "-shared", "-fPIC"), 60


def available() -> bool:
    """Whether the simulation is compiled, or can be."""
    return library() is not None


class End(NamedTuple):
    """The tokens that a stage has taken and put, and what it waits for, 0 where it has ended."""

    taken: int
    put: int
    waits: int


@dataclass(frozen=True)
class Ran:
    """When each stage has taken its tokens, and when those that it has put can be taken, in cycles."""

    taken: dict[str, Times]
    ready: dict[str, Times]
    deadlock: Deadlock | None


def simulated(stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int) -> Ran | None:
    """`frames` through `stages` with FIFOs of these depths; None where nothing is compiled."""
    import numpy as np

    if (compiled := library()) is None:
        return None
    place = {stage.name: number for number, stage in enumerate(stages)}
    capacity = {
        fifo: BOUNDLESS if (depth := depths.get(fifo)) is None else depth + stages[place[fifo[0]]].in_pipeline
        for fifo in fifos(stages)
    }
    links = [(place[writer], place[reader], capacity[writer, reader]) for writer, reader in capacity]
    takes, puts = [stage.taken for stage in stages], [stage.tokens for stage in stages]
    arrays = (
        np.concatenate([stage.runs for stage in stages]),
        np.array([len(stage.runs) for stage in stages]),
        np.array([stage.delay for stage in stages]),
        np.array(links, np.int64),
        taken := np.empty(sum(takes) * frames, np.int64),
        np.array(takes),
        put := np.empty(sum(puts) * frames, np.int64),
        np.array(puts),
        ends := np.empty((len(stages), 3), np.int64),
    )
    sizes = map(ctypes.c_int64, (len(stages), len(links), frames))
    compiled.simulate(*sizes, *(array.ctypes.data_as(ctypes.c_void_p) for array in arrays))

    end = {stage.name: End(*values) for stage, values in zip(stages, ends.tolist(), strict=True)}
    return Ran(
        {name: times[: end[name].taken] for name, times in _by_stage(stages, taken, takes, frames)},
        {
            name: times[: end[name].put] + stages[place[name]].delay
            for name, times in _by_stage(stages, put, puts, frames)
        },
        deadlock(
            capacity,
            lambda fifo: end[fifo[1]].waits == FOR_TOKENS and end[fifo[1]].taken == end[fifo[0]].put,
            lambda fifo: end[fifo[0]].waits == FOR_ROOM and end[fifo[0]].put - end[fifo[1]].taken >= capacity[fifo],
        ),
    )


def _by_stage(stages: Sequence[Stage], times: Times, counts: Sequence[int], frames: int) -> Iterator[tuple[str, Times]]:
    """The part of `times` that is each stage's, which has so many a frame."""
    ends = accumulate(count * frames for count in counts)
    for stage, count, end in zip(stages, counts, ends, strict=True):
        yield stage.name, times[end - count * frames : end]


@cache
def library() -> Any | None:
    """The compiled simulation."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zynqflows"
    except RuntimeError:  # the user has no home
        return None
    digest = sha256(SOURCE.read_bytes() + " ".join((*FLAGS, machine())).encode()).hexdigest()[:16]
    path = folder / f"tokens-{digest}.so"
    try:
        return ctypes.CDLL(str(path))
    except OSError:  # it is not there, or damaged
        pass
    try:
        _compile(path)
        return ctypes.CDLL(str(path))
    except (OSError, subprocess.SubprocessError):
        return None


def _compile(path: Path) -> None:
    """Writes `path` whole, since other processes may be at it. Raises `OSError` or `SubprocessError`."""
    if (compiler := shutil.which(COMPILER)) is None:
        raise FileNotFoundError(COMPILER)
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        result = Path(folder) / path.name
        command = (compiler, *FLAGS, str(SOURCE), "-o", str(result))
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        result.replace(path)
