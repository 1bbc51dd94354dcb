"""Unused content of a store: steps that no record refers to, failures, leftovers of killed runs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.core.files import TEXT_LIMIT, read_bytes
from flows.manifest import Changed, read_manifest
from flows.store import Store

DAY_S = 86_400.0


@dataclass(frozen=True)
class Leftover:
    """A folder or file that nothing needs: what it is, its size in bytes, and for how many days it was not used."""

    path: Path
    about: str
    size: int
    days: float


def leftovers(store: Store, days: float) -> list[Leftover]:
    """All that is not needed and was not used for so many `days`, largest first.

    Raises `InputError` for a record that cannot be read as a file: it may refer to any step.
    """
    needed, now = _referred_to(store), time.time()
    old = []
    for path, about in _places(store):
        unused = (now - _used(store, path)) / DAY_S
        if unused >= days and not (path.parent == store.steps and path.name in needed):
            old.append(Leftover(path, about, _size(path), unused))
    return sorted(old, key=lambda leftover: -leftover.size)


def prune(store: Store, old: list[Leftover]) -> Iterator[Leftover]:
    """Removes what a running process does not hold; gives each that was removed. Raises `SetupError`."""
    if old:
        store.prepare()
    for leftover in old:
        with store.lock(_digest(leftover.path), waiting=None) as free:
            if free:
                store.drop(leftover.path)
                yield leftover


def _referred_to(store: Store) -> set[str]:
    """Every digest that stands in a record, damaged records included: too many digests are safe, one too few is not."""
    advice = "put it out of the store: it may refer to any step"
    texts = (read_bytes(store.runs / f"{name}.json", TEXT_LIMIT, advice) for name in store.names())
    return {match.decode() for text in texts for match in re.findall(rb"[0-9a-f]{16}", text)}


def _places(store: Store) -> Iterator[tuple[Path, str]]:
    known = {
        store.steps: "step", store.failed: "failed step", store.scratch: "left by a killed run",
        store.estimates: "estimate of a sweep",
    }  # fmt: skip
    for place, about in known.items():
        for path in sorted(place.glob("*")) if place.is_dir() else ():
            if path.suffix == ".log" and path.with_suffix("").is_dir():
                continue  # it goes with its folder
            yield path, _title(path) if place == store.steps else about
    for path in sorted(store.runs.glob(".*")):
        yield path, "left by a killed run"


def _title(path: Path) -> str:
    with suppress(Changed):
        return f"step {read_manifest(path).step}"
    return "step, damaged or of an earlier version"


def _digest(path: Path) -> str:
    return path.name.lstrip(".").partition(".")[0]


def _used(store: Store, path: Path) -> float:
    """When it was last used or changed, in seconds since 1970."""
    times = [0.0]
    for place in (path, store.locks / _digest(path)):
        with suppress(OSError):
            times.append(place.lstat().st_mtime)
    return max(times)


def _size(path: Path) -> int:
    """Of what is deleted with it: links count as themselves."""
    total = 0
    for inner in (path, *path.rglob("*")):
        with suppress(OSError):
            total += inner.lstat().st_size if not inner.is_dir() or inner.is_symlink() else 0
    return total
