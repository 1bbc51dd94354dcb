"""A job that its backend has checked and resolved: what is known before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from backends.protocol import Backend, Imported, Job, Note, warning
from flows.answers import Answer, Resolved, ask, design_step, refused
from flows.core.clock import check_clock
from flows.core.errors import UsageError
from flows.core.evidence import Reading
from flows.core.plan import Asset, Plan
from flows.executor import Executor
from models.integer_network import IntegerNetwork
from models.network import Network
from models.quantised import QuantisedNetwork

ON_YOUR_WORD = (
    "that {} is a report of this very design is your word: the top, part and clock that it names "
    "were checked, and no report says with what weights and options it was built"
)


@dataclass(frozen=True)
class Prepared:
    """What is known of a job before anything runs: what the backend says of its design, which is searched for where it
    is needed; `imported` are readings of vendor reports made elsewhere. Without a store there is no `plan` yet."""

    job: Job[Any]
    resolved: Resolved
    quantised: QuantisedNetwork
    readings: tuple[Reading, ...]
    notes: tuple[Note, ...]
    plan: Plan | None = None
    imported: tuple[Reading, ...] = ()


def prepare(
    backend: Backend[Any, Any], job: Job[Any], reports: Sequence[Path] = (), executor: Executor | None = None
) -> Prepared:
    """Checks and resolves `job`, or takes from the store of `executor` what was said of it before.

    Raises `RefusedError` with every reason why the backend cannot do it, or for a clock beyond the part, and
    `InputError` for a report that cannot be of this design.
    """
    check_clock(job.target)
    if refusals := backend.check(job):
        raise refused(backend, refusals)
    resolved = Resolved(backend, job)
    said = ask(resolved, partial(design_step, resolved), executor, partial(_said, resolved, executor is not None))
    assert said.quantised, "every design has its arithmetic"
    imported = [_imported(backend, resolved.design, path) for path in reports]
    notes = [*said.notes, *(note for report in imported for note in report.notes)]
    reported = tuple(reading for report in imported for reading in report.readings)
    return Prepared(job, resolved, said.quantised, said.readings, tuple(notes), said.plan, reported)


def _said(resolved: Resolved, runs: bool) -> Answer:
    backend, design = resolved.backend, resolved.design
    notes, readings = tuple(backend.notes(design)), tuple(backend.estimate(design))
    return Answer(readings, notes, backend.lower(design), backend.plan(design) if runs else None)


def _imported(backend: Backend[Any, Any], design: object, path: Path) -> Imported:
    if backend.read_report is None:
        raise UsageError("--report", f"{backend.name} reads no vendor reports", "leave it out")
    report = backend.read_report(design, path)
    return report if report.notes else replace(report, notes=[warning(ON_YOUR_WORD.format(path.name))])


def weights_asset(job: Job[Any]) -> Asset:
    return Asset(job.weights.path, job.weights.digest)


def arithmetic_weights(prepared: Prepared) -> Asset:
    """The weights that the design's arithmetic stands on: the job's, or those of its network of integers."""
    integer = prepared.job.integer
    if isinstance(integer, IntegerNetwork) and prepared.quantised.weights == integer.weights.digest:
        return Asset(integer.weights.path, integer.weights.digest)
    return weights_asset(prepared.job)


def float_network(prepared: Prepared) -> tuple[Network, Asset] | None:
    """The float network beside a network of integers, with its weights; None where both are one."""
    own = weights_asset(prepared.job)
    return None if arithmetic_weights(prepared) == own else (prepared.job.network, own)
