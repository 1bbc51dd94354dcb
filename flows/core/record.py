"""What a run leaves: one value, and one documented JSON form of it (``run.schema.json`` beside this file)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from flows.core.errors import InputError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.part import devices

SCHEMA = "zynqflows/1"


@dataclass(frozen=True)
class NetworkFacts:
    """What a report says of a network: its architecture digest is what two runs must share to be compared."""

    name: str
    parameters: int
    macs: int
    architecture: str


@dataclass(frozen=True)
class WeightsFacts:
    digest: str
    derived_from: str | None


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


@dataclass(frozen=True)
class Run:
    """One flow on one part. `options` are the flow's own, as text; `quantised` is the digest of the arithmetic.

    `weight_bits` are the widths of its weights, widest first; none in records that were made before they were kept.
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


@dataclass(frozen=True)
class Document:
    """Runs of one network."""

    network: NetworkFacts
    runs: tuple[Run, ...]


METRICS = {one.key: one for one in Metric}


def document_to_json(document: Document) -> str:
    content = {
        "schema": SCHEMA,
        "network": vars(document.network),
        "runs": [vars(run) | _nested(run) for run in document.runs],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _nested(run: Run) -> dict[str, Any]:
    return {
        "weights": vars(run.weights),
        "readings": [_reading_to_json(one) for one in run.readings],
        "verification": vars(run.verification) if run.verification else None,
        "steps": [vars(step) for step in run.steps],
    }


def _reading_to_json(reading: Reading) -> dict[str, Any]:
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
    }


def _reading_from_json(row: Mapping[str, Any]) -> Reading:
    if row["metric"] not in METRICS:
        raise ValueError(f"{row['metric']} is no metric")
    bounds = [row[key] for key in ("low", "high") if row[key] is not None]
    if not all(isfinite(one) and one >= 0 for one in (row["value"], *bounds)):
        raise ValueError(f"{row['metric']} of {row['scope']} is no number of 0 or more")
    predicts = Tier(row["predicts"]) if row["predicts"] else None
    rest = {key: row[key] for key in ("value", "on", "source", "scope", "low", "high", "at_least", "n")}
    return Reading(METRICS[row["metric"]], tier=Tier(row["tier"]), predicts=predicts, **rest)


def document_from_json(text: str, place: str) -> Document:
    """The document in `text`; raises `InputError` naming `place` where it is damaged or of another schema."""
    try:
        content = json.loads(text)
        schema = content["schema"]
    except (ValueError, KeyError, TypeError):
        raise InputError(place, "not a run record of this project, or a truncated one", "run the flow again") from None
    if schema != SCHEMA:
        raise InputError(place, f"written in schema {schema}, this version reads {SCHEMA}", "run the flow again")
    try:
        runs = tuple(
            Run(
                **row
                | {
                    "weights": WeightsFacts(**row["weights"]),
                    "readings": tuple(_reading_from_json(one) for one in row["readings"]),
                    "verification": Verification(**row["verification"]) if row["verification"] else None,
                    "steps": tuple(StepFacts(**step) for step in row["steps"]),
                    "notes": tuple(row["notes"]),
                    "warnings": tuple(row["warnings"]),
                    "weight_bits": tuple(row.get("weight_bits", ())),
                }
            )
            for row in content["runs"]
        )
        network = NetworkFacts(**content["network"])
    except (KeyError, TypeError, ValueError) as reason:
        fact = reason if isinstance(reason, ValueError) else repr(reason)
        raise InputError(place, f"damaged run record ({fact})", "run the flow again") from None
    if not runs:
        raise InputError(place, "no run is in it", "run the flow again")
    for run in runs:
        if run.device not in devices():
            raise InputError(place, f"{run.name} is on {run.device}, which is no known device", "run the flow again")
    return Document(network, runs)
