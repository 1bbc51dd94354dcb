"""What is taken from stored results: numbers of a checked shape, and an earlier accuracy only from a whole step."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.hls4ml import BACKEND
from flows import runner
from flows.conformance.rehearsal import Rehearsal
from flows.core.errors import InputError, PluginError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.part import Target, find_part
from flows.core.plan import Asset
from flows.core.record import Run
from flows.jobs import find_trained, run_name
from flows.results import CODES, COUNTS, read_result, reference_codes
from flows.store import Store

GOOD = {"n": 10_000, "right": 8350, "float_right": 8400, "agree": 9000, "images": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("content", "shape", "fact"),
    [
        (GOOD | {"right": 10_001}, COUNTS, "counts more than its 10,000 images"),
        (GOOD | {"right": -1}, COUNTS, "right is -1"),
        (GOOD | {"right": 8350.0}, COUNTS, "right is 8350.0"),
        (GOOD | {"n": 0}, COUNTS, "n is 0"),
        ({"right": 1}, COUNTS, "is missing"),
        ([], COUNTS, "a list, where an object"),
        ([[1, 2], [3, "4"]], CODES, r"\[1\]\[1\] is '4'"),
        ([[1], 2], CODES, r"\[1\] is 2"),
        ([[1e400]], CODES, "is inf"),
        ({"logits": []}, reference_codes, "has no codes"),
    ],
)
def test_what_is_no_result_is_named(tmp_path: Path, content: Any, shape: Any, fact: str) -> None:
    place = tmp_path / "result.json"
    place.write_text(json.dumps(content))
    with pytest.raises(InputError, match=fact) as caught:
        read_result(place, shape)
    assert str(place) in str(caught.value) and "--verify" in str(caught.value)


@pytest.mark.parametrize("damage", ["empty", "absent", "binary", "folder"])
def test_what_cannot_be_read_is_named(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "result.json"
    if damage == "folder":
        place.mkdir()
    elif damage != "absent":
        place.write_bytes(b"" if damage == "empty" else b"\xff\xfe")
    with pytest.raises(InputError, match="result"):
        read_result(place, CODES)


class Evaluated:
    """A job of hls4ml whose steps are acted, run with images and then without."""

    def __init__(self, folder: Path) -> None:
        self.trained = find_trained("arch5", None)
        self.job = self.trained.job(Target(find_part("xc7z020")), BACKEND.options())
        self.backend: Any = replace(BACKEND, read=lambda solved, products: ())
        plan = BACKEND.plan(BACKEND.resolve(self.job))
        self.store = Store(folder / "store")
        rows = [[0]] * plan.vectors
        texts = {"simulate": json.dumps(rows), "reference": json.dumps({"codes": rows}), "accuracy": json.dumps(GOOD)}
        self.executor = Rehearsal(self.store, [step.name for step in plan.steps], texts)
        self.batch = Asset(folder / "batch.bin", "0123456789abcdef")
        self.batch.path.write_bytes(b"images")

    def run(self, with_images: bool) -> Run:
        batch = self.batch if with_images else None
        arguments = (self.backend, self.trained, self.job, batch, self.executor, self.store, "a command")
        return runner.run(*arguments).runs[0]

    def record(self, run: Run) -> Path:
        return self.store.runs / f"{run.name}.json"


def accuracy(run: Run) -> tuple[float, Tier]:
    (reading,) = [reading for reading in run.readings if reading.metric is Metric.ACCURACY]
    return reading.value, reading.tier


@pytest.fixture
def job(tmp_path: Path) -> Evaluated:
    return Evaluated(tmp_path)


@pytest.mark.parametrize(("value", "high"), [(float("nan"), None), (5.0, 4.0), (1e30, None), (-1.0, None)])
def test_a_backend_whose_numbers_cannot_be_is_named(job: Evaluated, value: float, high: float | None) -> None:
    reading = Reading(Metric.LATENCY_US, value, Tier.MODELLED, "x", "y", "conv", Tier.HLS, high=high)
    job.backend = replace(job.backend, read=lambda solved, products: (reading,))
    with pytest.raises(PluginError, match="flow hls4ml: gives what no run can have"):
        job.run(with_images=False)
    assert not job.store.names()


def test_an_earlier_accuracy_is_known_again(job: Evaluated) -> None:
    first = job.run(with_images=True)
    assert accuracy(first) == (0.835, Tier.EVALUATED)
    for _ in range(2):
        again = job.run(with_images=False)
        assert accuracy(again) == (0.835, Tier.EVALUATED)
        assert next(step for step in again.steps if step.name == "accuracy").state == "kept"


def test_a_record_is_not_believed_for_it(job: Evaluated) -> None:
    record = job.record(job.run(with_images=True))
    content = json.loads(record.read_text())
    (run,) = content["runs"]
    for reading in (*run["readings"], *run["headline"].values()):
        if reading and reading["metric"] == "accuracy":
            reading |= {"value": 0.935, "high": 0.94}
    record.write_text(json.dumps(content))
    assert accuracy(job.run(with_images=False)) == (0.835, Tier.EVALUATED)


def test_a_changed_accuracy_is_not_taken(job: Evaluated) -> None:
    run = job.run(with_images=True)
    folder = Path(next(step.folder for step in run.steps if step.name == "accuracy") or "")
    text = (folder / "accuracy.json").read_text()
    (folder / "accuracy.json").write_text(text.replace("8350", "9350"))
    assert accuracy(job.run(with_images=False))[1] is Tier.RECORDED
    assert accuracy(job.run(with_images=True)) == (0.835, Tier.EVALUATED), "with images it is made again"


def test_an_accuracy_of_another_arithmetic_is_not_taken(job: Evaluated) -> None:
    run = job.run(with_images=True)
    other = Evaluated(job.store.root.parent)
    other.job = other.trained.job(Target(find_part("xc7z020")), replace(BACKEND.options(), precision="ap_fixed<12,6>"))
    record = job.record(run)
    name = run_name("hls4ml", other.job)
    (job.store.runs / f"{name}.json").write_text(record.read_text())
    assert accuracy(other.run(with_images=False))[1] is Tier.RECORDED


def test_a_record_that_names_a_folder_elsewhere_is_not_followed(job: Evaluated, tmp_path: Path) -> None:
    record = job.record(job.run(with_images=True))
    content = json.loads(record.read_text())
    planted = tmp_path / "0123456789abcdef"
    planted.mkdir()
    (planted / "accuracy.json").write_text(json.dumps(GOOD | {"right": 9999}))
    for step in content["runs"][0]["steps"]:
        if step["name"] == "accuracy":
            step["folder"] = str(planted)
    record.write_text(json.dumps(content))
    assert accuracy(job.run(with_images=False))[1] is Tier.RECORDED
