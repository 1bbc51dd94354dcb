"""The FINN flow on a tiny residual network: arithmetic read off trained files, the graph equal to the reference."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backends import finn
from backends.finn.arithmetic import Ungridded, lower
from backends.protocol import Job
from flows.core.plan import Output
from models.evaluation.oracle import evaluate
from models.vectors import vectors
from models.weights import Weights, save_weights
from tests.backends.finn.tiny import tiny_job
from tests.backends.finn.w4a4 import TINY


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny_job(tmp_path)


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
        ("handover", ("export", "execute")),
        ("finn-plus", ("handover",)),
    ]
    assert made.artefact == Output("execute", "outputs.json")
    assert json.loads(str(made.steps[3].files["folding.json"]))["Defaults"] == {}


def test_qonnx_executes_the_graph_to_the_references_integers(job: Job, tmp_path: Path) -> None:
    pytest.importorskip("qonnx")
    steps = {step.name: step for step in finn.plan(job).steps}
    root = Path(finn.__file__).resolve().parents[2]

    def work(name: str) -> None:
        (tmp_path / "job.json").write_text(str(steps[name].files["job.json"]))
        environment = {"PYTHONPATH": str(root), "PATH": ""}
        command = [sys.executable, *steps[name].argv[1:]]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    (tmp_path / "weights.safetensors").write_bytes(job.weights.path.read_bytes())
    work("export")
    (tmp_path / "given").mkdir()
    shutil.copy(tmp_path / "model.onnx", tmp_path / "given")
    work("readiness")
    work("execute")
    made, images = lower(job), vectors(TINY.input_shape)
    expected = [list(evaluate(made, job.weights.tensors(), image)[made.output]) for image in images[:4]]
    assert json.loads((tmp_path / "outputs.json").read_text())[:4] == expected

    (tmp_path / "folding.json").write_text(str(steps["handover"].files["folding.json"]))
    work("handover")
    given, logits = (np.load(tmp_path / "finn" / name) for name in ("input.npy", "expected_output.npy"))
    assert given.dtype == logits.dtype == np.float32 and given.shape == (16, 3, 8, 8)
    assert np.array_equal(given[3, 1], images[3, :, :, 1])
    assert np.array_equal(logits[:4] * 2.0 ** made.type_of(made.output).fraction, expected)
    assert {path.name for path in (tmp_path / "finn").iterdir()} == {
        *("model.onnx", "folding.json", "build.py", "README.md", "input.npy", "expected_output.npy")
    }
