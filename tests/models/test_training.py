"""Training: a run that was killed goes on from its last whole epoch and ends as if it had not been; nothing that goes
wrong costs the last good checkpoint."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from flows import executor
from flows.__main__ import main
from flows.cli import pictures
from flows.core.errors import InputError, SetupError, StepFailed
from flows.jobs import find_trained
from models import cifar10
from models.cifar10 import RECORD_BYTES, RECORDS, TEST, TRAIN, Images, read
from models.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool, ReLU, Softmax
from models.network import INPUT, Network
from models.training.recipe import RECIPES, AnyRecipe, Recipe, SeedRecipe, recipe_from_json, recipe_to_json
from models.weights import open_weights
from tests.warm_python import WarmPython

torch = pytest.importorskip("torch")
from safetensors.torch import save_file  # noqa: E402

from models.training import checkpoint, progress, run, worker  # noqa: E402
from models.training.augmentation import augmentation, turned  # noqa: E402
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
SEED = SeedRecipe(epochs=3, batch=32, held_out=40)
ROOT = Path(__file__).resolve().parents[2]


def images(count: int, seed: int) -> Images:
    """Noise whose brightness is its class, so that there is something to learn."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count).astype(np.uint8)
    return Images(
        (random.integers(0, 30, (count, 32, 32, 3)) + 22 * labels[:, None, None, None]).astype(np.uint8), labels
    )


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = {TRAIN: images(200, 1), TEST: images(60, 2)}
    monkeypatch.setattr(cifar10, "read", lambda folder, files: sets[files])


def train(out: Path, recipe: AnyRecipe = RECIPE, network: Network = TINY) -> None:
    out.mkdir(exist_ok=True)
    worker.train(network, recipe, Path("unused"), out, compiled=False)


both = pytest.mark.parametrize("recipe", [RECIPE, SEED], ids=lambda one: one.name)


@both
def test_a_killed_run_ends_as_a_whole_one(recipe: AnyRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "whole", recipe)
    with monkeypatch.context() as patch:
        epochs: list[None] = []

        def evaluate_or_die(*arguments: Any) -> tuple[int, float]:
            epochs.append(None)
            if len(epochs) == 2:  # in the second epoch, before its checkpoint
                raise KeyboardInterrupt
            return evaluate(*arguments)

        evaluate = run.evaluate
        patch.setattr(run, "evaluate", evaluate_or_die)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "killed", recipe)
    assert not (tmp_path / "killed" / "tiny.safetensors").exists()
    train(tmp_path / "killed", recipe)
    for file in ("checkpoint.safetensors", "tiny.safetensors"):
        whole, killed = (load(tmp_path / name / file) for name in ("whole", "killed"))
        assert whole == killed, file


def load(path: Path) -> dict[str, Any]:
    """What a file holds, whatever the order in which safetensors wrote it."""
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name).tolist() for name in file.keys()} | file.metadata()  # noqa: SIM118


@both
def test_the_card_says_what_was_done(recipe: AnyRecipe, tmp_path: Path) -> None:
    train(tmp_path / "out", recipe)
    card = json.loads((tmp_path / "out" / "tiny.card.json").read_text())
    assert card["weights"] == open_weights(tmp_path / "out" / "tiny.safetensors", TINY).digest
    assert recipe_from_json(card["recipe"]) == recipe and len(card["history"]) == recipe.epochs
    assert f"--recipe {recipe.name}" in card["command"] and "read once" in card["about"]
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


@pytest.mark.parametrize("damage", ["no file", "no progress", "a tensor less", "no name of a tensor"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "checkpoint.safetensors"
    tensors = torch.nn.Linear(2, 1).state_dict(prefix="model.")
    if damage == "no file":
        os.mkfifo(path)
    else:
        metadata = {"recipe": "one", "progress": "[" * 9 if damage == "no progress" else "{}"}
        content = {"optimizer.first.step": torch.zeros(1)} if damage == "no name of a tensor" else {}
        save_file(content if damage == "a tensor less" else tensors | content, path, metadata)
    model = torch.nn.Linear(2, 1)
    with pytest.raises(InputError, match="not a regular file" if damage == "no file" else "damaged checkpoint"):
        checkpoint.load(path, torch.optim.SGD(model.parameters(), lr=0.1), "one", model=model)


def test_another_training_is_not_written_over(tmp_path: Path) -> None:
    train(tmp_path, replace(SEED, epochs=1))
    kept = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(InputError, match="the checkpoint of another training"):
        train(tmp_path, replace(SEED, epochs=2))
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == kept
    (tmp_path / "checkpoint.safetensors").write_bytes(kept[:-100])
    with pytest.raises(InputError, match="damaged checkpoint"):
        train(tmp_path, replace(SEED, epochs=1))


def test_folding_changes_nothing_but_the_batchnorm() -> None:
    model = TorchNetwork(TINY, batch_norm=True)
    with torch.no_grad():
        norm: Any  # torch types it as Tensor or Module
        for norm in model.norms.values():
            for values in (norm.weight, norm.bias, norm.running_mean):
                values.copy_(torch.randn_like(values))
            norm.running_var.uniform_(0.5, 2)
        model.eval()
        batch = as_input(images(8, 3).pixels)
        folded = TorchNetwork(TINY).load(model.folded()).eval()
        assert torch.allclose(folded(batch), model(batch), atol=1e-4)
    assert sum(values.size for values in model.folded().values()) == TINY.parameters


def test_the_rate_halves_at_plateaus_and_the_run_ends_at_a_long_one() -> None:
    recipe = SeedRecipe(peak_rate=0.8, patience=2, stop_patience=4)
    history = [0.1, 0.2, 0.2, 0.19, 0.2, 0.1]
    rates = [recipe.rate(epoch, history[:epoch]) for epoch in range(len(history) + 1)]
    assert rates == [0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.2]
    assert [recipe.ended(history[:epoch]) for epoch in (0, 1, 5, 6)] == [False, False, False, True]
    assert recipe.rate(7, [*history, 0.3]) == 0.2 and not recipe.ended([*history[:5], 0.3])
    assert replace(recipe, epochs=2).ended(history[:2])


def test_the_published_recipe_is_the_default_of_its_name() -> None:
    assert asdict(SeedRecipe()) | {"held_out": 0} == {
        "epochs": 100, "batch": 64, "peak_rate": 1e-3, "rotation": 15.0, "shift": 0.1, "factor": 0.5, "patience": 5,
        "min_delta": 1e-4, "stop_patience": 15, "held_out": 0, "seed": 1,
    }  # fmt: skip
    assert set(RECIPES) == {"modern", "seed"}
    assert all(recipe_from_json(recipe_to_json(each())) == each() for each in RECIPES.values())


def test_turning_keeps_what_it_must() -> None:
    """By nothing it is the identity or a mirror; a flat image stays flat to the edge; a shift moves by whole pixels."""

    class Fixed:
        """Draws the middle, or the end, of every range."""

        def __init__(self, end: bool, mirror: bool) -> None:
            self.end, self.mirror = end, mirror

        def uniform(self, low: float, high: float, shape: Any) -> Any:
            return np.full(shape, high if self.end else 0.0)

        def random(self, count: int) -> Any:
            return np.full(count, 0.0 if self.mirror else 1.0)

    batch = as_input(images(4, 3).pixels)
    still: Any = Fixed(end=False, mirror=False)
    assert torch.allclose(turned(batch, 15, 0.1, still), batch, atol=1e-4)
    mirrored: Any = Fixed(end=False, mirror=True)
    assert torch.allclose(turned(batch, 15, 0.1, mirrored), batch.flip(3), atol=1e-4)
    shifted: Any = Fixed(end=True, mirror=False)
    moved = turned(batch, 0, 2 / 32, shifted)
    assert torch.allclose(moved[:, :, :-2, :-2], batch[:, :, 2:, 2:], atol=1e-4)
    assert torch.allclose(moved[:, :, :, -1], moved[:, :, :, -2], atol=1e-4)
    flat = torch.full((8, 3, 32, 32), 0.75)
    assert torch.allclose(turned(flat, 15, 0.1, np.random.default_rng(1)), flat)


def test_a_network_with_layers_of_its_own_ships_folded(tmp_path: Path) -> None:
    layers = (*TINY.layers[:1], BatchNorm("norm", ("conv",)), ReLU("relu", ("norm",)), Dropout("drop", ("relu",), 0.5))
    layers = (*layers, GlobalAveragePool("gap", ("drop",)), *TINY.layers[3:])
    train(tmp_path / "out", RECIPE, Network("tiny", TINY.input_shape, layers))
    open_weights(tmp_path / "out" / "tiny.safetensors", TINY)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"the loss became (nan|inf) in epoch 1; nothing was kept"):
        train(tmp_path, replace(SEED, peak_rate=1e30))
    assert not list(tmp_path.iterdir())


def test_a_later_one_keeps_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "good", SEED)

    def poisoned(recipe: AnyRecipe, pixels: Any, scaling: Any) -> Any:
        batches: list[None] = []

        def batch(chosen: Any, random: Any) -> Any:
            batches.append(None)
            tensor = augmented(chosen, random)
            return tensor if len(batches) < 8 else tensor * torch.nan  # an epoch has five batches

        augmented = augmentation(recipe, pixels, scaling)
        return batch

    with monkeypatch.context() as patch:
        patch.setattr(run, "augmentation", poisoned)
        with pytest.raises(StepFailed, match="became nan in epoch 2; the checkpoint of epoch 1 is kept"):
            train(tmp_path / "bad", SEED)
    train(tmp_path / "bad", SEED)
    for file in ("checkpoint.safetensors", "best.safetensors", "tiny.safetensors"):
        assert load(tmp_path / "good" / file) == load(tmp_path / "bad" / file)


@both
def test_a_full_disk_costs_no_whole_epoch(recipe: AnyRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system itself refuses to write more than a few bytes, from the second epoch on."""
    train(tmp_path / "whole", recipe)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    epochs: list[None] = []

    def evaluate_on_a_full_disk(*arguments: Any) -> tuple[int, float]:
        epochs.append(None)
        if len(epochs) == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        return evaluate(*arguments)

    evaluate = run.evaluate
    with monkeypatch.context() as patch:
        patch.setattr(run, "evaluate", evaluate_on_a_full_disk)
        try:
            with pytest.raises(SetupError, match=r"safetensors: cannot be written \(.*too large.*before is kept"):
                train(tmp_path / "full", recipe)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    left = {path.name for path in (tmp_path / "full").iterdir()}
    assert left == {"checkpoint.safetensors", "best.safetensors", "curves.json"}
    assert [row["epoch"] for row in json.loads((tmp_path / "full" / "curves.json").read_text())["history"]] == [1]
    train(tmp_path / "full", recipe)
    for file in ("checkpoint.safetensors", "tiny.safetensors"):
        assert load(tmp_path / "whole" / file) == load(tmp_path / "full" / file)


def test_curves_hold_every_epoch_and_the_one_that_ships(tmp_path: Path) -> None:
    train(tmp_path)
    curves = json.loads((tmp_path / "curves.json").read_text())
    assert [row["epoch"] for row in curves["history"]] == [1, 2, 3] and curves["best"] in curves["history"]
    for row in curves["history"]:
        assert set(row) == {"epoch", "loss", "accuracy", "held_out_loss", "held_out_accuracy"}
        assert 0 <= row["accuracy"] <= 1 and 0 < row["held_out_loss"] < 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All batches in their official sizes, black airplanes (sparse files)."""
    for name in (*TRAIN, *TEST):
        with (tmp_path / name).open("wb") as file:
            file.truncate(RECORDS * RECORD_BYTES)
    return tmp_path


def complaint(folder: Path, capsys: pytest.CaptureFixture[str], code: int) -> str:
    argv = ["train", "arch5", "--recipe", "seed", "--data", str(folder), "--out", str(folder / "out")]
    assert main(argv) == code
    return capsys.readouterr().err


def test_bad_batches_are_refused_before_any_training(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / TEST[0]).open("r+b") as file:
        file.seek(7 * RECORD_BYTES)
        file.write(bytes([12]))
    text = complaint(folder, capsys, 3)
    assert "test_batch.bin: record 7 has label 12, outside 0..9" in text and text.count("\n") == 1
    with (folder / TRAIN[2]).open("r+b") as file:
        file.truncate(RECORD_BYTES)
    assert "data_batch_3.bin: truncated: 3,073 bytes" in complaint(folder, capsys, 3)
    assert not (folder / "out").exists()


def test_what_the_worker_has_said_is_not_said_twice(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:

    jobs = []

    def attached(module: str, place: str) -> int:
        jobs.append(json.loads(Path(place).read_text()))
        return code

    monkeypatch.setattr(executor, "run_attached", attached)
    code = 6
    assert complaint(folder, capsys, 6) == ""
    code = -9
    assert "ended with exit code -9" in complaint(folder, capsys, 6)
    assert recipe_from_json(jobs[0]["recipe"]) == SeedRecipe()


def test_the_command_from_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On 150 images and in this process; then a kill of the command."""

    random = np.random.default_rng(6)
    for name in (*TRAIN, *TEST):
        records = random.integers(0, 256, (30, RECORD_BYTES), np.uint8)
        records[:, 0] %= 10
        records.tofile(tmp_path / name)

    def attached(module: str, place: str) -> int:
        job = json.loads(Path(place).read_text())
        job["recipe"] |= {"held_out": 30}
        worker.main(job)
        return 0

    monkeypatch.setattr(cifar10, "RECORDS", 30)
    monkeypatch.setattr(cifar10, "read", read)
    monkeypatch.setattr(executor, "run_attached", attached)
    monkeypatch.setattr(pictures, "draw", lambda *arguments: drawn.append(arguments))
    drawn: list[Any] = []
    out = tmp_path / "out"
    argv = ["train", "arch5", "--recipe", "seed", "--epochs", "2", "--rate", "0.01", "--threads", "1"]
    assert main([*argv, "--data", str(tmp_path), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "arch5, recipe seed, 120 images", "epoch 1 of 2", "epoch 2 of 2", "test images"
    ]  # fmt: skip
    assert drawn == [("curves", out / "curves.json", out / "curves.svg")]
    card = json.loads((out / "arch5.card.json").read_text())
    assert card["command"].endswith("--recipe seed --epochs 2 --seed 1 --rate 0.01") and card["trained_on"]["n"] == 120
    assert find_trained("arch5", out / "arch5.safetensors").card

    monkeypatch.setattr(executor, "run_attached", lambda *arguments: os.kill(os.getpid(), signal.SIGTERM))
    assert main([*argv, "--data", str(tmp_path), "--out", str(out)]) == 128 + signal.SIGTERM


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_a_seed_that_is_none(seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "arch5", "--data", str(tmp_path), "--out", str(tmp_path), "--seed", seed]) == 2
    assert f"{seed} is no seed" in capsys.readouterr().err


def test_a_long_epoch_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter(range(0, 1000, 16))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert list(progress.counted(2, 6)) == list(range(6))
    assert capsys.readouterr().out.splitlines() == [
        "  epoch 3: 33% done, 64 s left in it", "  epoch 3: 67% done, 32 s left in it"
    ]  # fmt: skip


def test_the_worker_says_in_one_line_what_is_wrong(tmp_path: Path, warm_python: WarmPython) -> None:
    job = {
        "network": "arch5",
        "data": str(tmp_path),
        "out": str(tmp_path),
        "recipe": {"name": "seed"},
        "compile": False,
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    command = [warm_python.path, "-P", "-m", "models.training.worker", str(tmp_path / "job.json")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 3 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
