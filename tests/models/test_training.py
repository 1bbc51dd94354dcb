"""Training: a run that was killed goes on from its last whole epoch and ends as if it had not been."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from models.cifar10 import Images
from models.network import INPUT, Conv2D, Dense, GlobalAveragePool, Network, ReLU, Softmax
from models.training.recipe import Recipe
from models.weights import open_weights

torch = pytest.importorskip("torch")
from models.training import checkpoint, worker  # noqa: E402
from models.training.checkpoint import Progress  # noqa: E402
from models.training.torch_network import TorchNetwork, as_input  # noqa: E402

TINY = Network(
    "tiny",
    (32, 32, 3),
    (
        Conv2D("conv", (INPUT,), (3, 3), (2, 2), "same", 4),
        ReLU("relu", ("conv",)),
        GlobalAveragePool("gap", ("relu",)),
        Dense("dense", ("gap",), 10),
        Softmax("softmax", ("dense",)),
    ),
)
RECIPE = Recipe(epochs=3, batch=32, warmup_epochs=1.0, held_out=40)


def images(count: int, seed: int) -> Images:
    """Noise whose brightness is its class, so that there is something to learn."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count).astype(np.uint8)
    return Images(
        (random.integers(0, 30, (count, 32, 32, 3)) + 22 * labels[:, None, None, None]).astype(np.uint8), labels
    )


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = {worker.cifar10.TRAIN: images(200, 1), worker.cifar10.TEST: images(60, 2)}
    monkeypatch.setattr(worker.cifar10, "read", lambda folder, files: sets[files])


def train(out: Path, recipe: Recipe = RECIPE) -> None:
    out.mkdir(exist_ok=True)
    worker.train(TINY, recipe, Path("unused"), out, compiled=False)


def test_a_killed_run_ends_as_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "whole")
    with monkeypatch.context() as patch:
        epochs = []

        def count_or_die(*arguments: Any) -> int:
            epochs.append(None)
            if len(epochs) == 2:  # in the second epoch, before its checkpoint
                raise KeyboardInterrupt
            return count_right(*arguments)

        count_right = worker.count_right
        patch.setattr(worker, "count_right", count_or_die)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "killed")
    assert not (tmp_path / "killed" / "tiny.safetensors").exists()
    train(tmp_path / "killed")
    for file in ("checkpoint.safetensors", "tiny.safetensors"):
        whole, killed = (load(tmp_path / name / file) for name in ("whole", "killed"))
        assert whole == killed, file


def load(path: Path) -> dict[str, Any]:
    """What a file holds, whatever the order in which safetensors wrote it."""
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name).tolist() for name in file.keys()} | file.metadata()  # noqa: SIM118


def test_the_card_says_what_was_done(tmp_path: Path) -> None:
    train(tmp_path / "out")
    card = json.loads((tmp_path / "out" / "tiny.card.json").read_text())
    assert card["weights"] == open_weights(tmp_path / "out" / "tiny.safetensors", TINY).digest
    assert card["recipe"] == asdict(RECIPE) and len(card["history"]) == RECIPE.epochs
    assert card["test"]["n"] == 60 and card["trained_on"]["n"] == 160 and card["chosen_by"]["held_out"] == 40
    assert card["chosen_by"]["held_out_accuracy"] == max(row["held_out_accuracy"] for row in card["history"])


def test_a_checkpoint_of_another_recipe_is_left_alone(tmp_path: Path) -> None:
    model = TorchNetwork(TINY)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    path = tmp_path / "checkpoint.safetensors"
    assert checkpoint.load(path, optimizer, "one", model=model) is None
    checkpoint.save(path, Progress(epochs=2), optimizer, "one", model=model)
    assert checkpoint.load(path, optimizer, "other", model=model) is None
    assert checkpoint.load(path, optimizer, "one", model=model) == Progress(epochs=2)


@torch.no_grad()
def test_folding_changes_nothing_but_the_batchnorm() -> None:
    model = TorchNetwork(TINY, batch_norm=True)
    for norm in model.norms.values():
        for values in (norm.weight, norm.bias, norm.running_mean):
            values.copy_(torch.randn_like(values))
        norm.running_var.uniform_(0.5, 2)
    model.eval()
    batch = as_input(images(8, 3).pixels)
    folded = TorchNetwork(TINY).load(model.folded()).eval()
    assert torch.allclose(folded(batch), model(batch), atol=1e-4)
    assert sum(values.size for values in model.folded().values()) == TINY.parameters
