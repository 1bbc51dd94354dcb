"""On which pixels a network does well: the step that finds it out."""

import json
from pathlib import Path
from subprocess import run

import numpy as np
import pytest

from models import cifar10
from models.layers import Conv2D, Dense, GlobalAveragePool
from models.network import INPUT, Network
from models.pixels import CENTRED
from models.serial import network_to_json
from models.weights import save_weights
from tests.warm_python import WarmPython

pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]
NETWORK = Network(
    "dark or light",
    (32, 32, 3),
    (
        Conv2D("conv", (INPUT,), (1, 1), (3, 1), "valid", 1),
        GlobalAveragePool("gap", ("conv",)),
        Dense("dense", ("gap",), 10),
    ),
)


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_the_scaling_that_a_network_was_trained_for_is_the_best(
    threshold: float, tmp_path: Path, warm_python: WarmPython
) -> None:
    """Class 0 is a dark image, 1 a light one; the network compares their mean with a threshold of its own scaling:
    0.5 of x / 255, or 0 of pixels that are centred."""
    random = np.random.default_rng(1)
    labels = np.arange(300, dtype=np.uint8) % 2
    records = random.integers(0, 100, (300, cifar10.RECORD_BYTES), np.uint8) + 150 * labels[:, None]
    records[:, 0] = labels
    records.astype(np.uint8).tofile(tmp_path / "batch.bin")
    tensors = {name: np.zeros(shape, np.float32) for name, shape in NETWORK.weight_shapes()}
    tensors["conv/kernel"][:] = 1 / 3
    tensors["dense/kernel"][0, :2] = (-1, 1)
    tensors["dense/bias"][:] = (threshold, -threshold, *[-9.0] * 8)
    save_weights(tmp_path / "weights.safetensors", tensors, NETWORK)
    job = {"network": network_to_json(NETWORK), "weights": "weights.safetensors", "data": "batch.bin"}
    (tmp_path / "job.json").write_text(json.dumps(job))
    command = [warm_python.path, "-P", "-m", "models.evaluation.pixels", "job.json"]
    done = run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "pixels.json").read_text())
    assert content["n"] == 300
    imagenet = "(x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)"
    if threshold:
        assert content["right"]["x / 255"] == 300 and content["right"]["x, 0 to 255"] == 150
    else:
        assert content["right"]["x / 255"] == 150
        assert all(content["right"][name] == 300 for name in (str(CENTRED), "x - 128", "(x / 255 - 0.5) / 1", imagenet))
