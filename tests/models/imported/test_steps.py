"""A user's file through the steps and the command line: kept in the store, measured on images, or refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows import imports
from flows.__main__ import main
from flows.core.errors import FlowsError, InputError, SetupError, UsageError
from flows.executor import Executor
from flows.imports import import_trained, read_network
from flows.store import Store
from tests.models.imported.conftest import Archive, conv_layer

pytest.importorskip("h5py")
random = np.random.default_rng(11)
LAYERS = [
    conv_layer(3, 4, activation="relu"),
    ("Flatten", {}, []),
    ("Dense", {"units": 3, "activation": "softmax"}, [random.normal(0, 0.1, (144, 3)), np.zeros(3)]),
]


AVERAGE: tuple[str, dict[str, Any], list[Any]] = ("GlobalAveragePooling2D", {"keepdims": False}, [])


class Listener(list[tuple[str, str]]):
    def __call__(self, event: str, step: object, text: str) -> None:
        if event != "line":
            self.append((getattr(step, "name", ""), event))


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def executor(tmp_path: Path, listener: Listener) -> Executor:
    return Executor(Store(tmp_path / "store"), 1, listener)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    np.save(tmp_path / "images.npy", random.integers(0, 256, (9, 6, 6, 3), np.uint8))
    return tmp_path / "images.npy"


def test_a_file_becomes_a_trained_network(
    keras_archive: Archive, images: Path, executor: Executor, listener: Listener
) -> None:
    pytest.importorskip("torch")
    path = keras_archive(LAYERS)
    trained = import_trained(path, None, images, executor)
    assert listener == [("import", "started"), ("import", "done"), ("ranges", "started"), ("ranges", "done")]
    assert (trained.network.name, trained.card, trained.ranges.n) == ("own", None, 9)
    assert {name: item.shape for name, item in trained.weights.tensors().items()} == dict(
        trained.network.weight_shapes()
    )
    pixels = np.load(images) / np.float32(255)
    kernel, bias = (np.asarray(each, np.float32) for each in LAYERS[0][2])
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    sums = np.einsum("nyxcij,ijco->nyxo", windows, kernel) + bias
    assert trained.ranges.reach["input"] == pytest.approx((pixels.min(), pixels.max()))
    assert trained.ranges.reach["l0"] == pytest.approx((sums.min(), sums.max()), abs=1e-5)
    assert trained.ranges.reach["l0_relu"] == pytest.approx((0, sums.max()), abs=1e-5)
    assert trained.ranges.reach["l2_softmax"] == (0, 1)

    again = import_trained(path, None, images, executor)
    assert listener[4:] == [("import", "kept"), ("ranges", "kept")]
    assert again == trained


def test_a_refusal_is_kept_as_well(keras_archive: Archive, executor: Executor, listener: Listener) -> None:
    path = keras_archive([*LAYERS, ("Lambda", {}, [])])
    for _ in range(2):
        with pytest.raises(InputError, match=r"own\.keras, layer 5, 'l3' \(Lambda\): code, which is not executed"):
            read_network(path, executor)
    assert listener == [("import", "started"), ("import", "done"), ("import", "kept")]


def test_a_batch_norm_behind_an_activation_is_taken(keras_archive: Archive, executor: Executor) -> None:
    norm = ("BatchNormalization", {"epsilon": 1e-3, "scale": True, "center": True}, [np.ones(4)] * 4)
    network = read_network(keras_archive([LAYERS[0], norm, AVERAGE]), executor)[0]
    assert [layer.kind for layer in network.layers] == ["conv2d", "relu", "conv2d", "global_average_pool"]


def test_numbers_that_folding_makes_infinite_are_named(keras_archive: Archive, executor: Executor) -> None:
    tensors = [np.full(4, 1e38), np.zeros(4), np.zeros(4), np.full(4, 1e-30)]
    norm = ("BatchNormalization", {"epsilon": 1e-30, "scale": True, "center": True}, tensors)
    with pytest.raises(InputError, match="beyond float32 once its batch normalisation"):
        read_network(keras_archive([conv_layer(3, 4), norm, AVERAGE]), executor)


def test_a_file_that_crashes_its_reader_is_reported_as_damaged(
    keras_archive: Archive, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "LIMIT_S", 0.01)  # ended by a signal, as by a crash
    with pytest.raises(InputError, match=r"own\.keras: damaged: reading it failed \(ended after"):
        read_network(keras_archive(LAYERS), executor)


BAD_IMAGES: dict[str, tuple[np.ndarray, str]] = {
    "floats": (np.full((2, 6, 6, 3), -0.5, np.float32), "its numbers are float32, no bytes"),
    "another size": (np.zeros((2, 8, 6, 3), np.uint8), "(N, 6, 6, 3) of uint8 is needed"),
    "one image": (np.zeros((6, 6, 3), np.uint8), "holds (6, 6, 3)"),
    "no images": (np.zeros((0, 6, 6, 3), np.uint8), "holds (0, 6, 6, 3)"),
    "pickled": (np.array([{}], object), "no plain array"),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_images_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from models.imported.workers.measure import read_images

    array, fact = BAD_IMAGES[name]
    np.save(tmp_path / "images.npy", array)
    with pytest.raises(InputError) as refusal:
        read_images(tmp_path / "images.npy", (6, 6, 3))
    assert refusal.value.culprit == "images.npy" and fact in refusal.value.fact


def test_without_images_it_asks_for_them(keras_archive: Archive, executor: Executor, tmp_path: Path) -> None:
    path = keras_archive(LAYERS)
    with pytest.raises(UsageError, match=r"Give --data DIR .* or --calibration FILE\.npy"):
        import_trained(path, None, None, executor)
    with pytest.raises(InputError, match="takes 6x6x3 images and gives 3 results, where CIFAR-10 has 32x32x3 and 10"):
        import_trained(path, tmp_path, None, executor)
    with pytest.raises(InputError, match=r"nowhere\.npy: no such file"):
        import_trained(path, None, tmp_path / "nowhere.npy", executor)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--network", "own.pb"], UsageError, r"own\.pb: a file, but none of \.keras, \.h5, \.hdf5, \.onnx"),
        (["--network", "nowhere.keras"], InputError, r"nowhere\.keras: no such file"),
        (["--network", "own.keras", "--weights", "own.safetensors"], UsageError, "brings its own"),
        (["--network", "arch8", "--calibration", "images.npy"], UsageError, "arch8 has ranges beside its weights"),
        (["--network", "arch1"], InputError, "python -m flows train arch1 --data DIR --out OUT"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    arguments: list[str], error: type[FlowsError], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["estimate", "hls4ml", *arguments]) == error.exit_code
    said = capsys.readouterr().err
    assert re.search(message, said), said


def test_a_missing_package_is_named(
    keras_archive: Archive, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "package_version", lambda name: "absent")
    with pytest.raises(SetupError, match=r"package h5py: not installed, and reading \.keras files needs it"):
        read_network(keras_archive(LAYERS), executor)


def test_weights_in_other_files_are_laid_beside_the_model(tmp_path: Path, executor: Executor) -> None:
    pytest.importorskip("onnx")
    from tests.models.imported.test_onnx import with_external

    home = tmp_path / "home"
    (home / "parts").mkdir(parents=True)
    kernel = with_external("parts/own.bin", home / "own.onnx")
    (home / "parts" / "own.bin").write_bytes(kernel.tobytes())
    first = read_network(home / "own.onnx", executor)[1]
    assert np.array_equal(first.tensors()["c_Conv/kernel"], kernel.transpose(2, 3, 1, 0))
    (home / "parts" / "own.bin").write_bytes((2 * kernel).tobytes())
    assert read_network(home / "own.onnx", executor)[1].digest != first.digest
    shutil.move(home / "parts" / "own.bin", tmp_path / "own.bin")
    with pytest.raises(InputError, match=r"own\.bin: no such file"):
        read_network(home / "own.onnx", executor)
    (home / "parts" / "own.bin").symlink_to(tmp_path / "own.bin")
    with pytest.raises(InputError, match="outside the model's folder"):
        read_network(home / "own.onnx", executor)
