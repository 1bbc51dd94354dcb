"""Starts programs, each under a watchdog (`flows.watchdog`) that ends it with all that it started.

That happens when the program itself has ended (what it left behind is of no use to anyone), at its limit of time, when
it is told to stop, and when this process dies, be it by ``kill -9``. The only module that
starts processes, but for `backends.dataflow.compiled`, which compiles a file of ours once.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.core.errors import SetupError

WATCHDOG = Path(__file__).with_name("watchdog.py")
CHUNK = 1 << 16
ENDING_S = 8.0
"""A watchdog that has not ended so long after it was told to is killed; it gives up earlier itself."""
HOUR_S = 3600.0
STOPPED, LATE = "stopped", "late"


class Stop:
    """A switch that ends every program running under it. Any thread or signal handler may set it; it stays set."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        self._set = False

    def __del__(self) -> None:
        os.close(self._reading)
        os.close(self._writing)

    def fileno(self) -> int:
        """Readable once it is set."""
        return self._reading

    def set(self) -> None:
        self._set = True
        os.write(self._writing, b"x")

    def check(self) -> None:
        """Raises `KeyboardInterrupt` where it is set."""
        if self._set:
            raise KeyboardInterrupt

    def wait(self, seconds: float) -> None:
        """Raises `KeyboardInterrupt` as soon as it is set."""
        events = select.poll()
        events.register(self, select.POLLIN)
        events.poll(seconds * 1000)
        self.check()


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code, negative where a signal ended it; why it was ended, `STOPPED`, `LATE` or ""
    where it was not; the most memory that it held, in MiB; and the names of the processes that it left behind."""

    code: int
    why: str
    peak_mb: int
    left: str


def run(
    argv: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    hear: Callable[[bytes], None],
    stop: Stop,
    limit_s: float,
    memory_mb: int = 0,
    errors: int = subprocess.STDOUT,
) -> Ended:
    """Runs the program at `argv[0]` (a path) in `folder`, and tells `hear` what it prints, piece by piece.

    Waits for the program, not for its output: a process that it left behind may hold that open. Raises `SetupError`
    where the program cannot be started.
    """
    report, reporting = os.pipe()
    try:
        watchdog = _start(
            argv, reporting, memory_mb, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors
        )
    except BaseException:
        os.close(report)
        raise
    finally:
        os.close(reporting)
    output, lifeline = watchdog.stdout, watchdog.stdin
    assert output and lifeline
    os.set_blocking(output.fileno(), False)
    events = select.poll()
    for file in (output, report, stop):
        events.register(file, select.POLLIN)
    said, why, deadline = b"", "", time.monotonic() + limit_s
    try:
        while True:
            ready = [file for file, _ in events.poll(min(max(deadline - time.monotonic(), 0), HOUR_S) * 1000)]
            if output.fileno() in ready:
                if piece := output.read(CHUNK):
                    hear(piece)
                elif piece == b"":
                    events.unregister(output)
            if report in ready:
                if not (piece := os.read(report, CHUNK)):
                    break
                said += piece
            late = time.monotonic() >= deadline
            if why and late:
                break
            if stop.fileno() in ready or late:
                why, deadline = LATE if late else STOPPED, time.monotonic() + ENDING_S
                lifeline.close()
                events.unregister(stop)
        for _ in range(64):  # what a pipe can hold and more, but not what somebody may write for ever
            if not (piece := output.read(CHUNK)):
                break
            hear(piece)
    finally:
        _let_go(watchdog)
        output.close()
        os.close(report)
    return _ended(argv[0], said.decode(errors="replace"), why)


def run_attached(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs a program in the user's terminal and folder; returns its exit code. For the main thread: Ctrl-C ends it."""
    report, reporting = os.pipe()
    with os.fdopen(report, errors="replace") as reports:
        try:
            watchdog = _start(argv, reporting, attached=True, env=environment)
        finally:
            os.close(reporting)
        try:
            said = reports.read()
        finally:
            _let_go(watchdog)
    return _ended(argv[0], said, "").code


def _start(
    argv: Sequence[str], reporting: int, memory_mb: int = 0, attached: bool = False, **settings: object
) -> subprocess.Popen[bytes]:
    kind = "attached" if attached else "apart"
    command = [sys.executable, "-I", "-S", str(WATCHDOG), str(reporting), str(memory_mb), kind, *argv]
    # A Ctrl-C reaches the watchdog too, where it is attached, and maybe before it can take it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(  # type: ignore[call-overload]
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            pass_fds=(reporting,),
            start_new_session=not attached,
            **settings,
        )
    except (OSError, ValueError) as reason:  # ValueError: a null character
        raise _unstartable(argv[0], getattr(reason, "strerror", None) or str(reason)) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _let_go(watchdog: subprocess.Popen[bytes]) -> None:
    """Ends the watchdog, and the program that it watches, where they still run."""
    assert watchdog.stdin
    watchdog.stdin.close()
    try:
        watchdog.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        watchdog.kill()
        watchdog.wait()


def _ended(program: str, said: str, why: str) -> Ended:
    reports = [line.split(" ", 3) for line in said.splitlines()]
    for kind, *values in reports:
        if kind == "cannot":
            raise _unstartable(program, os.strerror(int(values[0])))
    for kind, *values in reports:
        if kind == "ended":
            return Ended(int(values[0]), why, int(values[1]) >> 10, values[2])
    return Ended(-9, why, 0, "")  # the watchdog itself was killed


def _unstartable(program: str, reason: str) -> SetupError:
    script = reason == os.strerror(errno.ENOENT) and Path(program).exists()
    fact = "the interpreter that its first line names is absent" if script else reason
    return SetupError(
        f"program {program}", f"cannot be started ({fact})", "run it by hand to see what is wrong with it"
    )


VERSION_OPTION = {"vitis_hls": "-version", "vivado_hls": "-version", "vivado": "-version"}
"""What asks a tool for its version, where that is not ``--version``: AMD's start a session at an option unknown."""
SAID_AS_ERRORS = ("nextpnr-himbaechel-xilinx",)
"""Tools that tell their version where others tell their errors."""
VERSION_S, VERSION_BYTES = 60.0, 1 << 16


def tool_version(path: str, stop: Stop | None = None) -> str:
    """The first line with a digit that a tool prints of its version, or "unknown"."""
    from tempfile import TemporaryDirectory

    option = VERSION_OPTION.get(Path(path).name, "--version")
    errors = subprocess.STDOUT if Path(path).name in SAID_AS_ERRORS else subprocess.DEVNULL
    said = bytearray()

    def hear(piece: bytes) -> None:
        said.extend(piece[: VERSION_BYTES - len(said)])

    with suppress(SetupError), TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        run([path, option], Path(folder), os.environ, hear, stop or Stop(), VERSION_S, errors=errors)
    lines = (line.strip() for line in said.decode(errors="replace").splitlines())
    return next((line[:200] for line in lines if any(character.isdigit() for character in line)), "unknown")
