import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flows.core.record as record
from flows.core.errors import FlowsError, InputError
from flows.core.evidence import FRACTIONS, RESOURCES, Metric, Reading, Tier
from flows.core.margins import MARGINS, Margins
from flows.core.part import devices
from flows.core.record import (
    Document,
    NetworkFacts,
    Run,
    StepFacts,
    Verification,
    WeightsFacts,
    document_to_json,
)
from flows.core.record_reader import document_from_json
from flows.core.text import printable
from reports import changes, csv, html, junit, markdown
from reports import json as json_report
from reports.comparison import compare
from reports.difference import difference
from reports.terminal import bars
from reports.terminal import run as terminal
from reports.terminal.brief import decisions
from reports.terminal.comparison import comparison as side_by_side

SCHEMA = json.loads(Path(record.__file__).with_name("run.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
D = "0123456789abcdef"
CASES = sorted((Path(__file__).parent / "records").glob("*.json"))


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    metric = draw(st.sampled_from(list(Metric)))
    text = st.text(max_size=20)
    if metric in FRACTIONS:
        tier, n = draw(st.sampled_from([Tier.EVALUATED, Tier.RECORDED])), draw(st.integers(1, 10_000))
        return Reading(metric, draw(st.integers(0, n)) / n, tier, draw(text), draw(text), n=n)
    tier, predicts = draw(st.sampled_from([(Tier.MODELLED, Tier.HLS), (Tier.HLS, None), (Tier.ROUTED, None)]))
    low, value, high = sorted(draw(st.tuples(*[st.floats(0, 1e9)] * 3)))
    return Reading(
        metric, value, tier, draw(text), draw(text), draw(st.sampled_from(["total", "conv"])), predicts,
        draw(st.sampled_from([None, low])), draw(st.sampled_from([None, high])), draw(st.booleans()),
    )  # fmt: skip


def run(*reading: Reading, equal: int | None = 16) -> Run:
    steps = (StepFacts("convert", "done", 1.5, {"hls4ml": "1.3.0"}, "", "/somewhere"),)
    return Run(
        "hls4ml-xc7z020-abc123", "hls4ml", "xc7z020clg400-1", "xc7z020", 10.0, {"backend": "vitis"},
        WeightsFacts(D, None), D, reading, Verification(16, equal, "C simulation"), steps,
        ("a note",), (), "python -m flows run hls4ml",
    )  # fmt: skip


@given(st.lists(readings(), max_size=5), st.sampled_from([None, 16]))
def test_a_document_is_valid_and_comes_back_equal(found: list[Reading], equal: int | None) -> None:
    document = Document(NetworkFacts("arch8", 52_622, 19_325_488, D), (run(*found, equal=equal),))
    text = document_to_json(document)
    VALIDATOR.validate(json.loads(text))
    assert document_from_json(text, "here") == document


def test_the_schema_is_a_schema_and_refuses_a_bare_number() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    reading = Reading(Metric.LUT, 5, Tier.MODELLED, "x", "y")
    content = json.loads(document_to_json(Document(NetworkFacts("n", 1, 1, D), (run(reading),))))
    del content["runs"][0]["readings"][0]["tier"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


def content(*reading: Reading) -> Any:
    """A whole record as JSON values, which a test damages."""
    lut = Reading(Metric.LUT, 5, Tier.MODELLED, "x", "y", low=4, high=6)
    right = Reading(Metric.ACCURACY, 0.75, Tier.EVALUATED, "images", "y", low=0.7, high=0.8, n=4)
    document = Document(NetworkFacts("n", 1, 1, D), (run(*(reading or (lut, right))),))
    return json.loads(document_to_json(document))


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "truncated"),
        ('{"schema": "zynqflows/1", "netw', "truncated"),
        ("[]", "no schema"),
        ("[" * 100_000, "nested too deep"),
        ('{"schema": ' + "9" * 5000 + "}", "not a run record"),
        ('{"schema": "zynqflows/1", "schema": "zynqflows/1"}', "'schema' twice"),
        ('{"schema": "zynqflows/0"}', "schema zynqflows/0"),
        ('{"schema": ["zynqflows/1"]}', "no schema"),
        ('{"schema": "zynqflows/1", "network": {}, "runs": [{}]}', "network.architecture is missing"),
    ],
)
def test_a_damaged_record_is_named(text: str, fact: str) -> None:
    with pytest.raises(InputError, match=fact) as caught:
        document_from_json(text, "runs/x.json")
    assert caught.value.culprit == "runs/x.json"


FIRST, SECOND = "runs.0.readings.0.", "runs.0.readings.1."


@pytest.mark.parametrize(
    ("place", "value", "fact"),
    [
        (FIRST + "value", float("nan"), "value is nan"),
        (FIRST + "value", -1, "value is -1"),
        (FIRST + "value", 10**400, "value is 1000"),
        (FIRST + "value", True, "value is true"),
        (FIRST + "value", "5", "value is '5'"),
        (FIRST + "high", float("inf"), "high is inf"),
        (FIRST + "low", 5.5, "low is 5.5, above the value 5"),
        (FIRST + "high", 0, "high is 0, below the value 5"),
        (FIRST + "metric", "watts", "metric is 'watts'"),
        (FIRST + "metric", ["lut"], "metric is a list"),
        (FIRST + "unit", "FF", "unit is FF"),
        (FIRST + "tier", "guessed", "tier is 'guessed'"),
        (FIRST + "tier", "evaluated", "tier is evaluated"),
        (FIRST + "predicts", "recorded", "predicts is recorded"),
        (FIRST + "scope", None, "scope is null"),
        (FIRST + "on", {"a": 1}, "on is an object"),
        (FIRST + "n", 0, "n is 0"),
        (FIRST + "more", 1, "more is no field"),
        (SECOND + "value", 1.7, "high is 0.8, below the value 1.7"),
        (SECOND + "high", 1.5, "high is 1.5"),
        (SECOND + "value", 0.7001, "no share of 4 whole images"),
        (SECOND + "n", None, "n is null"),
        (SECOND + "n", 5, "no share of 5 whole images"),
        (SECOND + "tier", "measured", "tier is measured"),
        (SECOND + "predicts", "routed", "predicts is routed"),
        ("runs.0.verification.equal", 3, "equal is 3 of 16"),
        ("runs.0.verification.equal", 17, "equal is 17 of 16"),
        ("runs.0.verification.vectors", 0, "vectors is 0"),
        ("runs.0.clock_ns", 0, "clock_ns is 0"),
        ("runs.0.clock_ns", 1e300, "clock_ns is 1e.300"),
        ("runs.0.device", "xc9z", "device is no known device"),
        ("runs.0.part", "xc7z045ffg900-1", "part is no part of xc7z020"),
        ("runs.0.part", "xc7z020", "part is no part"),
        ("runs.0.part", "pynq", "part is no known part"),
        ("runs.0.quantised", "x" * 16, "a digest of 16 hexadecimal digits"),
        ("runs.0.options.speed", 3, "options.speed is 3"),
        ("runs.0.notes", "a note", "notes is 'a note'"),
        ("runs.0.notes.0", "x" * 100_000, "notes.0. is 'xxx"),
        ("runs.0.steps.0.state", "lost", "state is 'lost'"),
        ("runs.0.steps.0.versions", None, "versions is null"),
        ("runs.0.steps.0.seconds", -1, "seconds is -1"),
        ("runs.0.weight_bits", [4, 8], "weight_bits are not widest first"),
        ("runs.0.weights.digest", None, "weights.digest is null"),
        ("runs", [], "runs holds no run"),
        ("network.macs", "<script>", "macs is '<script>'"),
        ("network.parameters", 1.5, "parameters is 1.5"),
    ],
)
def test_a_field_that_cannot_be_is_named(place: str, value: object, fact: str) -> None:
    damaged = content()
    *path, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    target = damaged
    for key in path:
        target = target[key]
    target[last] = value
    with pytest.raises(InputError, match=fact) as caught:
        document_from_json(json.dumps(damaged), "here")
    assert "\n" not in str(caught.value) and caught.value.culprit == "here"


def test_a_run_is_in_a_record_once() -> None:
    twice = content()
    twice["runs"] *= 2
    with pytest.raises(InputError, match=r"runs\[1\]\.name is the name of an earlier run"):
        document_from_json(json.dumps(twice), "here")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_hostile_record_is_refused_in_one_line(path: Path) -> None:
    with pytest.raises(InputError, match=r"damaged run record: (runs|network)") as caught:
        document_from_json(path.read_text(), str(path))
    assert printable(str(caught.value)) == str(caught.value)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


WHOLE = content(
    *(Reading(metric, 5, Tier.MODELLED, "x", "y", predicts=Tier.HLS, low=4, high=6) for metric in RESOURCES),
    Reading(Metric.LUT, 2, Tier.MODELLED, "x", "y", "conv"),
    Reading(Metric.FMAX_MHZ, 120.0, Tier.ROUTED, "x", "y"),
    *(Reading(metric, 9, Tier.RTL_SIMULATED, "x", "y") for metric in (Metric.INTERVAL_CYCLES, Metric.THROUGHPUT_FPS)),
    *(Reading(metric, 0.75, Tier.EVALUATED, "images", "y", low=0.7, high=0.8, n=4) for metric in FRACTIONS),
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=9)
    | st.sampled_from([0, 1, 0.5, 1e308, -0.0, "total", "lut", "modelled", "routed", D, "xc7z010", [], {}, [[]]])
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(list(places(WHOLE))), LEAVES), min_size=1, max_size=3))
@settings(max_examples=150)
def test_whatever_is_accepted_is_possible_and_can_be_shown(edits: list[tuple[tuple[str | int, ...], Any]]) -> None:
    damaged = copy.deepcopy(WHOLE)
    for path, value in edits:
        target = damaged
        with suppress(LookupError, TypeError):
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = value
    try:
        document = document_from_json(json.dumps(damaged), "here")
    except InputError as error:
        assert printable(str(error)) == str(error)
        return
    jsonschema.validate(damaged, SCHEMA)
    for reading in document.runs[0].readings:
        assert 0 <= (reading.low or 0) <= reading.value <= (reading.high or 1e15) <= 1e15
        assert reading.metric not in FRACTIONS or reading.value <= 1
    shown(document)


def shown(document: Document) -> None:
    """In every form that there is; an error that is told is an answer, too."""
    with suppress(FlowsError):
        comparison = compare([document])
        for form in (html, markdown, csv, json_report, junit):
            form.report(comparison).encode("utf-8", "backslashreplace")
        decisions(comparison)
    terminal.details(document, layers=True)
    side_by_side(document)
    for run in document.runs:
        bars.waterfalls(run)
    with suppress(FlowsError):
        result = difference(document, document_from_json(json.dumps(WHOLE), "here"), {})
        changes.to_html(result), changes.to_markdown(result), changes.terminal(result)


def test_margins_are_recorded_and_judged_by() -> None:
    free = Margins(lut=0.5, dsp=0.0)
    result = [
        Reading(metric, 0.6 * devices()["xc7z020"].available(metric), Tier.ROUTED, "x", "y") for metric in RESOURCES
    ]
    document = Document(NetworkFacts("n", 1, 1, D), (replace(run(*result), margins=free),))
    text = document_to_json(document)
    facts = json.loads(text)["runs"][0]["verdict"]
    assert facts["margin"] == {"lut": 0.5, "ff": 0.25, "bram18": 0.02, "dsp": 0.0} and facts["verdict"] == "at risk"
    assert document_from_json(text, "here") == document
    with pytest.raises(InputError, match="verdict is not what follows from its readings"):
        document_from_json(text.replace('"at risk"', '"fits"'), "here")


def test_a_record_of_the_second_schema_is_read_and_judged_anew() -> None:
    """Its verdicts kept 10 % of every resource free, and an estimate above the part was over."""
    old = content()
    old["schema"] = "zynqflows/2"
    for each in old["runs"]:
        del each["margins"]
        each["verdict"] = {
            "verdict": "over",
            "stage": "hls",
            "binding": "lut",
            "excess": {},
            "margin": 0.1,
            "clock": None,
        }
    document = document_from_json(json.dumps(old), "here")
    assert document.runs[0].margins == MARGINS
    assert document_from_json(document_to_json(document), "here") == document
