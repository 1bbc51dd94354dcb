"""Runs commands as jobs of a batch system: vendor tools take hours and licences, too long for an interactive session.

A job runs the same command on a node that sees the same store. So a later command finds the results of a job, and a
client that is killed loses nothing. In the store, ``jobs/NAME/`` holds the files of one job:

    job.sh        the script that was handed over, with what it asks for
    ticket.json   the scheduler and its number of the job
    output.log    what the command printed
    exit_code     written by the script as the last thing: the command's exit code

The names of schedulers' options are those of Slurm 24.05 and LSF 10.1; no scheduler but stand-ins was tried.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from flows import processes
from flows.core.digest import digest_of
from flows.core.errors import InputError, SetupError
from flows.core.files import read_text, write_atomic, writing
from flows.core.text import printable
from flows.store import Store

SCRIPT, TICKET, LOG, CODE = "job.sh", "ticket.json", "output.log", "exit_code"
ANSWER_S = 60.0
"""How long a scheduler may take to answer."""
GRACE_S = 120.0
"""How long a job may be in no queue and have no exit code, as files of another node come late, before it is lost."""
PENDING, RUNNING, DONE, FAILED, LOST = "pending", "running", "done", "failed", "lost"


@dataclass(frozen=True)
class Resources:
    """What a job asks its scheduler for."""

    cores: int = 4
    memory_gb: int = 16
    hours: float = 12.0
    licences: str = ""
    """As the site calls them: "vivado@server:1" for Slurm, "rusage[vivado=1]" for LSF."""


@dataclass(frozen=True)
class Scheduler:
    """`submit` takes the script on its command line or, where `reads`, from standard input; `query` is followed by the
    number of a job, and prints a word for its state."""

    submit: tuple[str, ...]
    reads: bool
    query: tuple[str, ...]
    waiting: tuple[str, ...]
    active: tuple[str, ...]


SCHEDULERS: Mapping[str, Scheduler] = {
    "slurm": Scheduler(
        ("sbatch", "--parsable"), False, ("squeue", "--noheader", "--format=%T", "--jobs"),
        ("PENDING", "CONFIGURING", "SUSPENDED", "REQUEUED"), ("RUNNING", "COMPLETING", "STAGE_OUT"),
    ),
    "lsf": Scheduler(
        ("bsub",), True, ("bjobs", "-noheader", "-o", "stat"), ("PEND", "PSUSP", "USUSP", "SSUSP", "WAIT"), ("RUN",),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Ticket:
    """A job that was handed over: `job` is the scheduler's number of it, `submitted` in seconds since 1970."""

    name: str
    scheduler: str
    job: str
    submitted: float
    command: tuple[str, ...]


def submit(scheduler: str, command: Sequence[str], resources: Resources, store: Store) -> Ticket:
    """Hands `command` over, words of the command line without the program. The same command is not handed over
    twice: while it is under way, its ticket is returned. Raises `SetupError` where the scheduler is absent or
    refuses."""
    name = f"job-{digest_of([scheduler, list(command), str(store.root)])[:8]}"
    folder = store.root / "jobs" / name
    with suppress(InputError):
        known = read_ticket(store, name)
        if state(known, store) in (PENDING, RUNNING):
            return known
    with writing(f"folder {folder}"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    script = folder / SCRIPT
    write_atomic(script, text_of(scheduler, name, command, resources, folder))
    said = _submitted(SCHEDULERS[scheduler], script, folder)
    number = re.search(r"\d+", said)
    if not number:
        raise SetupError(
            f"scheduler {scheduler}", f"it gives no number of a job ({printable(said)[:200]!r})", f"see {script}"
        )
    ticket = Ticket(name, scheduler, number[0], time.time(), tuple(command))
    write_atomic(folder / TICKET, json.dumps(asdict(ticket), indent=1) + "\n")
    return ticket


def text_of(scheduler: str, name: str, command: Sequence[str], resources: Resources, folder: Path) -> str:
    """The script of a job. What it prints goes to the log; its exit code comes last."""
    minutes = max(1, round(resources.hours * 60))
    if scheduler == "slurm":
        asks = [
            f"--job-name={name}", f"--cpus-per-task={resources.cores}", f"--mem={resources.memory_gb}G",
            f"--time={minutes}", f"--output={shlex.quote(str(folder / LOG))}",
        ]  # fmt: skip
        asks += [f"--licenses={shlex.quote(resources.licences)}"] if resources.licences else []
        lines = [f"#SBATCH {ask}" for ask in asks]
    else:
        asks = [
            f"-J {name}", f"-n {resources.cores}", f"-M {resources.memory_gb}GB", f"-W {minutes}",
            f"-oo {shlex.quote(str(folder / LOG))}", '-R "span[hosts=1]"',
        ]  # fmt: skip
        asks += [f'-R "{resources.licences}"'] if resources.licences else []
        lines = [f"#BSUB {ask}" for ask in asks]
    words = shlex.join([sys.executable, "-m", "flows", *command])
    place = shlex.quote(str(folder / CODE))
    body = [
        f"cd {shlex.quote(str(Path.cwd()))}",
        f"export PATH={shlex.quote(os.environ.get('PATH', ''))}",
        words,
        "code=$?",
        f"echo $code > {place}.new && mv {place}.new {place}",
        "exit $code",
    ]
    return "\n".join(["#!/bin/sh", *lines, "", *body]) + "\n"


def read_ticket(store: Store, name: str) -> Ticket:
    """Raises `InputError` where there is none, or it cannot be read."""
    path = store.root / "jobs" / name / TICKET
    text = read_text(path, "`python -m flows wait` lists the jobs", f"job {name}")
    try:
        content = json.loads(text)
        return Ticket(**{**content, "command": tuple(content["command"])})
    except (ValueError, TypeError, KeyError):
        raise InputError(f"job {name}", "its ticket is damaged", f"remove {path.parent} and submit again") from None


def tickets(store: Store) -> list[Ticket]:
    """All that can be read, the oldest first."""
    tickets_read = []
    for path in (store.root / "jobs").glob(f"*/{TICKET}"):
        with suppress(InputError):
            tickets_read.append(read_ticket(store, path.parent.name))
    return sorted(tickets_read, key=lambda ticket: ticket.submitted)


def state(ticket: Ticket, store: Store) -> str:
    """`PENDING`, `RUNNING`, `DONE`, `FAILED`, or `LOST`: in no queue, and without an exit code."""
    if (code := exit_code(ticket, store)) is not None:
        return DONE if code == 0 else FAILED
    scheduler = SCHEDULERS[ticket.scheduler]
    word = _queue(scheduler, ticket.job)
    if word in scheduler.active:
        return RUNNING
    if word in scheduler.waiting or time.time() - ticket.submitted < GRACE_S:
        return PENDING
    return LOST if exit_code(ticket, store) is None else state(ticket, store)  # it may have ended meanwhile


def exit_code(ticket: Ticket, store: Store) -> int | None:
    """Of the command; None while there is none."""
    with suppress(OSError, ValueError):
        return int((store.root / "jobs" / ticket.name / CODE).read_text())
    return None


def log(ticket: Ticket, store: Store) -> Path:
    return store.root / "jobs" / ticket.name / LOG


def _submitted(scheduler: Scheduler, script: Path, folder: Path) -> str:
    """What the scheduler prints when it takes the script."""
    program = _program(scheduler.submit[0])
    argv = [program, *scheduler.submit[1:], str(script)]
    if scheduler.reads:
        argv = ["/bin/sh", "-c", 'exec "$0" "$@" < ' + shlex.quote(str(script)), program, *scheduler.submit[1:]]
    code, said = _output(argv, folder)
    if code != 0:
        raise SetupError(
            f"scheduler {scheduler.submit[0]}", f"it refuses the job ({printable(said.strip())[:200]})", f"see {script}"
        )
    return said


def _queue(scheduler: Scheduler, job: str) -> str:
    """The state of a job as the scheduler calls it; "" where the queue no longer has the job."""
    try:
        code, said = _output([_program(scheduler.query[0]), *scheduler.query[1:], job], Path.cwd())
    except SetupError:
        return scheduler.waiting[0]  # a login node that is away now says nothing of the job
    return said.split()[0] if code == 0 and said.split() else ""


def _program(name: str) -> str:
    if path := shutil.which(name):
        return path
    raise SetupError(f"program {name}", "it is not on PATH", "submit on a machine of the cluster")


def _output(argv: Sequence[str], folder: Path) -> tuple[int, str]:
    """(exit code, what was printed); raises `SetupError` where there is no answer in time."""
    said = bytearray()
    ended = processes.run(argv, folder, os.environ, said.extend, processes.Stop(), ANSWER_S)
    if ended.why == processes.LATE:
        raise SetupError(f"program {Path(argv[0]).name}", f"no answer within {ANSWER_S:.0f} s", "try again later")
    return ended.code, said.decode(errors="replace")
