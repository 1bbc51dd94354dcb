import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flows.core.record as record
from flows.core.errors import InputError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.record import (
    Document,
    NetworkFacts,
    Run,
    StepFacts,
    Verification,
    WeightsFacts,
    document_from_json,
    document_to_json,
)

SCHEMA = json.loads(Path(record.__file__).with_name("run.schema.json").read_text())
D = "0123456789abcdef"


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    metric = draw(st.sampled_from(list(Metric)))
    text = st.text(max_size=20)
    bound = st.none() | st.floats(0, 1e9)
    if metric in (Metric.ACCURACY, Metric.AGREEMENT):
        tier = draw(st.sampled_from([Tier.EVALUATED, Tier.RECORDED]))
        return Reading(metric, draw(st.floats(0, 1)), tier, draw(text), draw(text), n=draw(st.integers(1, 10_000)))
    tier, predicts = draw(st.sampled_from([(Tier.MODELLED, Tier.HLS), (Tier.HLS, None), (Tier.ROUTED, None)]))
    return Reading(
        metric, draw(st.floats(0, 1e9)), tier, draw(text), draw(text), draw(st.sampled_from(["total", "conv"])),
        predicts, draw(bound), draw(bound), draw(st.booleans()),
    )  # fmt: skip


def run(*found: Reading, equal: int | None = 16) -> Run:
    steps = (StepFacts("convert", "done", 1.5, {"hls4ml": "1.3.0"}, "", "/somewhere"),)
    return Run(
        "hls4ml-xc7z020-abc123", "hls4ml", "xc7z020clg400-1", "xc7z020", 10.0, {"backend": "vitis"},
        WeightsFacts(D, None), D, found, Verification(16, equal, "C simulation"), steps,
        ("a note",), (), "python -m flows run hls4ml",
    )  # fmt: skip


@given(st.lists(readings(), max_size=5), st.sampled_from([None, 3, 16]))
def test_a_document_is_valid_and_comes_back_equal(found: list[Reading], equal: int | None) -> None:
    document = Document(NetworkFacts("arch8", 52_622, 19_325_488, D), (run(*found, equal=equal),))
    text = document_to_json(document)
    jsonschema.validate(json.loads(text), SCHEMA)
    assert document_from_json(text, "here") == document


def test_the_schema_is_a_schema_and_refuses_a_bare_number() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    reading = Reading(Metric.LUT, 5, Tier.MODELLED, "x", "y")
    content = json.loads(document_to_json(Document(NetworkFacts("n", 1, 1, D), (run(reading),))))
    del content["runs"][0]["readings"][0]["tier"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "truncated"),
        ('{"schema": "zynqflows/1", "netw', "truncated"),
        ("[]", "truncated"),
        ('{"schema": "zynqflows/0"}', "schema zynqflows/0"),
        ('{"schema": "zynqflows/1", "runs": [{}]}', "damaged"),
    ],
)
def test_a_damaged_record_is_named(text: str, fact: str) -> None:
    with pytest.raises(InputError, match=fact) as caught:
        document_from_json(text, "runs/x.json")
    assert caught.value.culprit == "runs/x.json"


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        ({"value": float("nan")}, "lut of total is no number of 0 or more"),
        ({"value": -1}, "lut of total is no number of 0 or more"),
        ({"high": float("inf")}, "lut of total is no number of 0 or more"),
        ({"value": "5"}, "damaged"),
        ({"metric": "watts"}, "damaged run record .*watts"),
        ({"tier": "guessed"}, "damaged run record .*guessed"),
    ],
)
def test_a_reading_that_is_none_is_named(damage: dict[str, object], fact: str) -> None:
    reading = Reading(Metric.LUT, 5, Tier.MODELLED, "x", "y")
    content = json.loads(document_to_json(Document(NetworkFacts("n", 1, 1, D), (run(reading),))))
    content["runs"][0]["readings"][0] |= damage
    with pytest.raises(InputError, match=fact):
        document_from_json(json.dumps(content), "here")


def test_a_record_of_no_run_or_of_no_device_is_refused() -> None:
    content = json.loads(document_to_json(Document(NetworkFacts("n", 1, 1, D), (run(),))))
    content["runs"][0]["device"] = "xc9z"
    with pytest.raises(InputError, match="hls4ml-xc7z020-abc123 is on xc9z, which is no known device"):
        document_from_json(json.dumps(content), "here")
    with pytest.raises(InputError, match="no run is in it"):
        document_from_json(json.dumps(content | {"runs": []}), "here")
