"""SIGINT (Ctrl-C), SIGTERM and SIGHUP (a terminal that closes) end a command in order, and within a moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CLEANING_S = 1.5
"""Seconds that cleaning up may take: a thread may be in a computation that cannot be interrupted."""
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread, once. `code` is the exit code: 128 and the signal's number, as shells have it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


@contextmanager
def interruptible(for_good: bool) -> Iterator[None]:
    """The first signal raises `Interrupted`; at a second, or after `CLEANING_S`, the program ends where it stands.

    Every process that a step or a training has started ends with it (`flows.processes`). Where it holds `for_good`, a
    program that was interrupted ends within `CLEANING_S` after this too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    alarms: list[threading.Timer] = []

    def end(number: int, frame: object) -> None:
        if alarms:
            os._exit(128 + number)
        alarms.append(threading.Timer(CLEANING_S, os._exit, (128 + number,)))
        alarms[0].daemon = True
        alarms[0].start()
        _say("interrupted: nothing half-made is left; the same command goes on from the last whole step")
        raise Interrupted(number)

    before = {number: signal.getsignal(number) for number in NUMBERS}
    if before[signal.SIGHUP] is signal.SIG_IGN:  # under nohup it goes on when the terminal closes
        del before[signal.SIGHUP]
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        if not (alarms and for_good):
            for number, handler in before.items():
                signal.signal(number, handler)
            for alarm in alarms:
                alarm.cancel()


def _say(line: str) -> None:
    with suppress(OSError):  # the terminal may be gone
        over = "\r\x1b[K" if os.isatty(2) else ""  # the progress of a step
        os.write(2, f"{over}{line}\n".encode())
