"""Sweeps on a real cluster of Dask: two workers, one killed half-way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flows
from flows import stored_estimates
from flows.core.errors import SetupError

pytest.importorskip("distributed", reason="dask.distributed is not installed: pip install distributed")
pytestmark = pytest.mark.slow
FIXED: dict[str, Any] = {"reuse_factor": "64", "fifo_depth": "40"}
CLOCKS = [10 - place / 16 for place in range(48)]


def started(*words: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler with two workers of one process each, and the workers."""
    place = tmp_path / "scheduler.json"
    processes = [started("dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(place))]
    for name in ("one", "two"):
        words = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--name", name, "--scheduler-file", str(place)]
        processes.append(started("dask_worker", *words, "--local-directory", str(tmp_path / name)))
    try:
        deadline = time.monotonic() + 600
        while not place.exists():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield json.loads(place.read_text())["address"], processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_killed_worker_loses_nothing(cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path) -> None:
    address, workers = cluster
    counts: list[int] = []

    def report(done: int, of: int, kept: int) -> None:
        counts.append(done)
        if done == 8:
            workers[0].send_signal(signal.SIGKILL)

    asked: dict[str, Any] = {"clock_ns": CLOCKS, **FIXED}
    sweep = flows.sweep("hls4ml", executor=f"dask:{address}", jobs=4, store=tmp_path / "a", progress=report, **asked)
    assert counts == list(range(len(CLOCKS) + 1))  # each point once
    assert workers[0].wait(10) == -signal.SIGKILL
    assert sweep.to_json() == flows.sweep("hls4ml", jobs=2, store=tmp_path / "b", **asked).to_json()


def test_a_worker_of_another_version_is_refused_by_name(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_estimates, "code_digest", lambda point: "0123456789abcdef")
    with pytest.raises(SetupError, match="other versions than are asked for: code"):
        flows.sweep("hls4ml", executor=f"dask:{cluster[0]}", store=tmp_path, **FIXED)


def test_a_cluster_without_workers_is_said(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import pools

    for worker in cluster[1]:
        worker.kill()
        worker.wait()
    monkeypatch.setattr(pools, "WAIT_S", 5.0)
    with pytest.raises(SetupError, match=f"its scheduler has no worker. Start one: dask worker {cluster[0]}"):
        flows.sweep("hls4ml", executor=f"dask:{cluster[0]}", store=tmp_path, **FIXED)


def test_no_cluster_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import pools

    monkeypatch.setattr(pools, "WAIT_S", 1.0)
    with pytest.raises(SetupError, match="no scheduler answers"):
        flows.sweep("hls4ml", executor="dask:tcp://127.0.0.1:9", store=tmp_path, **FIXED)
