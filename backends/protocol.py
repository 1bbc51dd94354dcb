"""The one seam: what a backend is. A backend is a module with seven names; nothing is inherited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flows.core.evidence import Reading
from flows.core.part import Target
from flows.core.plan import Asset, Plan, Products, Step
from models.network import Network
from models.quantised import QuantisedNetwork
from models.ranges import Ranges
from models.weights import Weights

API = 1
"""The version of this seam. A backend states the one it was written for in its own ``API``."""


@dataclass(frozen=True)
class Job:
    """Everything a backend may depend on. What is not here is not an input."""

    network: Network
    weights: Weights
    ranges: Ranges
    target: Target
    options: Any
    """The backend's own `Options`."""


@dataclass(frozen=True)
class Refusal:
    """Why a job cannot be done: `culprit` (an option or a layer), the fact, and the nearest legal choice."""

    culprit: str
    fact: str
    nearest: str


class Backend(Protocol):
    """Each function below `check` may assume that `check` gave no refusal. Only `read` looks at files.

    `Options` is a frozen dataclass. Every field becomes a command-line option ``--like-this``; its metadata has
    ``help`` and may have ``unit``, ``choices`` and ``parse`` (text to value, raising `ValueError` with the reason).
    """

    API: int
    NAME: str
    Options: type

    def check(self, job: Job) -> Sequence[Refusal]: ...

    def lower(self, job: Job) -> QuantisedNetwork:
        """The exact arithmetic that will be built."""
        ...

    def estimate(self, job: Job) -> Sequence[Reading]:
        """Readings with no tool installed: totals and layers, modelled."""
        ...

    def notes(self, job: Job) -> Sequence[str]:
        """What a user should know of the choices made for this job; the first word "warning:" makes it loud."""
        ...

    def plan(self, job: Job) -> Plan: ...

    def read(self, job: Job, products: Products) -> Sequence[Reading]:
        """Readings from what the plan made; none for a step that was skipped."""
        ...


class ReportReader(Protocol):
    """What a backend may have beside those names: a reader of vendor reports that were made elsewhere."""

    def read_report(self, job: Job, report: Path) -> Sequence[Reading]:
        """Raises `InputError` where the report is damaged, or of another part, top or clock than `job`."""
        ...


class ReportComparer(Protocol):
    """What a `ReportReader` may have beside that: remarks on what of a report was compared with the job."""

    def compared(self, job: Job, report: Path) -> Sequence[str]:
        """As `Backend.notes`, of a report that `read_report` takes."""
        ...


class Observer(Protocol):
    """What a backend may have beside those names: remarks on what ran, where no reading says it."""

    def observations(self, job: Job, products: Products) -> Sequence[str]:
        """As `Backend.notes`, of what the plan made; none for a step that was skipped."""
        ...


class FileJudge(Protocol):
    """What a backend may have beside those names: a judge of model files that were made elsewhere (``flows check``)."""

    def readiness_step(self, model: Asset, network: Network | None, external: Mapping[str, Asset]) -> Step:
        """Makes one JSON file, with one of three answers.

        ``file`` and ``verdicts``: a `flows.core.readiness.Readiness`, with a verdict "architecture" where `network` is
        given, which the file should be. ``wanted``: files beside the model that are needed and not among `external`.
        ``refusal``: why it cannot be read, as ``culprit``, ``fact`` and ``next_step``.
        """
        ...
