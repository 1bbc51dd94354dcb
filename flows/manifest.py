"""The manifest ``step.json`` of a step: each file that the step left, with its size, time and digest.

A stored result is used only if it has not changed. Sizes and times are checked in every run, digests where those
differ or where the user asks; ``step.json`` is sealed by a digest of its own. That finds damage, and edits
by hand. It does not stop someone who may write to the store and computes the digests anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from flows.core.digest import digest_bytes, digest_file, digest_of, plain
from flows.core.errors import FlowsError, InputError
from flows.core.files import read_text, write_atomic, writing
from flows.core.plan import Asset, Step
from flows.core.shape import Wrong, fields, listing, mapping, number, parse, text, whole

MANIFEST = "step.json"
SMALL = 1 << 20
"""Bytes up to which the digest of a promised file is computed in every run: it takes less than 3 ms."""
AGAIN = "give the command again with --verify, which makes the step again"


class Changed(Exception):
    """A stored result that is not what its step left; the text says which file, and how."""


@dataclass(frozen=True)
class Facts:
    """Of one file; the time is that of its last change, in ns since 1970."""

    size: int
    mtime_ns: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """`result` is the digest that names the step's result, and its folder.

    `given` has, for each file or folder that the step took from an earlier one, a digest of what it held. `linked` are
    links to files of the user's (weights, images), with the digests of those. `files` is every other file, by path;
    `others` are what is no file: links to folders or out of it, pipes. They are never copied.
    """

    result: str
    step: str
    argv: tuple[str, ...]
    versions: Mapping[str, str]
    seconds: float
    given: Mapping[str, str]
    linked: Mapping[str, str]
    files: Mapping[str, Facts]
    others: tuple[str, ...] = ()

    def below(self, place: str) -> dict[str, Facts]:
        """The file `place`, or the files in a folder of that name."""
        inside = f"{place}/"
        return {name: facts for name, facts in self.files.items() if name == place or name.startswith(inside)}

    def part(self, place: str) -> str:
        """A digest of what `place` holds."""
        return digest_of([[name, facts.digest] for name, facts in sorted(self.below(place).items())])

    @property
    def text(self) -> str:
        content = plain(self)
        return json.dumps({**content, "seal": _seal(self)}, indent=1) + "\n"


def _seal(manifest: Manifest) -> str:
    return digest_bytes(json.dumps(plain(manifest), sort_keys=True).encode())


_FACTS = fields({"size": whole(0, 1 << 60), "mtime_ns": whole(-(1 << 63), 1 << 63), "digest": text()}, Facts)
_SHAPE = fields(
    {
        "result": text(),
        "step": text(),
        "argv": listing(text()),
        "versions": mapping(text()),
        "seconds": number(0, 1e9),
        "given": mapping(text()),
        "linked": mapping(text()),
        "files": mapping(_FACTS, 1_000_000),
        "others": listing(text()),
        "seal": text(),
    },
    lambda seal, **content: (Manifest(**content), seal),
)


def survey(folder: Path, step: Step, given: Mapping[str, str], versions: Mapping[str, str], seconds: float) -> Manifest:
    """The manifest of what `step` left in `folder`, its `result` to be named yet. Raises `OSError`."""
    files: dict[str, Facts] = {}
    linked: dict[str, str] = {}
    others: list[str] = []
    for name in _names(folder):
        path = folder / name
        if isinstance(step.files.get(name), Asset) and path.is_symlink():
            linked[name] = digest_file(path)
        elif _leads_inside(path, folder):
            status = path.stat()
            files[name] = Facts(status.st_size, status.st_mtime_ns, digest_file(path))
        else:
            others.append(name)
    files.pop(MANIFEST, None)
    return Manifest("", step.name, step.argv, versions, seconds, given, linked, files, tuple(others))


def _names(folder: Path, place: str = "") -> Iterator[str]:
    """Paths of all that is in `folder`, or below `place` in it, except folders; links are not followed."""
    if not (folder / place).is_dir():
        return
    with os.scandir(folder / place) as entries:  # ten times as quick as Path.rglob, and looked at in every run
        for entry in entries:
            name = f"{place}/{entry.name}" if place else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _names(folder, name)
            else:
                yield name


def _leads_inside(path: Path, folder: Path) -> bool:
    """Whether it is a regular file, or a link that stays one when the folder is moved."""
    if path.is_symlink():
        inside = path.resolve().is_relative_to(folder.resolve())
        return inside and path.is_file() and not path.readlink().is_absolute()
    return path.is_file()


def read_manifest(folder: Path) -> Manifest:
    """Raises `Changed` where it is damaged, not sealed, of another folder or of an earlier version."""
    try:
        manifest, seal = _SHAPE(parse(read_text(folder / MANIFEST, "")))
    except FlowsError as error:
        raise Changed(f"{MANIFEST} is unreadable: {error.fact}") from None
    except Wrong as wrong:
        raise Changed(f"{MANIFEST} is damaged or of another version: {wrong}") from None
    if manifest.result != folder.name or seal != _seal(manifest):
        raise Changed(f"{MANIFEST} is not as it was written")
    for name in (*manifest.files, *manifest.linked):
        if name.startswith("/") or ".." in name.split("/"):
            raise Changed(f"{MANIFEST} names {name!r}, which is outside the folder")
    return manifest


def check(folder: Path, manifest: Manifest, promised: Collection[str], thorough: bool) -> None:
    """Raises `Changed` unless `folder` holds what `manifest` says, and nothing more in what its step `promised`.

    `thorough` computes every digest, of linked files too; otherwise those of files whose size or time differ, and of
    small files that were promised, since this program takes its numbers from them.
    """
    read = {name for place in promised for name, facts in manifest.below(place).items() if facts.size <= SMALL}
    for name, facts in manifest.files.items():
        path = folder / name
        try:
            status = path.stat()
        except OSError:
            raise Changed(f"{name} is gone") from None
        if not S_ISREG(status.st_mode):
            raise Changed(f"{name} is no file any more")
        if thorough or name in read or (status.st_size, status.st_mtime_ns) != (facts.size, facts.mtime_ns):
            _compare(path, name, facts.digest)
    for name, digest in manifest.linked.items() if thorough else ():
        _compare(folder / name, name, digest)
    known = {*manifest.files, *manifest.others}
    for place in promised:
        if not os.path.lexists(folder / place):
            raise Changed(f"{place} is gone")
        if (folder / place).is_symlink() and place not in known:
            raise Changed(f"{place} is a link now")
        for name in _names(folder, place):
            if name not in known:
                raise Changed(f"{name} was added")


def _compare(path: Path, name: str, digest: str) -> None:
    try:
        same = path.is_file() and digest_file(path) == digest
    except OSError as reason:
        raise Changed(f"{name} cannot be read ({reason.strerror})") from None
    if not same:
        raise Changed(f"{name} has changed")


PROJECT = "project"
"""The folder of a step that is what a user runs a flow for."""


def copy_step(folder: Path, run: Path, name: str) -> None:
    """Copies all that the step `name` left, its manifest too, and nothing else; raises as `copy`.

    Its project goes to RUN/project, what else it has to RUN/steps/NAME.
    """
    target = run / "steps" / name
    try:
        manifest = read_manifest(folder)
    except Changed as reason:
        raise InputError(f"stored step {folder}", str(reason), AGAIN) from None
    digests = {name: facts.digest for name, facts in manifest.files.items()}
    for file, digest in {**digests, **manifest.linked}.items():
        copy(folder / file, digest, (run if file.startswith(f"{PROJECT}/") else target) / file)
    write_atomic(target / MANIFEST, manifest.text)


def copy(source: Path, digest: str, place: Path) -> None:
    """Copies a stored file (a link is followed), and checks what arrived.

    Raises `InputError` where it is not what its step left, `SetupError` where `place` cannot be written.
    """
    with writing(f"file {place}"):
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = place.with_name(f".{place.name[:60]}.new")
        try:
            if not source.is_file():
                raise InputError(f"stored file {source}", "gone since its step ran", AGAIN)
            shutil.copy2(source, scratch)
            if digest_file(scratch) != digest:
                raise InputError(f"stored file {source}", "changed since its step ran", AGAIN)
            scratch.replace(place)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
