"""Estimates of single designs in the store, each under a digest of all that it depends on."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from flows import designs
from flows.core.digest import digest_file, digest_of
from flows.core.errors import FlowsError, InputError
from flows.core.files import read_text, write_atomic
from flows.core.record import Document, Run, document_to_json
from flows.core.record_reader import document_from_json
from flows.designs import Request
from flows.identity import source_digest
from flows.jobs import Trained, run_name
from flows.packages import package_version
from flows.runner import network_facts
from flows.store import Store

SOURCES = ("flows", "models", "backends")
"""The packages whose text an estimate depends on, beside that of a third party's flow."""


@cache
def _packages() -> Mapping[str, str]:
    """Versions of what an estimate is computed with, besides the code."""
    return {"python": ".".join(platform.python_version_tuple()[:2]), "numpy": package_version("numpy")}


def versions(point: Request) -> Mapping[str, str]:
    return {"code": code_digest(point), **_packages()}


def code_digest(point: Request) -> str:
    """A digest of the source of everything that an estimate of `point` depends on."""
    (options,) = point.options.values()
    flow = type(options).__module__.partition(".")[0]
    return digest_of([source_digest(package) for package in dict.fromkeys((*SOURCES, flow))])


def estimate_path(store: Store, point: Request, trained: Trained) -> Path | None:
    """The file in the store for the estimate of a point; None where the design is refused."""
    try:
        ((backend, started, job),) = designs.designs(point, trained)
    except FlowsError:
        return None
    card = digest_file(started.card.path) if started.card else None
    name = run_name(backend.name, job)
    return store.estimates / f"{digest_of([name, point.images, card, code_digest(point)])}.json"


def read_estimate(path: Path, point: Request) -> Run | None:
    """The stored run, with the command of `point`; None where there is none or it cannot be read. It is then estimated
    again."""
    with suppress(InputError):
        (run,) = document_from_json(read_text(path, "sweep again"), str(path)).runs
        return replace(run, command=point.command)
    return None


def write_estimate(path: Path, trained: Trained, run: Run) -> None:
    write_atomic(path, document_to_json(Document(network_facts(trained), (run,))))
