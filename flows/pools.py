"""What computes the points of a sweep: processes of this machine, a Dask cluster, or an executor of the user's own."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module

from flows.core.errors import SetupError, UsageError

DASK = "dask"
USAGE = "dask:tcp://HOST:PORT, or MODULE:FUNCTION, whose result is a concurrent.futures.Executor"
WAIT_S = 30.0
"""How long a scheduler of Dask may take to answer, and a worker to join it."""


@contextmanager
def opened(name: str | None, jobs: int | None) -> Iterator[tuple[Executor, int]]:
    """An executor and how many workers it has: `jobs` processes (as many as there are cores by default), or what `name`
    says as in `USAGE`, of which `jobs` points are computed at a time."""
    if name is None:
        workers = jobs or os.cpu_count() or 1
        with ProcessPoolExecutor(workers, initializer=_begin, initargs=(os.getpid(),)) as pool:
            yield pool, workers
        return
    if not isinstance(name, str):  # in Python
        raise UsageError("executor", f"{name!r} is none", f"give {USAGE}")
    kind, colon, place = name.partition(":")
    if not colon or not place:
        raise UsageError(f"--executor {name!r}", "neither an address nor a function", f"give {USAGE}")
    with _dask(place) if kind == DASK else _factory(kind, place) as pool:
        yield pool, jobs or _size(pool)


def _begin(parent: int) -> None:
    """What a worker does first. A signal that ends the command may reach its workers too (Ctrl-C, `timeout`): they say
    nothing then. A command that was killed tells them nothing: they end when they see that it is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    """Of dask.distributed. A worker that is lost has its points computed by another one."""
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise SetupError(
            f"--executor {DASK}", "dask.distributed is not installed", "`pip install distributed`"
        ) from None
    try:
        client = distributed.Client(address, timeout=WAIT_S)
    except (OSError, ValueError) as reason:
        fact = f"no scheduler answers ({reason})"
        raise SetupError(
            f"--executor {DASK}:{address}", fact, "start one: dask scheduler, then dask worker ADDRESS"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT_S)
        except TimeoutError:
            fact = "its scheduler has no worker"
            raise SetupError(f"--executor {DASK}:{address}", fact, f"start one: dask worker {address}") from None
        with client.get_executor(pure=False) as pool:
            yield pool


@contextmanager
def _factory(module: str, function: str) -> Iterator[Executor]:
    culprit = f"--executor {module}:{function}"
    try:
        executor = getattr(import_module(module), function)()
    except Exception as reason:  # whatever a module of the user's does
        fact = f"it gives no executor ({type(reason).__name__}: {reason})"
        raise SetupError(culprit, fact, f"give {USAGE}") from reason
    if not isinstance(executor, Executor):
        raise SetupError(culprit, f"it gives a {type(executor).__name__}", f"give {USAGE}")
    with executor as pool:
        yield pool


def _size(pool: Executor) -> int:
    """How many workers it says to have."""
    client = getattr(pool, "_client", None)
    if client is not None:
        return max(1, len(client.scheduler_info().get("workers", {})))
    return getattr(pool, "_max_workers", None) or os.cpu_count() or 1
