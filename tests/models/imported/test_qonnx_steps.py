"""A QONNX file through the steps: no images are needed, FINN takes the integers, other flows the twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("torch")

from backends.protocol import Refusal
from flows import runner, studies
from flows.cli.options import options_of
from flows.core.digest import digest_file
from flows.core.errors import RefusedError
from flows.core.part import Target, find_part
from flows.core.plan import Asset
from flows.executor import Executor
from flows.imports import import_trained
from flows.jobs import Trained, run_name
from flows.prepared import arithmetic_weights, float_network, prepare, weights_asset
from flows.registry import load
from flows.store import Store
from models.cifar10 import RECORD_BYTES
from models.evaluation import worker
from models.evaluation.fast import FastNetwork
from models.integer_network import IntegerNetwork
from tests.models.imported.qonnx_graphs import residual
from tests.models.imported.test_qonnx import find, value

TARGET = Target(find_part("xc7z020"))


@pytest.fixture
def executor(tmp_path: Path) -> Executor:
    return Executor(Store(tmp_path / "store"), 1, lambda event, step, text: None)


def imported(executor: Executor, folder: Path, weight_bits: int = 4) -> Trained:
    model = residual(norm=True)
    if weight_bits != 4:
        value("c1_q_b", weight_bits)(model)
    path = folder / "own.onnx"
    path.write_bytes(model.SerializeToString())
    return import_trained(path, None, None, executor)


def test_it_needs_no_images_and_says_where_its_ranges_are_from(executor: Executor, tmp_path: Path) -> None:
    trained = imported(executor, tmp_path)
    assert isinstance(trained.integer, IntegerNetwork) and trained.card is None
    assert trained.ranges.n == 0 and trained.ranges.measured == "what the quantisers of the file represent"
    assert set(trained.ranges.reach) == set(trained.network.shapes)


def test_finn_computes_the_integers_and_hls_the_twin(executor: Executor, tmp_path: Path) -> None:
    import argparse

    trained = imported(executor, tmp_path)
    assert isinstance(trained.integer, IntegerNetwork)
    designs = {}
    for name in ("finn", "hls"):
        backend = load(name)
        job = trained.job(TARGET, options_of(backend, argparse.Namespace()))
        designs[name] = prepare(backend, job)
        facts = runner.estimated(backend, trained, job, "").weights
        assert facts.digest == trained.weights.digest and facts.name == trained.network.name == "own"
    finn, hls = designs["finn"], designs["hls"]
    assert finn.quantised.digest == trained.integer.quantised.digest
    assert arithmetic_weights(finn).digest == trained.integer.weights.digest
    assert float_network(finn) == (trained.network, weights_asset(finn.job))
    assert arithmetic_weights(hls).digest == trained.weights.digest and float_network(hls) is None
    assert run_name("finn", finn.job) != run_name("hls", hls.job)


def test_what_finn_alone_cannot_take_is_refused_there(executor: Executor, tmp_path: Path) -> None:
    import argparse

    trained = imported(executor, tmp_path, weight_bits=9)
    assert isinstance(trained.integer, Refusal)
    finn, hls = load("finn"), load("hls")
    with pytest.raises(RefusedError, match="layer c1: signed weights of 9 bits"):
        prepare(finn, trained.job(TARGET, options_of(finn, argparse.Namespace())))
    assert prepare(hls, trained.job(TARGET, options_of(hls, argparse.Namespace()))).readings


def test_accuracy_is_that_of_the_scaled_integers(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's scale and bias differ by class: the largest integer is not the class."""
    model = residual(norm=True)
    for axis, size in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 3, 32, 32), strict=True):
        axis.dim_value = size
    path = tmp_path / "own.onnx"
    assert find(model, "y")
    path.write_bytes(model.SerializeToString())
    trained = import_trained(path, None, None, executor)
    integer = trained.integer
    assert isinstance(integer, IntegerNetwork)
    records = np.random.default_rng(5).integers(0, 256, (40, RECORD_BYTES), np.uint8)
    records[:, 0] %= 5
    records.tofile(tmp_path / "batch.bin")
    content = worker.accuracy(
        integer.quantised,
        integer.weights.tensors(),
        tmp_path / "batch.bin",
        trained.network,
        trained.weights.tensors(),
    )
    weights, host = integer.weights.tensors(), integer.quantised.network.output
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    sums = FastNetwork(integer.quantised, weights)(np.ascontiguousarray(pixels))[integer.quantised.output]
    logits = sums.double().numpy() * weights[f"{host}/gain"] + weights[f"{host}/offset"]
    assert content["right"] == int((logits.argmax(1) == records[:, 0]).sum())
    assert content["n"] == 40

    monkeypatch.setattr(studies, "_class_names", lambda trained, batch: tuple("abcde"))
    beside = Asset(integer.weights.path, integer.weights.digest)
    batch = Asset(tmp_path / "batch.bin", digest_file(tmp_path / "batch.bin"))
    report = studies.report(trained, "finn", integer.quantised, batch, executor, beside)
    assert report.quantised and report.quantised.accuracy.right == content["right"]
