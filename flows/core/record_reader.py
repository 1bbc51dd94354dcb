"""Reads run records and trusts none of them: a table gives the values of each field, and rules relate the fields.

A record that breaks one of them is no record of a run: it was damaged, or made by hand. `SHAPES` has a shape for each
schema that is read, and all give the same `Document`: another schema is one more entry.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flows.core.errors import FlowsError, InputError
from flows.core.evidence import FRACTIONS, RESOURCES, Metric, Reading, Subject, Tier
from flows.core.margins import MOST_MARGIN, Margins
from flows.core.part import devices, find_part
from flows.core.record import SCHEMA, Document, NetworkFacts, Run, StepFacts, Verification, WeightsFacts, judgement
from flows.core.shape import Shape, Wrong, choice, fields, flag, listing, mapping, number, optional, parse, text, whole
from flows.core.text import printable

LARGEST = 1e15
"""The largest number that a record may hold, far above any cycle or resource count of a design."""
ADVICE = "run the flow again, or put the file away"
HEX = text("[0-9a-f]{16}", "a digest of 16 hexadecimal digits")
COUNT = whole(1, 10**12)
TIERS = {tier.value: tier for tier in Tier}
NO_IMAGE = 1e-4
"""Far more than rounding leaves of a share times its images, far less than an image."""
OF_FRACTIONS = (Tier.EVALUATED, Tier.RECORDED)


def _reading(unit: str, **row: Any) -> Reading:
    reading = Reading(**row)
    metric, value, low, high = reading.metric, reading.value, reading.low, reading.high
    if unit != metric.unit:
        raise Wrong(f"is {printable(unit)[:20]}, where {metric.key} is in {metric.unit}").within("unit")
    if low is not None and low > value:
        raise Wrong(f"is {low:g}, above the value {value:g}").within("low")
    if high is not None and high < value:
        raise Wrong(f"is {high:g}, below the value {value:g}").within("high")
    if (reading.tier in OF_FRACTIONS) is not (metric in FRACTIONS):
        raise Wrong(f"is {reading.tier.value}, which {metric.key} cannot be").within("tier")
    if reading.predicts in OF_FRACTIONS or (reading.predicts and metric in FRACTIONS):
        raise Wrong(f"is {reading.predicts.value}, of which there is no model").within("predicts")
    if metric in FRACTIONS:
        _share(reading)
    if reading.of is not Subject.DESIGN and metric is not Metric.ACCURACY:
        raise Wrong(f"is {reading.of.value}, which only accuracy can be").within("of")
    return reading


def _share(reading: Reading) -> None:
    """Raises `Wrong` unless it is a share of whole images."""
    value, n, high = reading.value, reading.n, reading.high or 0.0
    if n is None:
        raise Wrong("is null, and a fraction is a share of so many images").within("n")
    if max(value, high) > 1:
        raise Wrong(f"is {max(value, high):g}, and a fraction is at most 1").within("value" if value > 1 else "high")
    if abs(value * n - round(value * n)) > NO_IMAGE:
        raise Wrong(f"is {value!r}, which is no share of {n:,} whole images").within("value")


def _verification(**row: Any) -> Verification:
    verification = Verification(**row)
    if verification.equal not in (None, verification.vectors):
        fact = f"is {verification.equal} of {verification.vectors}, and a design that differs leaves no record"
        raise Wrong(fact).within("equal")
    return verification


def _judged_run(verdict: Any, headline: Any, **row: Any) -> Run:
    run = _run(**row)
    for name, value in {"verdict": verdict, "headline": headline}.items():
        if json.dumps(value, sort_keys=True) != json.dumps(judgement(run)[name], sort_keys=True):  # 0 is not False
            raise Wrong("is not what follows from its readings").within(name)
    return run


def _second_run(verdict: Any, headline: Any, **row: Any) -> Run:
    """Of the second schema, whose verdicts kept 10 % of every resource free: the run is judged anew."""
    return _run(**row)


def _former_run(**row: Any) -> Run:
    """Of the first schema, which did not say whose an accuracy is: one that a card records of the design has its
    agreement beside it."""
    run = _run(**row)
    if any(reading.metric is Metric.AGREEMENT for reading in run.readings):
        return run
    other = Subject.TRAINING if run.weights.derived_from else Subject.FLOAT
    readings = (
        replace(reading, of=other) if (reading.metric, reading.tier) == (Metric.ACCURACY, Tier.RECORDED) else reading
        for reading in run.readings
    )
    return replace(run, readings=tuple(readings))


def _run(**row: Any) -> Run:
    run = Run(**row)
    if run.device not in devices():
        raise Wrong("is no known device").within("device")
    try:
        part = find_part(run.part)
    except FlowsError:
        raise Wrong("is no known part").within("part") from None
    if (part.device.name, part.full_name) != (run.device, run.part):
        raise Wrong(f"is no part of {run.device}").within("part")
    if list(run.weight_bits) != sorted(set(run.weight_bits), reverse=True):
        raise Wrong("are not widest first").within("weight_bits")
    return run


def _document(schema: str, network: NetworkFacts, runs: tuple[Run, ...]) -> Document:
    if not runs:
        raise Wrong("holds no run").within("runs")
    names: set[str] = set()
    for at, run in enumerate(runs):
        if run.name in names:
            raise Wrong("is the name of an earlier run, too").within("name").within(at).within("runs")
        names.add(run.name)
    return Document(network, runs)


def _as_it_is(value: Any) -> Any:
    """For what must equal what this program makes of the rest."""
    return value


_NETWORK = {"name": text(), "parameters": whole(0, 10**12), "macs": whole(0, 10**15), "architecture": HEX}
_READING = {
    "metric": choice({metric.key: metric for metric in Metric}),
    "value": number(0, LARGEST),
    "unit": text(),
    "scope": text(),
    "tier": choice(TIERS),
    "predicts": optional(choice(TIERS)),
    "on": text(),
    "source": text(),
    "low": optional(number(0, LARGEST)),
    "high": optional(number(0, LARGEST)),
    "at_least": flag,
    "n": optional(COUNT),
    "of": choice({subject.value: subject for subject in Subject}),
}
READING: Shape[Reading] = fields(_READING, _reading)
_STEP = {
    "name": text(),
    "state": choice({state: state for state in ("done", "kept", "skipped")}),
    "seconds": number(0, 1e9),
    "versions": mapping(text()),
    "reason": text(),
    "folder": optional(text()),
    "cause": text(),
}
_RUN: dict[str, Shape[Any]] = {
    "name": text(),
    "flow": text(),
    "part": text(),
    "device": text(),
    "clock_ns": number(0.1, 1e6),
    "options": mapping(text()),
    "weights": fields({"digest": HEX, "derived_from": optional(text()), "name": text()}, WeightsFacts, {"name": ""}),
    "quantised": HEX,
    "readings": listing(READING),
    "verification": optional(fields({"vectors": COUNT, "equal": optional(COUNT), "against": text()}, _verification)),
    "steps": listing(fields(_STEP, StepFacts, {"cause": ""}), 1000),
    "notes": listing(text(), 10_000),
    "warnings": listing(text(), 10_000),
    "command": text(),
    "weight_bits": listing(whole(1, 1024), 1000),
    "margins": fields({metric.key: number(0, MOST_MARGIN) for metric in RESOURCES}, Margins),
    "refuted": listing(text(), 1000),
    "verdict": _as_it_is,
    "headline": _as_it_is,
}
SECOND = "zynqflows/2"
_SECOND_RUN = {name: shape for name, shape in _RUN.items() if name != "margins"}
FORMER = "zynqflows/1"
_FORMER_RUN = {name: shape for name, shape in _SECOND_RUN.items() if name not in ("verdict", "headline", "refuted")} | {
    "readings": listing(fields({name: shape for name, shape in _READING.items() if name != "of"}, _reading))
}


def _shape(run: Shape[Run]) -> Shape[Document]:
    content = {"schema": text(), "network": fields(_NETWORK, NetworkFacts), "runs": listing(run, 10_000)}
    return fields(content, _document)


SHAPES: dict[str, Shape[Document]] = {
    SCHEMA: _shape(fields(_RUN, _judged_run, {"refuted": ()})),
    SECOND: _shape(fields(_SECOND_RUN, _second_run, {"refuted": ()})),
    FORMER: _shape(fields(_FORMER_RUN, _former_run, {"weight_bits": ()})),
}


def document_from_json(content: str, place: str) -> Document:
    """The document in a JSON text, also one inside a comparison that `flows report` wrote.

    Raises `InputError` naming `place`, and the field, where it is damaged, impossible or of another schema.
    """
    try:
        value = parse(content)
        if isinstance(value, dict) and "document" in value:
            value = value["document"]
        schema = value.get("schema") if isinstance(value, dict) else None
        if not isinstance(schema, str):
            raise Wrong("no schema is named in it")
    except Wrong as wrong:
        raise InputError(place, f"not a run record of this project ({wrong})", ADVICE) from None
    if schema not in SHAPES:
        fact = f"written in schema {printable(schema)[:40]}, this version reads {', '.join(SHAPES)}"
        raise InputError(place, fact, ADVICE)
    try:
        return SHAPES[schema](value)
    except Wrong as wrong:
        raise InputError(place, f"damaged run record: {wrong}", ADVICE) from None
