"""The FINN flow on a tiny residual network: arithmetic read off trained files, the graph equal to the reference."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backends import finn
from backends.finn.arithmetic import Ungridded, lower
from backends.protocol import Job
from flows.core.part import Target, find_part
from flows.core.plan import Output
from models.evaluation.oracle import evaluate
from models.ranges import Ranges
from models.vectors import vectors
from models.weights import Weights, open_weights, save_weights
from tests.backends.finn.w4a4 import TINY

REACH = {"relu1": (0.0, 15 / 4), "relu2": (0.0, 15 / 2), "shortcut": (-15 / 2, 15 / 2)}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    random = np.random.default_rng(3)
    tensors = {}
    for name, shape in TINY.weight_shapes():
        codes = random.integers(-7, 8, shape) if name.endswith("kernel") else random.normal(0, 9, shape)
        tensors[name] = (codes / 8).astype(np.float32)
        if name.endswith("kernel"):
            tensors[name].flat[0] = 7 / 8
    path = tmp_path / "tiny.safetensors"
    save_weights(path, tensors, TINY)
    weights = open_weights(path, TINY)
    reach = dict.fromkeys(TINY.shapes, (-1.0, 1.0)) | REACH
    ranges = Ranges(TINY.digest, weights.digest, "images", 10, reach)
    return Job(TINY, weights, ranges, Target(find_part("xc7z020")), finn.Options())


def test_types_are_those_of_the_quantisers(job: Job) -> None:
    made = lower(job)
    assert made.input.type.name == "ap_ufixed<8,0>" and made.input.gain * 256 == 1
    assert made.type_of("relu1").name == "ap_ufixed<4,2,AP_RND_CONV,AP_SAT>"
    assert made.type_of("shortcut").name == "ap_fixed<5,4,AP_RND_CONV,AP_SAT_SYM>"
    assert made.type_of("relu2").fraction == made.type_of("shortcut").fraction == made.type_of("add").fraction
    for layer in ("conv1", "conv2", "shortcut", "dense"):
        kernel = made.layers[layer].kernel
        assert kernel and kernel.name == "ap_fixed<4,1,AP_RND_CONV,AP_SAT_SYM>"
        assert made.layers[layer].accumulator == made.type_of(layer) or layer == "shortcut"
    assert finn.check(job) == () and finn.notes(job) and finn.estimate(job)


@pytest.mark.parametrize("options", [{"weight_bits": 3}, {"activation_bits": 5}])
def test_weights_of_other_bits_are_refused(job: Job, options: dict[str, int]) -> None:
    other = replace(job, options=replace(job.options, **options))
    with pytest.raises(Ungridded):
        lower(other)
    (refusal,) = finn.check(other)
    assert refusal.culprit == "weights" and "--qat" in refusal.nearest


def test_float_weights_are_refused(job: Job, tmp_path: Path) -> None:
    tensors = {name: np.full(shape, 0.1, np.float32) for name, shape in TINY.weight_shapes()}
    save_weights(tmp_path / "float.safetensors", tensors, TINY)
    other = replace(job, weights=Weights(tmp_path / "float.safetensors", "f" * 16, None))
    (refusal,) = finn.check(other)
    assert "do not lie on a grid" in refusal.fact
    (refusal,) = finn.check(replace(job, options=finn.Options(weight_bits=9)))
    assert refusal.nearest == "2 to 8"


def test_the_plan_writes_judges_and_executes(job: Job) -> None:
    made = finn.plan(job)
    assert [(step.name, step.needs) for step in made.steps] == [
        ("export", ()),
        ("readiness", ("export",)),
        ("execute", ("export",)),
    ]
    assert made.artefact == Output("execute", "outputs.json")
    ask = json.loads(str(made.steps[0].files["job.json"]))
    assert json.loads(ask["folding"])["Defaults"] == {}


def test_qonnx_executes_the_graph_to_the_references_integers(job: Job, tmp_path: Path) -> None:
    pytest.importorskip("qonnx")
    export, readiness, execute = finn.plan(job).steps
    (tmp_path / "job.json").write_text(str(export.files["job.json"]))
    (tmp_path / "weights.safetensors").write_bytes(job.weights.path.read_bytes())
    root = Path(finn.__file__).resolve().parents[2]

    def work(step: str) -> None:
        command = [sys.executable, "-m", f"backends.finn.workers.{step}", "job.json"]
        environment = {"PYTHONPATH": str(root), "PATH": ""}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    work("export")
    given = tmp_path / "given"
    given.mkdir()
    model = (tmp_path / "handover/model.onnx").read_bytes()
    (given / "model.onnx").write_bytes(model)
    (tmp_path / "model.onnx").write_bytes(model)
    (tmp_path / "job.json").write_text(str(readiness.files["job.json"]))
    work("readiness")
    (tmp_path / "job.json").write_text(str(execute.files["job.json"]))
    work("execute")
    made, images = lower(job), vectors(TINY.input_shape)
    expected = [list(evaluate(made, job.weights.tensors(), image)[made.output]) for image in images[:4]]
    assert json.loads((tmp_path / "outputs.json").read_text())[:4] == expected
