"""Brevitas computes what the written graph does, and exports a graph that does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.finn.design.arithmetic import lower
from backends.finn.options import FinnOptions
from backends.protocol import Job
from models.network import INPUT
from models.serial import quantised_to_json
from models.vectors import vectors
from tests.backends.finn.tiny import tiny_job
from tests.backends.finn.w4a4 import FLAT

pytestmark = pytest.mark.slow
pytest.importorskip("torch")
pytest.importorskip("brevitas")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxoptimizer")  # Brevitas' export needs it
pytest.importorskip("qonnx")
import torch  # noqa: E402

from backends.finn.workers import brevitas_codes, export  # noqa: E402


@pytest.fixture(
    params=[(4, 4, False, False), (4, 4, True, False), (3, 8, True, False), (4, 4, False, True), (3, 5, True, True)],
    ids=str,
)
def job(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job[FinnOptions]:
    """Everything that the step reads, in the folder where it runs."""
    made = tiny_job(tmp_path, "xc7z020", *request.param)
    monkeypatch.chdir(tmp_path)
    Path("weights.safetensors").write_bytes(made.weights.path.read_bytes())
    write(made, made.weights.tensors())
    return made


def write(job: Job[FinnOptions], weights: Mapping[str, np.ndarray]) -> None:
    quantised = lower(job)
    Path("model.onnx").write_bytes(export.model_of(quantised, dict(weights)).SerializeToString())
    Path("job.json").write_text(json.dumps({"quantised": quantised_to_json(quantised), "vectors": 3}))


def test_every_code_is_equal(job: Job[FinnOptions]) -> None:
    brevitas_codes.main(json.loads(Path("job.json").read_text()))
    counts = json.loads(Path("codes.json").read_text())
    sizes = {name: 3 * int(np.prod(job.network.shapes[name])) for name in ("relu1", "relu2", "shortcut", "dense")}
    assert counts == {INPUT: 3 * 8 * 8 * 3, **sizes}


def test_every_code_is_equal_behind_a_flattened_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels stand last in what is flattened; sums that no ReLU reads have a quantiser of their own."""
    made = tiny_job(tmp_path, per_channel=True, network=FLAT)
    monkeypatch.chdir(tmp_path)
    Path("weights.safetensors").write_bytes(made.weights.path.read_bytes())
    write(made, made.weights.tensors())
    brevitas_codes.main(json.loads(Path("job.json").read_text()))
    assert json.loads(Path("codes.json").read_text()).keys() == {INPUT, "relu", "relu_hidden", "linear", "dense"}


@pytest.mark.parametrize("tensor", ["conv1/kernel", "conv2/bias", "dense/bias"])
def test_another_weight_is_found(job: Job[FinnOptions], tensor: str) -> None:
    weights = {name: value.copy() for name, value in job.weights.tensors().items()}
    weights[tensor] *= -1
    write(job, weights)
    with pytest.raises(SystemExit, match="differ between Brevitas and the graph"):
        brevitas_codes.main(json.loads(Path("job.json").read_text()))


def test_what_brevitas_exports_is_the_same_network(job: Job[FinnOptions]) -> None:
    from brevitas.export import export_qonnx
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.util.cleanup import cleanup

    quantised = lower(job)

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = brevitas_codes.BrevitasNetwork(quantised, dict(job.weights.tensors()))

        def forward(self, images: Any) -> Any:
            return self.inner(images)[quantised.output]

    export_qonnx(Logits().eval(), torch.rand(1, 3, 8, 8), export_path="raw.onnx")
    cleanup("raw.onnx", out_file="theirs.onnx")
    models = [ModelWrapper(name).transform(InferShapes()) for name in ("model.onnx", "theirs.onnx")]
    for image in vectors(job.network.input_shape, 3).transpose(0, 3, 1, 2):
        given = np.ascontiguousarray(image[None]).astype(np.float32) * float(quantised.input.pixels.gain[0])
        ours, theirs = (
            execute_onnx(model, {model.graph.input[0].name: given})[model.graph.output[0].name] for model in models
        )
        assert np.array_equal(ours, theirs)
    counts = [sum(node.op_type == "Quant" for node in model.graph.node) for model in models]
    assert counts[0] == counts[1] == 8
