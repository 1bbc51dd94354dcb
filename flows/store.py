"""The store: finished step directories by digest, and the records of runs.

    steps/DIGEST/     a finished step: the files it was given and made, ``step.log``, ``step.json`` (`flows.manifest`)
    scratch/DIGEST.*  a step that runs now, and its log, under a name of this run's own; renamed into ``steps`` when it
                      has succeeded, removed when its run has died
    failed/DIGEST/    the last failure of a step, for its log
    locks/DIGEST      held while a step is looked up or run, so that two runs at once share the work
    runs/NAME.json    one record a run, in the published schema
    estimates/DIGEST.json  what a sweep estimated of one design (`flows.sweeping`)
    searches/DIGEST.journal  what Optuna proposed in a search, and what came of it (`flows.searching.journal`)

Because a directory appears in ``steps`` by one rename, a run that is killed leaves nothing half-made there.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from flows.core.errors import InputError
from flows.core.files import MEBIBYTE, read_text, write_atomic, writing
from flows.core.plan import Asset, Step
from flows.core.record import Document
from flows.core.record_reader import ADVICE, document_from_json
from flows.ledger import book
from flows.locks import held, is_abandoned, pause
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
        self.steps, self.scratch, self.failed, self.locks, self.runs, self.estimates = (
            self.root / name for name in ("steps", "scratch", "failed", "locks", "runs", "estimates")
        )

    def prepare(self) -> None:
        """Makes its folders; raises `SetupError` where they cannot be made or written."""
        with self.writing():
            for folder in (self.steps, self.scratch, self.failed, self.locks, self.runs, self.estimates):
                folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.locks, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def writing(self) -> AbstractContextManager[None]:
        return writing(f"store {self.root}")

    def lock(self, digest: str, waiting: Callable[[], None] | None = pause) -> AbstractContextManager[bool]:
        """That of a step or of whatever else is made once (`flows.locks.held`); the time of its file says when the step
        was last used."""
        return held(self.locks / digest, f"store {self.root}", waiting)

    def finished(self, step: Step, digest: str, inputs: Mapping[str, str], thorough: bool) -> Manifest | None:
        """The manifest of a stored result, None where there is none. Links to the user's files are set to where they
        are now.

        Raises `Changed` where it is not what the step left, or was made from other files than `inputs`.
        """
        folder = self.steps / digest
        if not os.path.lexists(folder):
            return None
        manifest = read_manifest(folder)
        for name, part in inputs.items():
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

    @contextmanager
    def fresh(self, digest: str) -> Iterator[Path]:
        """An empty directory for this step to run in, of this run alone; call with its lock held.

        It is removed at the end unless `finish` or `fail` has named it, which makes room where the disk is full. What
        killed runs have left is removed too, as far as possible: a process of theirs may still write there.
        """
        for entry in self.scratch.iterdir():
            owner = entry.name.lstrip(".").partition(".")[0]
            if owner == digest or is_abandoned(self.locks / owner):
                with suppress(OSError):
                    remove(entry)
        folder = self.scratch / f"{digest}.{uuid4().hex[:8]}"
        with self.writing():
            folder.mkdir()
        try:
            yield folder
        finally:
            for path in (folder, self.log(folder)):
                with suppress(OSError):
                    remove(path)

    def log(self, folder: Path) -> Path:
        """Where a step that runs in `folder` has its log: not inside, since it may remove that."""
        return folder.with_name(f"{folder.name}.log")

    def place_log(self, folder: Path) -> None:
        """Puts the log of a step that has ended into its folder."""
        with self.writing():
            folder.mkdir(exist_ok=True)  # the step may have removed it
            if self.log(folder).exists():
                remove(folder / LOG)
                self.log(folder).rename(folder / LOG)

    def finish(self, folder: Path, manifest: Manifest) -> Path:
        """Names the directory of a step that has succeeded."""
        write_atomic(folder / MANIFEST, replace(manifest, result=_digest(folder)).text)
        return self._move(folder, self.steps)

    def fail(self, folder: Path) -> Path:
        """Sets the directory of a step that has failed aside, in place of its last failure."""
        self.place_log(folder)
        return self._move(folder, self.failed)

    def shortage(self) -> str:
        """What to add to a failure where its cause may be a full disk; empty otherwise."""
        with suppress(OSError):
            if shutil.disk_usage(self.root).free < MEBIBYTE:
                return f" (no room is left on the disk of the store {self.root})"
        return ""

    def _move(self, folder: Path, place: Path) -> Path:
        target = place / _digest(folder)
        with self.writing():
            remove(target)
            return folder.rename(target)

    def drop(self, path: Path) -> None:
        """Moves what lies at `path` away, then removes it, so that it is never seen half removed. Call with its lock
        held."""
        with self.writing():
            grave = self.scratch / f".{path.name.lstrip('.')}.{os.getpid()}"
            remove(path.rename(grave))
            remove(self.log(path))

    def save(self, name: str, text: str) -> None:
        """Writes a run's record in one step."""
        path = self.runs / f"{name}.json"
        with self.writing():
            self.runs.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(path) and not path.is_file():
                path.unlink()  # a pipe; of a folder, what is in it is not ours to remove
        write_atomic(path, text)

    def names(self) -> tuple[str, ...]:
        """The recorded runs, oldest first. Raises `InputError` where they cannot be listed: what they refer to must
        stay."""
        records = []
        try:
            with os.scandir(self.runs) as entries:
                for entry in entries:
                    if entry.name.endswith(".json") and not entry.name.startswith("."):
                        with suppress(FileNotFoundError):  # deleted just now
                            records.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as reason:
            fact = f"its runs cannot be read ({reason.strerror or reason})"
            raise InputError(f"store {self.root}", fact, "name another place with --store") from None
        return tuple(name.removesuffix(".json") for _, name in sorted(records))

    def record(self, name: str) -> Document:
        """The record of a run, called as in `find`. Raises `InputError`."""
        return self.refuted(self._read(self.find(name)))

    def remove_run(self, name: str) -> None:
        """Takes out the record of the run called `name`; what was built for it stays until it is pruned."""
        with self.writing():
            (self.runs / f"{name}.json").unlink(missing_ok=True)

    def find(self, name: str) -> str:
        """The whole name of the run of which `name` is an unambiguous beginning, up to a dash or in the digest at its
        end: hls is no beginning of hls4ml-xc7z020-c99aa2. Raises `InputError`."""
        matches = [known for known in self.names() if _begins(known, name)]
        if name in matches:
            matches = [name]
        if len(matches) != 1:
            fact = f"{len(matches)} runs begin with it" if matches else "no such run in the store"
            advice = f"take one of {', '.join(matches)}" if matches else "`python -m flows list runs` shows them"
            raise InputError(f"run {name!r}", fact, advice)
        return matches[0]

    def _read(self, name: str) -> Document:
        path = self.runs / f"{name}.json"
        return document_from_json(read_text(path, ADVICE), str(path))

    def refuted(self, document: Document, against: Mapping[str, tuple[str, ...]] | None = None) -> Document:
        """The document, with what the ledger holds `against` its runs (looked up where None)."""
        failures = book.failures(self.root) if against is None else against
        runs = (replace(run, refuted=failures[run.name]) if run.name in failures else run for run in document.runs)
        return replace(document, runs=tuple(runs)) if failures else document

    def records(self) -> tuple[list[Document], list[InputError]]:
        """Every record, oldest first, and what is wrong with those that are left out."""
        documents, errors, against = [], [], book.failures(self.root)
        for name in self.names():
            try:
                documents.append(self.refuted(self._read(name), against))
            except InputError as error:
                errors.append(error)
        return documents, errors


def _begins(known: str, name: str) -> bool:
    design, dash, _ = known.rpartition("-")
    return f"{known}-".startswith(f"{name}-") or (known.startswith(name) and name.startswith(design + dash))


def _digest(folder: Path) -> str:
    return folder.name.partition(".")[0]


def remove(path: Path) -> None:
    """A folder with all that is in it, or whatever else is there. Raises `OSError`."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
