"""Locks between processes: files that the system keeps locked for a process, and frees when it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from flows.core.files import writing

FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def pause() -> None:
    """Between two attempts at a lock that another process holds."""
    sleep(0.1)


@contextmanager
def held(file: Path, culprit: str, waiting: Callable[[], None] | None = pause) -> Iterator[bool]:
    """Holds the lock `file`, which one process and thread has at a time; yields whether it is held.

    While another holds it, `waiting` is called repeatedly; an exception of it ends the wait. Where `waiting` is None
    there is no wait, and False is yielded. Raises `SetupError` for `culprit` where the file cannot be made. After a
    wait, the time of the file is that of this call.
    """
    with writing(culprit):
        descriptor = os.open(file, FLAGS | os.O_CREAT, 0o666)
    try:
        while not (is_mine := _locked(descriptor)) and waiting:
            waiting()
        if waiting:
            os.utime(descriptor)
        yield is_mine
    finally:
        os.close(descriptor)


def is_abandoned(file: Path) -> bool:
    """Whether there is such a lock, and no process holds it."""
    try:
        descriptor = os.open(file, FLAGS)
    except OSError:
        return False
    try:
        return _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Takes the lock on an open file, where it is free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
