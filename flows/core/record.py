"""The record of a run: one value, and its documented JSON form (``run.schema.json`` beside this file).

`flows.core.record_reader` reads it back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.core.evidence import Reading
from flows.core.fit import headlines, judge
from flows.core.margins import MARGINS, Margins
from flows.core.part import devices

SCHEMA = "zynqflows/3"


@dataclass(frozen=True)
class NetworkFacts:
    """What a report says of a network: its architecture digest is what two runs must share to be compared."""

    name: str
    parameters: int
    macs: int
    architecture: str


@dataclass(frozen=True)
class WeightsFacts:
    """`name` is that of their file, without its ending; empty in records of before."""

    digest: str
    derived_from: str | None
    name: str = ""


@dataclass(frozen=True)
class Verification:
    """How many of `vectors` gave equal integers, design against exact reference; `equal` None where nothing ran."""

    vectors: int
    equal: int | None
    against: str


@dataclass(frozen=True)
class StepFacts:
    name: str
    state: str
    seconds: float
    versions: Mapping[str, str]
    reason: str
    folder: str | None
    cause: str = ""
    """Why the first step in the row was skipped, where this one was because of it."""


@dataclass(frozen=True)
class Run:
    """One flow on one part. `options` are the flow's own, as text; `quantised` is the digest of the arithmetic.

    `weight_bits` are the widths of its weights, widest first; none in records that were made before they were kept.
    `margins` are those that its folding kept to and its fit is judged by.
    `refuted` says what evidence in the ledger shows to be wrong with the design: one that has any is not proven.
    """

    name: str
    flow: str
    part: str
    device: str
    clock_ns: float
    options: Mapping[str, str]
    weights: WeightsFacts
    quantised: str
    readings: tuple[Reading, ...]
    verification: Verification | None
    steps: tuple[StepFacts, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    command: str
    weight_bits: tuple[int, ...] = ()
    margins: Margins = MARGINS
    refuted: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether what was built gave the right integers, and no later evidence says otherwise."""
        proof = self.verification
        return not self.refuted and proof is not None and proof.equal == proof.vectors


@dataclass(frozen=True)
class Document:
    """Runs of one network."""

    network: NetworkFacts
    runs: tuple[Run, ...]


def document_to_json(document: Document) -> str:
    content = {
        "schema": SCHEMA,
        "network": vars(document.network),
        "runs": [_known(vars(run)) | _nested(run) | judgement(run) for run in document.runs],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def judgement(run: Run) -> dict[str, Any]:
    """What follows from a run's readings, for scripts: its verdict, and for each metric the reading that is judged."""
    fit = judge(run.readings, devices()[run.device], run.margins, run.clock_ns)
    return {
        "verdict": {
            "verdict": fit.verdict.value,
            "stage": fit.stage.value if fit.stage else None,
            "binding": fit.binding.key if fit.binding else None,
            "undecided": [resource.metric.key for resource in fit.undecided],
            "excess": {metric.key: value for metric, value in fit.excess.items()},
            "margin": fit.margins.mapping(),
            "clock": fit.clock.verdict.value if fit.clock else None,
        },
        "headline": {metric.key: reading_to_json(reading) for metric, reading in headlines(run.readings, fit).items()},
    }


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without what nothing refutes, which a record of a run never has: the ledger does."""
    return {name: value for name, value in row.items() if name != "refuted" or value}


def _nested(run: Run) -> dict[str, Any]:
    return {
        "weights": vars(run.weights),
        "margins": run.margins.mapping(),
        "readings": [reading_to_json(reading) for reading in run.readings],
        "verification": vars(run.verification) if run.verification else None,
        "steps": [vars(step) for step in run.steps],
    }


def reading_to_json(reading: Reading) -> dict[str, Any]:
    return {
        "metric": reading.metric.key,
        "value": reading.value,
        "unit": reading.metric.unit,
        "scope": reading.scope,
        "tier": reading.tier.value,
        "predicts": reading.predicts.value if reading.predicts else None,
        "on": reading.on,
        "source": reading.source,
        "low": reading.low,
        "high": reading.high,
        "at_least": reading.at_least,
        "n": reading.n,
        "of": reading.of.value,
    }
