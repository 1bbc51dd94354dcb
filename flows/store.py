"""The store: finished step directories by digest, and the records of runs.

    steps/DIGEST/     a finished step: the files it was given and made, ``step.log``, ``step.json`` (`flows.manifest`)
    scratch/DIGEST/   a step that runs now, or was killed; renamed into ``steps`` when it has succeeded
    failed/DIGEST/    the last failure of a step, for its log
    locks/DIGEST      held while a step is looked up or run, so that two runs at once share the work
    runs/NAME.json    one record a run, in the published schema

Because a directory appears in ``steps`` by one rename, a run that is killed leaves nothing half-made there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from flows.core.errors import InputError, SetupError
from flows.core.files import MEBIBYTE, read_text, write_atomic, writing
from flows.core.plan import Asset, Step
from flows.core.record import Document
from flows.core.record_reader import ADVICE, document_from_json
from flows.manifest import MANIFEST, Changed, Manifest, check, read_manifest

LOG = "step.log"


def default_root() -> Path:
    """``$ZYNQFLOWS_STORE``, or ``zynqflows`` in the user's data folder (XDG base directory specification)."""
    if place := os.environ.get("ZYNQFLOWS_STORE"):
        return Path(place)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "zynqflows"


class Store:
    """Reading makes nothing. What writes raises `SetupError` where it cannot, also where the disk is full."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.steps, self.scratch, self.failed, self.locks, self.runs = (
            self.root / name for name in ("steps", "scratch", "failed", "locks", "runs")
        )

    def prepare(self) -> None:
        """Makes its folders; raises `SetupError` where they cannot be made or written."""
        with self.writing():
            for folder in (self.steps, self.scratch, self.failed, self.locks, self.runs):
                folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.locks, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def writing(self) -> AbstractContextManager[None]:
        return writing(f"store {self.root}")

    @contextmanager
    def lock(self, digest: str, wait: bool = True) -> Iterator[bool]:
        """Held by one process and thread at a time; let go by the system when its holder dies.

        False where another holds it and `wait` is not asked. Its time says when the step was last used.
        """
        with self.writing():
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self.locks / digest, flags, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            if wait:
                os.utime(descriptor)
            yield True
        finally:
            os.close(descriptor)

    def finished(self, step: Step, digest: str, given: Mapping[str, str], thorough: bool) -> Manifest | None:
        """The manifest of a stored result, None where there is none. Links to the user's files are set to where they
        are now.

        Raises `Changed` where it is not what the step left, or was made from other files than `given`.
        """
        folder = self.steps / digest
        if not os.path.lexists(folder):
            return None
        manifest = read_manifest(folder)
        for name, part in given.items():
            if manifest.given.get(name) != part:
                raise Changed(f"{name} comes from a step that was made again, and differs")
        for name, item in step.files.items():
            if isinstance(item, Asset) and name in manifest.linked:
                self._link(folder / name, item.path.absolute())
        check(folder, manifest, step.makes, thorough)
        return manifest

    def _link(self, place: Path, target: Path) -> None:
        if place.is_symlink() and place.readlink() == target:
            return
        with self.writing():
            remove(place)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)

    def fresh(self, digest: str) -> Path:
        """An empty directory for this step to run in; call with its lock held, so that what lies there is stale."""
        folder = self.scratch / digest
        with self.writing():
            remove(folder)
            folder.mkdir()
        return folder

    def finish(self, digest: str, manifest: Manifest) -> Path:
        """Names the directory of a step that has succeeded."""
        write_atomic(self.scratch / digest / MANIFEST, replace(manifest, result=digest).text)
        return self._move(digest, self.steps)

    def fail(self, digest: str) -> Path:
        """Sets the directory of a step that has failed aside, in place of its last failure."""
        return self._move(digest, self.failed)

    def discard(self, digest: str) -> None:
        """Removes the directory of a step that was interrupted."""
        shutil.rmtree(self.scratch / digest, ignore_errors=True)

    @contextmanager
    def making(self, digest: str) -> Iterator[None]:
        """What is written inside is no result where the disk is full: it is discarded, which makes room."""
        try:
            with self.writing():
                yield
        except SetupError:
            self.discard(digest)
            raise

    def shortage(self) -> str:
        """What to add to a failure where its cause may be a full disk; mostly nothing."""
        with suppress(OSError):
            if shutil.disk_usage(self.root).free < MEBIBYTE:
                return f" (no room is left on the disk of the store {self.root})"
        return ""

    def _move(self, digest: str, place: Path) -> Path:
        with self.writing():
            remove(place / digest)
            return (self.scratch / digest).rename(place / digest)

    def drop(self, path: Path) -> None:
        """Removes what lies at `path`, out of its place first: nobody sees half of it. Call with its lock held."""
        with self.writing():
            grave = self.scratch / f".{path.name.lstrip('.')}.{os.getpid()}"
            remove(path.rename(grave))

    def save(self, name: str, text: str) -> None:
        """Writes a run's record in one step."""
        path = self.runs / f"{name}.json"
        with self.writing():
            self.runs.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(path) and not path.is_file():
                path.unlink()  # a pipe; of a folder, what is in it is not ours to remove
        write_atomic(path, text)

    def names(self) -> tuple[str, ...]:
        """The recorded runs, oldest first."""
        files = sorted((path.lstat().st_mtime_ns, path.name) for path in self.runs.glob("[!.]*.json"))
        return tuple(name.removesuffix(".json") for _, name in files)

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
        return document_from_json(read_text(path, ADVICE), str(path))

    def records(self) -> tuple[list[Document], list[InputError]]:
        """Every record, oldest first, and what is wrong with those that are left out."""
        documents, errors = [], []
        for name in self.names():
            try:
                documents.append(self.record(name))
            except InputError as error:
                errors.append(error)
        return documents, errors


def remove(path: Path) -> None:
    """A folder with all that is in it, or whatever else is there. Raises `OSError`."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
