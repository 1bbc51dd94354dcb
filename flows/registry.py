"""Backends by name: built-in and third-party ones register alike, in the entry point group ``zynqflows.backends``.

Loaded lazily, one at a time. A plugin that is broken is listed with its reason and spoils nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, cast

from flows.core.errors import FlowsError, PluginError, UsageError

if TYPE_CHECKING:
    from backends.protocol import Backend

GROUP = "zynqflows.backends"
WORD = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""What a flow may be called."""
NAMES = ("NAME", "Options", "check", "lower", "estimate", "notes", "plan", "read")


@dataclass(frozen=True)
class Listing:
    """A registered flow, its distribution and version, and why it cannot be used ("" where it can)."""

    name: str
    distribution: str
    about: str
    trouble: str


@cache
def _entry_points() -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in sorted(metadata.entry_points(group=GROUP), key=lambda one: one.value)}


def names() -> tuple[str, ...]:
    """Every registered flow, usable or not; loads none."""
    return tuple(sorted(_entry_points()))


@cache
def load(name: str) -> Backend:
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
    _check(name, point.value, module)
    return cast("Backend", module)


def _check(name: str, place: str, module: Any) -> None:
    from backends.protocol import API

    missing = [wanted for wanted in ("API", *NAMES) if not hasattr(module, wanted)]
    if missing:
        fact = f"has no {', '.join(missing)}"
        raise PluginError(f"flow {name} ({place})", fact, "see docs/third-party-backends.md")
    if module.API != API:
        fact = f"written for version {module.API} of the backend interface, this is version {API}"
        raise PluginError(f"flow {name} ({place})", fact, "install a version of it that fits")
    if not isinstance(module.NAME, str) or not WORD.fullmatch(module.NAME):
        fact = f"its NAME is {module.NAME!r}, and its runs and their files are called by that"
        raise PluginError(f"flow {name} ({place})", fact, "take letters, digits and dashes, at most 40")
    if not is_dataclass(module.Options):
        raise PluginError(f"flow {name} ({place})", "its Options is no dataclass", "see docs/third-party-backends.md")


def listings() -> tuple[Listing, ...]:
    """Every registered flow, loaded to see whether it works."""
    rows = []
    for name, point in sorted(_entry_points().items()):
        dist = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        try:
            about = (load(name).__doc__ or "").strip().partition("\n")[0]
            rows.append(Listing(name, dist, about, ""))
        except FlowsError as reason:
            rows.append(Listing(name, dist, "", reason.fact))
    return tuple(rows)
