"""The store: finished step directories by digest, and the records of runs.

    steps/DIGEST/     a finished step: the files it was given and made, ``step.log``, ``step.json``
    scratch/DIGEST/   a step that runs now, or was killed; renamed into ``steps`` when it has succeeded
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.core.errors import InputError, SetupError
from flows.core.record import Document
from flows.core.record_reader import document_from_json

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
    def lock(self, digest: str) -> Iterator[None]:
        """Held by one process and thread at a time; let go by the system when its holder dies."""
        with (self.locks / digest).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def finished(self, digest: str, makes: tuple[str, ...]) -> Path | None:
        """The finished directory of a step, None where there is none or a promised file is gone from it."""
        folder = self.steps / digest
        whole = (folder / MANIFEST).is_file() and all((folder / name).exists() for name in makes)
        return folder if whole else None

    def fresh(self, digest: str) -> Path:
        """An empty directory for this step to run in; call with its lock held, so that what lies there is stale."""
        folder = self.scratch / digest
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        except OSError as reason:
            raise self._unwritable(reason) from None
        return folder

    def finish(self, digest: str, manifest: dict[str, object]) -> Path:
        """Names the directory of a step that has succeeded."""
        (self.scratch / digest / MANIFEST).write_text(json.dumps(manifest, indent=1))
        return self._move(digest, self.steps)

    def fail(self, digest: str) -> Path:
        """Sets the directory of a step that has failed aside, in place of its last failure."""
        return self._move(digest, self.failed)

    def discard(self, digest: str) -> None:
        """Removes the directory of a step that was interrupted."""
        shutil.rmtree(self.scratch / digest, ignore_errors=True)

    def _move(self, digest: str, place: Path) -> Path:
        shutil.rmtree(place / digest, ignore_errors=True)
        return (self.scratch / digest).rename(place / digest)

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
