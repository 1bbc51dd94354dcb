"""Starts one program, and ends it with all that it started: a program of its own, which `flows.processes` runs as

    python -I -S watchdog.py REPORT MEMORY_MB apart|attached PROGRAM ARGUMENT...

Standard input is a pipe that only the main program holds. Its end means that this program is to end: it was told so, or
the main program has died, of whatever cause. On Linux everything that the program starts stays below the watchdog,
also what left its process group or session or lost its parent, for orphans go to the nearest "subreaper" above them.

It writes lines to the file descriptor REPORT: ``cannot ERRNO`` where the program could not be started, and at the end
``ended CODE PEAK_KB NAMES``: the exit code (negative: the signal that ended it), the most memory that the program held,
and what it left behind. It imports little (no typing, no contextlib), since every step waits for it to start.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import sys
import time

LINGER_S = 1.0
"""What is still there when the program has ended has this long to end too: the ``tee`` that writes its last lines."""
ENDING_S = 5.0
"""A process that outlives being killed for so long cannot be ended: it waits for a device."""
SUBREAPER, DEATH_SIGNAL = 36, 1
"""PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG of <linux/prctl.h>."""
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(report: int, memory_mb: int, attached: bool, program: list[str]) -> None:
    os.set_inheritable(report, False)
    control(SUBREAPER, 1)
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    heeded = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]  # not those of nohup
    for number in (signal.SIGCHLD, *heeded):
        signal.signal(number, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # they were held back until now
    child = os.fork()
    if child == 0:
        become(program, memory_mb, attached, heeded, report)
    ended: dict[int, tuple[int, int]] = {}
    must_end = False
    events = select.poll()
    events.register(0, select.POLLIN)
    events.register(wake, select.POLLIN)
    while child not in ended and not must_end:
        must_end = wait(events, wake, None)
        reap(ended)
    deadline = time.monotonic() + LINGER_S
    while not must_end and reap(ended) and time.monotonic() < deadline:
        must_end = wait(events, wake, deadline - time.monotonic())
    left = sorted({name for _, name in children()})[:20] if not must_end and reap(ended) else []
    deadline = time.monotonic() + ENDING_S
    while reap(ended) and time.monotonic() < deadline:
        for process, _ in children():
            kill(process)
        if sys.platform != "linux" and not attached:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.002)
    code, peak_kb = ended.get(child, (-signal.SIGKILL, 0))
    tell(report, f"ended {code} {peak_kb} {', '.join(left)}")


def become(program: list[str], memory_mb: int, attached: bool, heeded: list[signal.Signals], report: int) -> None:
    """Makes this process the program; does not return."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, *heeded):  # Python ignores SIGPIPE and SIGXFSZ
            signal.signal(number, signal.SIG_DFL)
        control(DEATH_SIGNAL, signal.SIGKILL)  # should the watchdog itself be killed
        if attached:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the main program, which ends this one
        else:
            os.setsid()  # the watchdog is out of reach of ``kill 0``
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if memory_mb:
            limit_memory(memory_mb << 20)
        os.execv(program[0], program)
    except (OSError, ValueError) as reason:
        tell(report, f"cannot {getattr(reason, 'errno', errno.EINVAL)}")
    finally:
        os._exit(127)


def limit_memory(size: int) -> None:
    """Counts what a process may write, not the address space that it maps, of which torch maps much more."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    size = size if most == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def wait(events: select.poll, wake: int, limit_s: float | None) -> bool:
    """Whether the program is to end; returns at any signal, and after `limit_s`."""
    ready = [file for file, _ in events.poll(None if limit_s is None else max(limit_s, 0) * 1000)]
    return 0 in ready or (wake in ready and any(number in ENDING for number in os.read(wake, 4096)))


def reap(ended: dict[int, tuple[int, int]]) -> bool:
    """Takes note of every child that has ended; whether there are others."""
    try:
        while True:
            process, status, usage = os.wait4(-1, os.WNOHANG)
            if process == 0:
                return True
            ended[process] = os.waitstatus_to_exitcode(status), usage.ru_maxrss
    except ChildProcessError:
        return False


def children() -> list[tuple[int, str]]:
    """This process's children and their names. Nobody else reaps them, so that each number stays its own."""
    mine = []
    for entry in os.listdir("/proc") if sys.platform == "linux" else ():
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", errors="replace") as file:
                    name, _, status = file.read().partition(" (")[2].rpartition(") ")
            except OSError:  # it has ended meanwhile
                continue
            if int(status.split()[1]) == os.getpid():
                mine.append((int(entry), name.replace("\n", " ")))
    return mine


def kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except OSError:  # it is another user's
        pass


def tell(report: int, line: str) -> None:
    try:
        os.write(report, f"{line}\n".encode())
    except OSError:  # the main program has died
        pass


def control(option: int, value: int) -> None:
    """``prctl``, where there is one."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "attached", sys.argv[4:])
