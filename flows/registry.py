"""Backends by name: built-in and third-party ones register alike, in the entry point group ``zynqflows.backends``.

An entry point names a module that holds its `backends.protocol.Backend` as ``BACKEND``. Loaded lazily, one at a time. A
plugin that is broken is listed with its reason and spoils nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from flows.core.errors import FlowsError, PluginError, UsageError

if TYPE_CHECKING:
    from backends.protocol import Backend

GROUP = "zynqflows.backends"
SEE = "see docs/third-party-backends.md"
WORD = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""What a flow may be called."""


@dataclass(frozen=True)
class Listing:
    """A registered flow, its distribution and version, and why it cannot be used ("" where it can)."""

    name: str
    distribution: str
    about: str
    trouble: str


@cache
def _entry_points() -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.value)}


def names() -> tuple[str, ...]:
    """Every registered flow, usable or not; loads none."""
    return tuple(sorted(_entry_points()))


@cache
def load(name: str) -> Backend[Any, Any]:
    """The backend called `name`. Raises `UsageError` where none is, `PluginError` where it is broken."""
    point = _entry_points().get(name)
    if point is None:
        if not _entry_points():
            raise PluginError("zynqflows", "no flow is registered", "install the project with pip, as the README says")
        raise UsageError.unknown("flow", name, names(), "python -m flows list flows")
    try:
        module = point.load()
    except FlowsError:
        raise
    except Exception as reason:  # whatever a third party's module does on import
        fact = f"cannot be imported ({type(reason).__name__}: {reason})"
        raise PluginError(f"flow {name} ({point.value})", fact, "reinstall or remove its package") from reason
    return _checked(f"flow {name} ({point.value})", getattr(module, "BACKEND", None))


def _checked(culprit: str, backend: object) -> Backend[Any, Any]:
    """`backend` as the program uses it; raises `PluginError` where it is none, or of another version."""
    from backends.protocol import API, Backend

    if not isinstance(backend, Backend):
        raise PluginError(culprit, f"holds no BACKEND, or one older than version {API} of the backend interface", SEE)
    if backend.api != API:
        fact = f"written for version {backend.api} of the backend interface, this is version {API}"
        raise PluginError(culprit, fact, "install a version of it that fits")
    if not isinstance(backend.name, str) or not WORD.fullmatch(backend.name):
        fact = f"its name is {backend.name!r}, and its runs and their files are called by that"
        raise PluginError(culprit, fact, "take letters, digits and dashes, at most 40")
    if not is_dataclass(backend.options):
        raise PluginError(culprit, "its options are no dataclass", SEE)
    return backend


def listings() -> tuple[Listing, ...]:
    """Every registered flow, loaded to see whether it works."""
    rows = []
    for name, point in sorted(_entry_points().items()):
        dist = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        try:
            rows.append(Listing(name, dist, load(name).about, ""))
        except FlowsError as reason:
            rows.append(Listing(name, dist, "", reason.fact))
    return tuple(rows)
