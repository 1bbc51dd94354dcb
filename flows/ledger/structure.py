"""Whether a csynth report can be of a recorded run: its design is made again from the record, and asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from backends.protocol import Backend, Unbuildable
from flows import registry
from flows.core.errors import FlowsError
from flows.core.part import Target, find_part
from flows.core.record import Document
from flows.jobs import find_trained


def remarks(predicted: Document, report: Path) -> Iterator[str]:
    """What was compared, and what is doubtful. Raises `InputError` where the report is of another structure.

    Nothing where the design cannot be made again: a network of the user's own, weights that do not ship, an option that
    is no longer what it was.
    """
    rebuilt = _design(predicted)
    if rebuilt is None:
        yield f"{report.name}: its structure was not compared: the design of {predicted.runs[0].name} is not at hand"
        return
    backend, design = rebuilt
    if backend.read_report:
        yield from (note.text for note in backend.read_report(design, report).notes)


def _design(predicted: Document) -> tuple[Backend[Any, Any], Any] | None:
    run = predicted.runs[0]
    try:
        backend = registry.load(run.flow)
        trained = find_trained(predicted.network.name, None, backend.weights)
        same = (trained.network.digest, trained.weights.digest) == (predicted.network.architecture, run.weights.digest)
        options = backend.options(**dict(_options(backend, run.options)))
        job = trained.job(Target(find_part(run.part), run.clock_ns), options)
        return (backend, backend.resolve(job)) if same and not backend.check(job) else None
    except (FlowsError, Unbuildable, ValueError, TypeError):
        return None


def _options(backend: Backend[Any, Any], texts: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """A record has options as text; each is read as on a command line."""
    for field in fields(backend.options):
        if field.name in texts:
            kind = type(field.default)
            read: Callable[[str], Any] = field.metadata.get("parse", kind)
            yield field.name, texts[field.name] == "True" if kind is bool else read(texts[field.name])
