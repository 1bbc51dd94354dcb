"""The evaluation as a step: what it writes, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Any

import numpy as np
import pytest

from flows.core.errors import InputError, MismatchError
from models.cifar10 import RECORD_BYTES, read_batch
from models.evaluation import oracle
from models.fixed import FixedType, Overflow, Rounding
from models.layers import Conv2D, Dense, GlobalAveragePool, Layer, ReLU, Softmax
from models.network import INPUT, Network
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.serial import quantised_to_json
from models.vectors import vectors
from models.weights import open_weights, save_weights
from tests.warm_python import WarmPython

pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]
CODES = FixedType(10, 4, rounding=Rounding.RND, overflow=Overflow.SAT)
NETWORK = Network(
    "tiny",
    (32, 32, 3),
    (
        Conv2D("conv", (INPUT,), (3, 3), (4, 4), "same", 4),
        ReLU("relu", ("conv",)),
        GlobalAveragePool("gap", ("relu",)),
        Dense("dense", ("gap",), 10),
        Softmax("softmax", ("dense",)),
    ),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("job")
    random = np.random.default_rng(5)
    tensors = {name: random.standard_normal(shape).astype(np.float32) for name, shape in NETWORK.weight_shapes()}
    save_weights(home / "weights.safetensors", tensors, NETWORK)
    records = random.integers(0, 256, (450, RECORD_BYTES), np.uint8)
    records[:, 0] %= 10
    records.tofile(home / "batch.bin")
    return home


def design(weights: Path) -> QuantisedNetwork:
    total = FixedType(32, 16)
    products = Arithmetic(CODES, CODES, CODES, total)
    layers = {"conv": products, "dense": products, "relu": Arithmetic(CODES)}
    layers["gap"] = Arithmetic(CODES, accumulator=total)
    return QuantisedNetwork(NETWORK, open_weights(weights, NETWORK).digest, InputContract(CODES), layers)


Evaluate = Callable[..., CompletedProcess[str]]


@pytest.fixture
def evaluate(home: Path, warm_python: WarmPython) -> Evaluate:
    def ended(worker: str = "worker", **ask: object) -> CompletedProcess[str]:
        weights = home / "weights.safetensors"
        job = {"quantised": quantised_to_json(design(weights)), "weights": str(weights)} | ask
        (home / "job.json").write_text(json.dumps(job))
        command = [warm_python.path, "-P", "-m", f"models.evaluation.{worker}", "job.json"]
        environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
        return run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)

    return ended


def test_the_reference_is_the_oracles(home: Path, evaluate: Evaluate) -> None:
    assert evaluate(vectors=16).returncode == 0
    content = json.loads((home / "reference.json").read_text())
    meant = design(home / "weights.safetensors")
    from safetensors.numpy import load_file

    weights = load_file(home / "weights.safetensors")
    rows = [oracle.evaluate(meant, weights, image)["dense"].tolist() for image in vectors(NETWORK.input_shape)]
    assert content["tensor"] == "dense" and content["digest"] == meant.digest
    assert content["codes"] == content["logits"] == rows


def test_accuracy_counts_every_image_of_every_batch(home: Path, evaluate: Evaluate) -> None:
    done = evaluate(data="batch.bin")
    assert done.returncode == 0, done.stderr
    content = json.loads((home / "accuracy.json").read_text())
    images = read_batch(home / "batch.bin")
    assert content["n"] == 450 and content["images"] == images.digest
    from safetensors.numpy import load_file

    from models.evaluation.fast import FastNetwork

    exact = FastNetwork(design(home / "weights.safetensors"), load_file(home / "weights.safetensors"))
    classes = exact(images.pixels)["dense"].numpy().argmax(1)
    assert content["right"] == int((classes == images.labels).sum())
    assert 0 <= content["float_right"] <= 450 and 300 < content["agree"] <= 450


def test_the_cost_of_a_type_is_that_of_the_network_with_it_alone(home: Path, evaluate: Evaluate) -> None:
    """A network of its own for each: weights rounded beforehand, a tensor on its way, the image in its type."""
    import torch
    from safetensors.numpy import load_file

    from models.training.torch_network import TorchNetwork, as_input

    done = evaluate("cost", data="batch.bin")
    assert done.returncode == 0, done.stderr
    content = json.loads((home / "cost.json").read_text())
    images, tensors = read_batch(home / "batch.bin"), load_file(home / "weights.safetensors")

    def entered(numbers: np.ndarray) -> np.ndarray:
        codes = [CODES.value(CODES.enter(Fraction(float(each)))) for each in numbers.ravel()]
        return np.array(codes, np.float32).reshape(numbers.shape)

    def right(network: TorchNetwork, planes: torch.Tensor) -> int:
        with torch.no_grad():
            return int((network(planes).argmax(1).numpy() == images.labels).sum())

    class Relu(TorchNetwork):
        def _run(self, layer: Layer, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
            y = super()._run(layer, x, *others)
            return torch.from_numpy(entered(y.numpy())) if isinstance(layer, ReLU) else y

    plain, planes = TorchNetwork(NETWORK).load(tensors), as_input(images.pixels)
    assert (content["n"], content["float_right"]) == (450, right(plain, planes))
    assert set(content["right"]) == {"image", *tensors, "conv", "relu", "gap", "dense"}
    for name in tensors:
        other = TorchNetwork(NETWORK).load({**tensors, name: entered(tensors[name])})
        assert content["right"][name] == right(other, planes), name
    assert content["right"]["relu"] == right(Relu(NETWORK).load(tensors), planes)
    pixels = torch.from_numpy(entered(np.arange(256) / 256)[images.pixels])
    assert content["right"]["image"] == right(plain, pixels.permute(0, 3, 1, 2))


def test_weights_of_another_digest_are_one_line_and_a_code(evaluate: Evaluate, tmp_path: Path) -> None:
    other = tmp_path / "weights.safetensors"
    tensors = {name: np.zeros(shape, np.float32) for name, shape in NETWORK.weight_shapes()}
    save_weights(other, tensors, NETWORK)
    done = evaluate(vectors=16, weights=str(other))
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1 and open_weights(other, NETWORK).digest in done.stderr


def test_weights_that_are_not_finite_are_refused(home: Path, tmp_path: Path) -> None:
    """Where they are opened: no design is lowered from them, and the worker opens them again."""
    from models.evaluation.worker import read_weights

    tensors = {name: np.zeros(shape, np.float32) for name, shape in NETWORK.weight_shapes()}
    tensors["dense/bias"][3] = np.nan
    save_weights(tmp_path / "weights.safetensors", tensors, NETWORK)
    with pytest.raises(InputError, match="dense/bias holds 1 number not finite"):
        design(tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match="dense/bias"):
        read_weights(tmp_path / "weights.safetensors", design(home / "weights.safetensors"))


def test_a_fast_evaluation_that_differs_is_a_mismatch(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.evaluation import worker

    right = oracle.evaluate

    def one_off(*arguments: Any) -> dict[str, oracle.Codes]:
        tensors = dict(right(*arguments))
        tensors["relu"][0, 0, 0] += 1
        return tensors

    monkeypatch.setattr(oracle, "evaluate", one_off)
    meant = design(home / "weights.safetensors")
    weights = worker.read_weights(home / "weights.safetensors", meant)
    with pytest.raises(MismatchError, match="tensor relu"):
        worker.reference(meant, weights, 16)
