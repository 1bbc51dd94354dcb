"""Training by Keras: the two callbacks decide as the recipe says, a killed run ends as a whole one, and what is written
is what the torch trainer writes.

On the torch backend, or on TensorFlow where KERAS_BACKEND says so (`nox -s tensorflow`).
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
pytest.importorskip("h5py")

from safetensors.numpy import load_file, save_file  # noqa: E402

from flows import executor, packages  # noqa: E402
from flows.__main__ import main  # noqa: E402
from flows.cli import pictures  # noqa: E402
from flows.core.errors import InputError, StepFailed  # noqa: E402
from models import cifar10  # noqa: E402
from models.cifar10 import RECORD_BYTES, TEST, TRAIN, Images, read  # noqa: E402
from models.folding import folded, folded_weights  # noqa: E402
from models.imported.workers.keras_layers import read_keras  # noqa: E402
from models.keras3 import zoo  # noqa: E402
from models.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool, ReLU, Softmax  # noqa: E402
from models.network import INPUT, Network  # noqa: E402
from models.training import augmentation, keras_run, keras_worker, worker  # noqa: E402
from models.training.keras_run import KerasRun  # noqa: E402
from models.training.recipe import SeedRecipe, recipe_from_json  # noqa: E402
from models.training.torch_network import as_input  # noqa: E402
from models.weights import open_weights  # noqa: E402

TINY = Network(
    "tiny",
    (32, 32, 3),
    (
        Conv2D("conv", (INPUT,), (3, 3), (4, 4), "same", 4),
        BatchNorm("norm", ("conv",)),
        ReLU("relu", ("norm",)),
        Dropout("drop", ("relu",), 0.2),
        GlobalAveragePool("gap", ("drop",)),
        Dense("dense", ("gap",), 10),
        Softmax("softmax", ("dense",)),
    ),
)
RECIPE = SeedRecipe(epochs=4, batch=40, peak_rate=0.01, held_out=40, patience=1, stop_patience=9)
BACKEND = keras.backend.backend()


def images(count: int, seed: int) -> Images:
    """Noise whose brightness is its class, so that there is something to learn."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count).astype(np.uint8)
    pixels = random.integers(0, 30, (count, 32, 32, 3)) + 22 * labels[:, None, None, None]
    return Images(pixels.astype(np.uint8), labels)


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = {TRAIN: images(200, 1), TEST: images(60, 2)}
    monkeypatch.setattr(cifar10, "read", lambda folder, files: sets[files])


def train(out: Path, recipe: SeedRecipe = RECIPE, network: Network = TINY) -> None:
    keras_worker.train(network, recipe, Path("unused"), out)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four epochs."""
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        sets = {TRAIN: images(200, 1), TEST: images(60, 2)}
        patch.setattr(cifar10, "read", lambda folder, files: sets[files])
        train(out)
    return out


def history(out: Path) -> list[dict[str, float]]:
    return json.loads((out / "curves.json").read_text())["history"]


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_killed_run_ends_as_a_whole_one(
    epoch: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout, the moments of Adam, the rate and the patience of both callbacks included."""
    with monkeypatch.context() as patch:

        def die(run: KerasRun, row: dict[str, float]) -> None:
            if row["epoch"] == epoch + 1:
                raise KeyboardInterrupt
            keep(run, row)

        keep = KerasRun.keep
        patch.setattr(KerasRun, "keep", die)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path)
    assert not (tmp_path / "tiny.keras").exists()
    train(tmp_path)
    assert history(tmp_path) == history(whole) and len(history(whole)) == RECIPE.epochs
    for file in ("checkpoint.safetensors", "best.safetensors", "tiny.safetensors"):
        mine, theirs = load_file(tmp_path / file), load_file(whole / file)
        assert mine.keys() == theirs.keys() and all(np.array_equal(mine[key], theirs[key]) for key in mine), file


def test_the_callbacks_do_what_the_recipe_says(whole: Path, tmp_path: Path) -> None:
    """The rate behind every epoch is that of `SeedRecipe`, from which the torch trainer takes it."""
    rates = []

    class Watched(keras_run.Keeper):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            super().on_epoch_end(epoch, logs)
            rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))

    recipe = replace(RECIPE, epochs=9, peak_rate=1e-7, patience=2, stop_patience=5)  # too slow to learn anything
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras_run, "Keeper", Watched)
        train(tmp_path, recipe)
    accuracies = [row["held_out_accuracy"] for row in history(tmp_path)]
    assert rates == pytest.approx([recipe.rate(0, accuracies[: end + 1]) for end in range(len(rates))])
    assert recipe.ended(accuracies) and not recipe.ended(accuracies[:-1])
    assert len(accuracies) < recipe.epochs and rates[-1] < recipe.peak_rate
    best = json.loads((tmp_path / "curves.json").read_text())["best"]
    assert best["epoch"] == 1 + accuracies.index(max(accuracies))


def test_what_it_writes_is_what_torch_writes(whole: Path, tmp_path: Path) -> None:
    worker.train(TINY, RECIPE, Path("unused"), tmp_path, compiled=False)
    names = {path.name for path in tmp_path.iterdir()}
    assert {path.name for path in whole.iterdir()} == names | {"tiny.keras"}
    mine, theirs = (json.loads((out / "tiny.card.json").read_text()) for out in (whole, tmp_path))
    assert mine.keys() == theirs.keys() and mine["chosen_by"].keys() == theirs["chosen_by"].keys()
    for same in ("network", "architecture", "recipe", "about", "trained_on"):
        assert mine[same] == theirs[same], same
    assert mine["chosen_by"]["images"] == theirs["chosen_by"]["images"], "the same seed holds out the same images"
    assert (recipe_from_json(mine["recipe"]) == RECIPE and f"--framework {BACKEND}" in mine["command"]) or (
        BACKEND == "torch"
    )
    assert mine["versions"].keys() >= {"keras", "numpy"} and mine["test"]["n"] == 60
    assert mine["weights"] == open_weights(whole / "tiny.safetensors", folded(TINY)).digest
    for each, other in zip(history(whole), history(tmp_path), strict=True):
        assert each.keys() == other.keys() and 0 <= each["accuracy"] <= 1 and 0 < each["held_out_loss"] < 10
    ranges = [json.loads((out / "tiny.ranges.json").read_text()) for out in (whole, tmp_path)]
    assert ranges[0].keys() == ranges[1].keys()


def test_the_archive_is_the_network_as_it_was_trained(whole: Path) -> None:
    network, tensors = read_keras(whole / "tiny.keras", "tiny")
    assert network == TINY
    best, shipped = load_file(whole / "best.safetensors"), load_file(whole / "tiny.safetensors")
    assert all(np.array_equal(tensors[name], best[name]) for name in best)
    again = {name: each.astype(np.float32) for name, each in folded_weights(network, tensors).items()}
    assert all(np.array_equal(again[name], shipped[name]) for name in shipped)


def test_the_same_seed_moves_the_same_images_alike() -> None:
    pixels = images(12, 3).pixels
    torchs = augmentation.turned(as_input(pixels), RECIPE.rotation, RECIPE.shift, np.random.default_rng(5))
    moved = keras_run.turned((pixels / np.float32(255)), RECIPE, np.random.default_rng(5))
    mine, theirs = keras.ops.convert_to_numpy(moved), torchs.permute(0, 2, 3, 1).numpy()
    assert np.abs(mine - theirs).max() < 1e-4 and np.abs(mine - pixels / 255).max() > 0.1


def test_a_network_of_the_zoo_is_trained_from_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.zoo import ARCH5, ARCH8

    built = []
    monkeypatch.setitem(zoo.NETWORKS, "arch5", lambda: built.append("arch5"))
    keras_run.defined(ARCH5)
    assert built == ["arch5"]
    other = replace(ARCH8, name="arch5")  # a file of the user's that is called so
    assert keras_run.defined(other).count_params() == ARCH8.parameters and built == ["arch5"]


def test_a_network_without_softmax_learns_from_its_logits(tmp_path: Path) -> None:
    train(tmp_path, replace(RECIPE, epochs=3, peak_rate=0.05), Network("tiny", TINY.input_shape, TINY.layers[:-1]))
    losses = [row["loss"] for row in history(tmp_path)]
    assert losses[-1] < losses[0] < 4


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned(*arguments: Any) -> Any:
        moved = np.asarray(keras.ops.convert_to_numpy(turned(*arguments)))
        calls.append(None)
        return moved if len(calls) <= 5 else moved * np.float32(np.nan)  # an epoch has four batches

    turned, calls = keras_run.turned, list[None]()
    monkeypatch.setattr(keras_run, "turned", poisoned)
    with pytest.raises(StepFailed, match=r"the loss became nan in epoch 2; the checkpoint of epoch 1 is kept"):
        train(tmp_path)
    assert [row["epoch"] for row in history(tmp_path)] == [1]


def test_another_training_and_a_damaged_checkpoint_are_named(whole: Path, tmp_path: Path) -> None:
    kept = (whole / "checkpoint.safetensors").read_bytes()
    place = tmp_path / "checkpoint.safetensors"
    place.write_bytes(kept)
    with pytest.raises(InputError, match="the checkpoint of another training"):
        train(tmp_path, replace(RECIPE, epochs=5))
    with pytest.raises(InputError, match="the checkpoint of another training"):  # torch's own trainer, in its folder
        worker.train(TINY, RECIPE, Path("unused"), tmp_path, compiled=False)
    assert place.read_bytes() == kept
    tensors = load_file(place)
    for damaged in (kept[:-100], b"", None):
        if damaged is None:
            save_file(dict(list(tensors.items())[1:]), place, {"recipe": recipe_of(kept), "progress": "{}"})
        else:
            place.write_bytes(damaged)
        with pytest.raises(InputError, match="damaged checkpoint"):
            train(tmp_path)


def recipe_of(content: bytes) -> str:
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size])["__metadata__"]["recipe"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10 of 30 records a batch; workers run in this process."""
    random = np.random.default_rng(6)
    for name in (*TRAIN, *TEST):
        records = random.integers(0, 256, (30, RECORD_BYTES), np.uint8)
        records[:, 0] %= 10
        records.tofile(tmp_path / name)

    def attached(module: str, place: str) -> int:
        job = json.loads(Path(place).read_text())
        job["recipe"] |= {"held_out": 30, "batch": 40}
        if module == "models.training.keras_worker":
            assert job["backend"] == "tensorflow"
            keras_worker.main(job)
        else:
            worker.main(job)
        return 0

    monkeypatch.setattr(cifar10, "RECORDS", 30)
    monkeypatch.setattr(cifar10, "read", read)
    monkeypatch.setattr(executor, "run_attached", attached)
    monkeypatch.setattr(keras_worker, "prepare", lambda *arguments: None)
    monkeypatch.setattr(packages, "package_version", lambda name: "there")
    monkeypatch.setattr(pictures, "draw", lambda *arguments: None)
    monkeypatch.setenv("ZYNQFLOWS_STORE", str(tmp_path / "store"))
    return tmp_path


@pytest.mark.parametrize("framework", ["tensorflow", "torch"])
def test_a_file_of_the_users_is_trained_and_what_comes_out_is_taken_by_flows(
    framework: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its layers, as they stand; the archive has ranges and a card beside it, so that no images are needed."""
    from models.keras3.network import save_archive

    random = np.random.default_rng(8)
    tensors = {name: random.random(shape, np.float32) for name, shape in TINY.weight_shapes()}
    save_archive(folder / "scratch", TINY, tensors)
    (folder / "scratch").rename(folder / "mine.keras")
    out = folder / "out"
    argv = ["train", str(folder / "mine.keras"), "--framework", framework, "--recipe", "seed", "--epochs", "2"]
    assert main([*argv, "--data", str(folder), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0].startswith("mine, recipe seed, 120 images") and "drawn anew" in said.err
    card = json.loads((out / "mine.card.json").read_text())
    assert card["command"].startswith("python -m flows train mine.keras --data DIR")
    network, _ = read_keras(out / "mine.keras", "mine")
    assert network == replace(TINY if framework == "tensorflow" else folded(TINY), name="mine")
    for flow in ("hls4ml", "hls"):
        assert main(["estimate", flow, "--network", str(out / "mine.keras")]) == 0
        assert "accuracy" in capsys.readouterr().out, "of the card"
    (out / "mine.card.json").write_text(json.dumps({**card, "weights": "0" * 16}))
    assert main(["estimate", "hls4ml", "--network", str(out / "mine.keras")]) == 3
    assert "the card of weights 0000" in capsys.readouterr().err


def test_options_that_contradict_each_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["train", "arch5", "--framework", "tensorflow", "--data", str(folder), "--out", str(folder / "out")]
    for more, text in (
        (["--recipe", "modern"], "--recipe modern: is torch's"),
        (["--compile"], "--compile: belongs to torch"),
        (["--qat"], "--qat: belongs to torch"),
    ):
        assert main([*argv, *more]) == 2
        said = capsys.readouterr().err
        assert text in said and said.count("\n") == 1
    assert not (folder / "out").exists()


def test_a_file_that_does_not_classify_cifar_is_refused_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from models.keras3.network import save_archive

    other = Network("own", (16, 16, 3), TINY.layers)
    save_archive(folder / "scratch", other, {name: np.ones(shape, np.float32) for name, shape in other.weight_shapes()})
    (folder / "scratch").rename(folder / "own.keras")
    argv = ["train", str(folder / "own.keras"), "--framework", "tensorflow", "--data", str(folder)]
    assert main([*argv, "--out", str(folder / "out")]) == 3
    assert "takes 16x16x3 images and gives 10 results" in capsys.readouterr().err


def test_without_tensorflow_it_says_what_to_install(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "package_version", lambda name: "absent" if "tensorflow" in name else "there")
    argv = ["train", "arch5", "--framework", "tensorflow", "--data", str(folder), "--out", str(folder / "out")]
    assert main(argv) == 5
    assert "pip install -c constraints.txt -e '.[tensorflow]'" in capsys.readouterr().err
