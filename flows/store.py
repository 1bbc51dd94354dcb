"""The store: finished step directories by digest, and the records of runs.

    steps/DIGEST/     a finished step: the files it was given and made, ``step.log``, ``step.json``
    scratch/DIGEST.*  a step that runs now, and its log, under a name of this run's own; renamed into ``steps`` when it
                      has succeeded, removed when its run has died
    failed/DIGEST/    the last failure of a step, for its log
    locks/DIGEST      held while a step is looked up or run, so that two runs at once share the work
    runs/NAME.json    one record a run, in the published schema

Because a directory appears in ``steps`` by one rename, a run that is killed leaves nothing half-made there.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import IO
from uuid import uuid4

from flows.core.errors import InputError, SetupError
from flows.core.record import Document, document_from_json

MANIFEST = "step.json"
LOG = "step.log"


def default_root() -> Path:
    """``$ZYNQFLOWS_STORE``, or ``zynqflows`` in the user's data folder (XDG base directory specification)."""
    if place := os.environ.get("ZYNQFLOWS_STORE"):
        return Path(place)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "zynqflows"


class Store:
    """Raises `SetupError` where its folder cannot be made or written."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.steps, self.scratch, self.failed, self.locks, self.runs = (
            self.root / name for name in ("steps", "scratch", "failed", "locks", "runs")
        )
        try:
            for folder in (self.steps, self.scratch, self.failed, self.locks, self.runs):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as reason:
            raise self._unwritable(reason) from None
        if not os.access(self.locks, os.W_OK):
            raise self._unwritable(PermissionError(13, "Permission denied"))

    def _unwritable(self, reason: OSError) -> SetupError:
        return SetupError(
            f"store {self.root}", f"cannot be written ({reason.strerror})", "name another folder with --store"
        )

    @contextmanager
    def lock(self, digest: str, waiting: Callable[[], None] = lambda: sleep(0.1)) -> Iterator[None]:
        """Held by one process and thread at a time; let go by the system when its holder dies.

        While another holds it, `waiting` is called again and again; what that raises ends the wait.
        """
        with (self.locks / digest).open("w") as file:
            while not _locked(file):
                waiting()
            yield

    def finished(self, digest: str, makes: tuple[str, ...]) -> Path | None:
        """The finished directory of a step, None where there is none or a promised file is gone from it."""
        folder = self.steps / digest
        whole = (folder / MANIFEST).is_file() and all((folder / name).exists() for name in makes)
        return folder if whole else None

    @contextmanager
    def fresh(self, digest: str) -> Iterator[Path]:
        """An empty directory for this step to run in, of this run alone; call with its lock held.

        It is removed at the end unless `finish` or `fail` has named it. What runs that died have left is removed too,
        as far as that goes: somebody may still write there.
        """
        for entry in self.scratch.iterdir():
            owner = entry.name.partition(".")[0]
            if owner == digest or self._abandoned(owner):
                _remove(entry)
        folder = self.scratch / f"{digest}.{uuid4().hex[:8]}"
        try:
            folder.mkdir()
        except OSError as reason:
            raise self._unwritable(reason) from None
        try:
            yield folder
        finally:
            _remove(folder)
            _remove(self.log(folder))

    def log(self, folder: Path) -> Path:
        """Where a step that runs in `folder` has its log: not inside, since it may remove that."""
        return folder.with_name(f"{folder.name}.log")

    def _abandoned(self, digest: str) -> bool:
        """Whether nobody is at this step: the system lets go of a lock when its holder dies."""
        try:
            with (self.locks / digest).open() as file:
                return _locked(file)
        except OSError:  # no such lock: nothing of a step's
            return False

    def finish(self, folder: Path, manifest: dict[str, object]) -> Path:
        """Names the directory of a step that has succeeded."""
        folder.mkdir(exist_ok=True)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
        return self._move(folder, self.steps)

    def fail(self, folder: Path) -> Path:
        """Sets the directory of a step that has failed aside, in place of its last failure."""
        return self._move(folder, self.failed)

    def _move(self, folder: Path, place: Path) -> Path:
        target = place / folder.name.partition(".")[0]
        try:
            folder.mkdir(exist_ok=True)  # the step may have removed it
            if self.log(folder).exists():
                self.log(folder).replace(folder / LOG)
            shutil.rmtree(target, ignore_errors=True)
            return folder.rename(target)
        except OSError as reason:
            raise self._unwritable(reason) from None

    def save(self, name: str, text: str) -> None:
        """Writes a run's record in one step."""
        scratch = self.scratch / f"{name}.{os.getpid()}.json"
        scratch.write_text(text)
        scratch.rename(self.runs / f"{name}.json")

    def names(self) -> tuple[str, ...]:
        """The recorded runs, oldest first."""
        files = sorted(self.runs.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        return tuple(path.stem for path in files)

    def record(self, name: str) -> Document:
        """The record of a run; `name` may be any unambiguous beginning of it. Raises `InputError`."""
        matches = [known for known in self.names() if known.startswith(name)]
        if name in matches:
            matches = [name]
        if len(matches) != 1:
            fact = f"{len(matches)} runs begin with it" if matches else "no such run in the store"
            advice = f"take one of {', '.join(matches)}" if matches else "`python -m flows compare` lists the runs"
            raise InputError(f"run {name!r}", fact, advice)
        path = self.runs / f"{matches[0]}.json"
        return document_from_json(path.read_text(), str(path))


def _locked(file: IO[str]) -> bool:
    """Takes the lock on an open file, where nobody has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
