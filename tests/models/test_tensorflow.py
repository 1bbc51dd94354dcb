"""TensorFlow for real, in an environment of its own (`nox -s tensorflow`): a definition is trained by the command, and
what comes out goes through the flows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from models import cifar10
from models.cifar10 import FOLDER, RECORD_BYTES, RECORDS, TEST, TRAIN

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
TF = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
DEFINITION = """
import keras
from keras import layers
image = keras.Input((32, 32, 3))
x = layers.Conv2D(6, 3, 4, padding="same", use_bias=False)(image)
x = layers.ReLU()(layers.BatchNormalization()(x))
x = layers.GlobalAveragePooling2D()(layers.Dropout(0.1)(x))
keras.Model(image, layers.Dense(10, activation="softmax")(x)).save("mine.keras")
"""
COMPUTES = """
import sys
import keras, numpy as np
assert keras.backend.backend() == "tensorflow"
from safetensors.numpy import load_file
from models.keras3 import zoo as definitions
from models.keras3.network import keras_model, put_weights, scaled
from models.zoo import NETWORKS
pixels = np.load("pixels.npy")
for name in sys.argv[1:]:
    network, tensors = NETWORKS[name], load_file(name + ".safetensors")
    for kind, model in (("zoo", definitions.NETWORKS[name]()), ("made", keras_model(network))):
        scores = put_weights(model, network, tensors).predict(scaled(network, pixels), verbose=0)
        np.save(f"{name}.{kind}.npy", scores)
"""
CONVERTS = """
import keras
assert keras.backend.backend() == "tensorflow"  # before the worker chooses torch
from backends.hls4ml.workers.convert import main
from flows.core.worker import run_worker
run_worker(main)
"""


@pytest.fixture(autouse=True)
def needed() -> None:
    if not find_spec("tensorflow"):
        pytest.skip("TensorFlow is not installed")


def python(folder: Path, *arguments: str, backend: bool = False) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "ZYNQFLOWS_STORE": str(folder / "store")}
    environment |= TF if backend else {}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def test_a_definition_is_trained_and_goes_through_the_flows(tmp_path: Path) -> None:
    """On noise whose brightness is its class, in batches of CIFAR-10's size."""
    random = np.random.default_rng(6)
    home = tmp_path / FOLDER
    home.mkdir()
    for name in (*TRAIN, *TEST):
        labels = random.integers(0, 10, (RECORDS, 1))
        pixels = random.integers(0, 30, (RECORDS, RECORD_BYTES - 1)) + 22 * labels
        np.concatenate([labels, pixels], axis=1).astype(np.uint8).tofile(home / name)
    python(tmp_path, "-c", DEFINITION, backend=True)
    train = ("-m", "flows", "train", "mine.keras", "--framework", "tensorflow", "--epochs", "2", "--rate", "0.01")
    done = python(tmp_path, *train, "--data", str(tmp_path), "--out", "out")
    assert [line.split(":")[0] for line in done.stdout.splitlines() if not line.startswith(" ")] == [
        "mine, recipe seed, 45,000 images", "epoch 1 of 2", "epoch 2 of 2", "test images"
    ]  # fmt: skip
    card = json.loads((tmp_path / "out/mine.card.json").read_text())
    assert card["test"]["accuracy"] > 0.2 and card["versions"].keys() == {"keras", "tensorflow", "numpy"}
    assert card["test"]["images"] == cifar10.read(tmp_path, TEST).digest
    run = ("-m", "flows", "run", "hls4ml", "--network", "out/mine.keras", "--json", "result.json")
    python(tmp_path, *run)
    (record,) = json.loads((tmp_path / "result.json").read_text())["runs"]
    assert record["weights"]["digest"] == card["weights"]


def test_tensorflow_computes_what_torch_computes(tmp_path: Path) -> None:
    """Trained networks that ship, with and without residual joins."""
    torch = pytest.importorskip("torch")
    from safetensors.numpy import load_file

    from flows.jobs import shipped_weights
    from models.training.torch_network import TorchNetwork, as_input
    from models.zoo import NETWORKS

    pixels = np.random.default_rng(3).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    names = ("arch4", "arch8")
    for name in names:
        shipped = shipped_weights(NETWORKS[name])
        assert shipped
        (tmp_path / f"{name}.safetensors").write_bytes(shipped.read_bytes())
    python(tmp_path, "-c", COMPUTES, *names, backend=True)
    for name in names:
        model = TorchNetwork(NETWORKS[name]).load(load_file(tmp_path / f"{name}.safetensors")).eval()
        with torch.no_grad():
            expected = model(as_input(pixels)).softmax(1).numpy()
        for kind in ("zoo", "made"):
            assert np.abs(np.load(tmp_path / f"{name}.{kind}.npy") - expected).max() < 1e-5


def test_hls4ml_converts_the_same_project_on_tensorflow(tmp_path: Path) -> None:
    """hls4ml takes layers and weights of the Keras model: what Keras runs on leaves no trace in the sources."""
    pytest.importorskip("hls4ml")
    from flows.store import Store

    done = python(tmp_path, "-m", "flows", "run", "hls4ml", "--network", "arch5", "--json", "result.json")
    store = Store(tmp_path / "store")
    (job,) = [
        path for path in store.root.rglob("job.json") if "reuse" in (asked := json.loads(path.read_text())) and asked
    ]
    assert done.returncode == 0
    again = tmp_path / "again"
    again.mkdir()
    ask = json.loads(job.read_text())
    (again / "job.json").write_text(json.dumps(ask))
    for file in (ask["weights"],):
        (again / file).write_bytes((job.parent / file).read_bytes())
    python(again, "-c", CONVERTS, "job.json", backend=True)
    for part in ("firmware/myproject.cpp", "firmware/defines.h", "firmware/parameters.h", "firmware/weights"):
        mine, theirs = again / "project" / part, job.parent / "project" / part
        files = [theirs] if theirs.is_file() else sorted(theirs.iterdir())
        assert files
        for file in files:
            other = mine if theirs.is_file() else mine / file.name
            assert other.read_bytes() == file.read_bytes(), file.name
