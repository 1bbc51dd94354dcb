"""Images and labels of the user's own: what is taken, what is refused, and networks judged by them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import imports
from flows.__main__ import main
from flows.core.errors import InputError
from flows.executor import Executor
from flows.imports import import_trained, is_own, own_images, read_network
from flows.store import Store
from models import cifar10
from models.imported.workers import arrays
from models.imported.workers.arrays import images_of, labels_of, load
from models.pixels import parse_pixels
from tests.models.imported.conftest import Archive, conv_layer

random = np.random.default_rng(17)
GREY = random.integers(0, 256, (40, 6, 5, 1), np.uint8)
LABELS = (np.arange(40) % 3).astype(np.uint8)
LAYERS = [
    ("Rescaling", {"scale": 1 / 127.5, "offset": -1.0}, []),
    conv_layer(1, 4, activation="relu"),
    ("Flatten", {}, []),
    ("Dense", {"units": 3}, [random.normal(0, 0.3, (120, 3)), np.zeros(3)]),
]
PERCEPTRON = [
    ("Dense", {"units": 8, "activation": "relu"}, [random.normal(0, 0.3, (30, 8)), np.zeros(8)]),
    ("Dense", {"units": 3, "activation": "softmax"}, [random.normal(0, 0.3, (8, 3)), np.zeros(3)]),
]


def save(path: Path, arrays: Mapping[str, Any]) -> None:
    np.savez(path, **arrays)


@pytest.fixture
def executor(tmp_path: Path) -> Executor:
    return Executor(Store(tmp_path / "store"), 1, lambda event, step, text: None)


@pytest.mark.parametrize(
    "array",
    [
        GREY, GREY[..., 0], GREY.reshape(40, 30), GREY.transpose(0, 3, 1, 2), GREY.astype(np.int64),
        GREY.astype(np.float32), GREY / 255, GREY.astype(np.float32) / np.float32(255),
    ],
    ids=["as they are", "no channel", "rows", "channels first", "int64", "whole floats", "doubles to 1", "floats to 1"],
)  # fmt: skip
def test_images_are_taken_as_they_come(array: np.ndarray) -> None:
    assert np.array_equal(images_of(array, (6, 5, 1), "it"), GREY)


def test_vectors_are_rows_of_pixels() -> None:
    assert np.array_equal(images_of(GREY, (30,), "it"), GREY.reshape(40, 30))


@pytest.mark.parametrize(
    ("array", "fact"),
    [
        (GREY[:, :5], "is needed"), (GREY[:0], "is needed"), (np.uint8(3), "a single number"),
        (GREY * np.float32(0.3), "no bytes"), (GREY.astype(int) - 1, "no bytes"), (GREY.astype(int) + 256, "no bytes"),
        (np.full(GREY.shape, np.nan), "no bytes"), (GREY.astype(complex), "no bytes"), (GREY.astype(str), "no bytes"),
        (np.repeat(GREY, 2, 3), "is needed"),
    ],
)  # fmt: skip
def test_what_is_no_image_is_named(array: Any, fact: str) -> None:
    with pytest.raises(InputError) as refusal:
        images_of(np.asarray(array), (6, 5, 1), "images.npy")
    assert refusal.value.culprit == "images.npy" and fact in refusal.value.fact


@pytest.mark.parametrize(
    "labels", [LABELS, LABELS.astype(float), LABELS[:, None], LABELS.astype(np.int64), np.eye(3)[LABELS]]
)
def test_labels_are_taken_as_they_come(labels: np.ndarray) -> None:
    taken = labels_of(labels, 40, 3, "it")
    assert taken.dtype == np.uint8 and np.array_equal(taken, LABELS)


@pytest.mark.parametrize(
    ("labels", "fact"),
    [
        (LABELS + 1, "image 2 has label 3, and the network has the classes 0 to 2"),
        (LABELS.astype(int) - 1, "image 0 has label -1"),
        (LABELS[:39], "labels (39,), and one for each of 40 images"),
        (LABELS + 0.5, "no whole numbers"),
        (np.full(40, np.nan), "no whole numbers"),
        (np.eye(3)[LABELS] / 2, "not 1 at one class"),
        (np.array(["cat"] * 40), "no whole numbers"),
    ],
)
def test_labels_outside_the_classes_are_named(labels: Any, fact: str) -> None:
    with pytest.raises(InputError, match="labels") as refusal:
        labels_of(np.asarray(labels), 40, 3, "labels.npy")
    assert fact in refusal.value.fact


@given(content=st.binary(max_size=400))
def test_any_bytes_are_arrays_or_an_input_error(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    for ending in ("npy", "npz"):
        path = tmp_path_factory.getbasetemp() / f"any.{ending}"
        path.write_bytes(content)
        try:
            load(path)
        except InputError:
            continue


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=np.array([{"a": 1}], object), labels=LABELS)
    with pytest.raises(InputError, match="no plain array"):
        load(tmp_path / "x.npz")


def test_what_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert arrays.LIMIT <= 1 << 30
    monkeypatch.setattr(arrays, "LIMIT", 1 << 20)
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("images.npy", bytes(arrays.LIMIT + 1))
    with pytest.raises(InputError, match="unpacks to more than"):
        load(tmp_path / "x.npz")


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y"), ("x_test", "y_test")])
@pytest.mark.parametrize("training", [None, "x_train"])
def test_ranges_are_measured_on_images_that_do_not_judge(
    names: tuple[str, str], training: str | None, keras_archive: Archive, tmp_path: Path, executor: Executor
) -> None:
    arrays = {names[0]: GREY[..., 0], names[1]: LABELS} | ({training: 255 - GREY} if training else {})
    save(tmp_path / "data.npz", arrays)
    network, _ = read_network(keras_archive(LAYERS, (6, 5, 1)), executor)
    test, calibration = own_images(network, tmp_path / "data.npz", True, executor)
    judged, measured = cifar10.read_test(test.path), np.load(calibration.path)
    kept = 40 if training else 32
    assert np.array_equal(judged.pixels, GREY[-kept:]) and np.array_equal(judged.labels, LABELS[-kept:])
    assert np.array_equal(measured, 255 - GREY if training else GREY[:8])


@pytest.mark.parametrize(
    ("arrays", "fact"),
    [
        ({"pictures": GREY, "labels": LABELS}, "has no arrays called"),
        ({"images": GREY[:4], "labels": LABELS[:4]}, "has 4 images, too few"),
        ({"images": GREY, "labels": LABELS + 9}, "has label 9"),
    ],
)
def test_data_that_cannot_be_taken_are_named(
    arrays: dict[str, Any], fact: str, keras_archive: Archive, tmp_path: Path, executor: Executor
) -> None:
    save(tmp_path / "data.npz", arrays)
    with pytest.raises(InputError) as refusal:
        import_trained(keras_archive(LAYERS, (6, 5, 1)), tmp_path / "data.npz", None, executor)
    assert refusal.value.culprit == "data.npz" and fact in refusal.value.fact


@pytest.mark.parametrize(("layers", "shape"), [(LAYERS, (6, 5, 1)), (PERCEPTRON, (30,))], ids=["grey", "vectors"])
def test_a_network_is_judged_by_them(
    layers: Any, shape: Any, keras_archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder: images.npy and labels.npy. The classes are numbers."""
    pytest.importorskip("torch")
    path = keras_archive(layers, shape)
    folder = tmp_path / "data"
    folder.mkdir()
    np.save(folder / "images.npy", GREY[..., 0])
    np.save(folder / "labels.npy", LABELS)
    assert is_own(folder) and not is_own(tmp_path)
    argv = ["--data", str(folder), "--store", str(tmp_path / "store")]
    report = tmp_path / "report.json"
    assert main(["evaluate", str(path), "--flow", "hls", *argv, "--json", str(report)]) == 0
    (result,) = json.loads(report.read_text())["reports"]
    assert result["classes"] == ["0", "1", "2"] and result["floating"]["accuracy"]["n"] == 32
    assert main(["plan", "hls4ml", "--network", str(path), *argv]) == 0
    assert "accuracy on your test images" in capsys.readouterr().out


def test_the_limit_of_what_is_read_holds_for_them_too(
    keras_archive: Archive, tmp_path: Path, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "data.npz", images=GREY, labels=LABELS)
    monkeypatch.setattr(imports, "IMAGES_LIMIT", 100)
    with pytest.raises(InputError, match="data"):
        import_trained(keras_archive(LAYERS, (6, 5, 1)), tmp_path / "data.npz", None, executor)


def test_pixels_are_for_a_network_of_the_users_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the project's own, it is known; and what is no scaling is told with those there are."""
    argv = ["estimate", "hls4ml", "--store", str(tmp_path), "--pixels"]
    assert main([*argv, "raw"]) != 0
    assert "--pixels" in capsys.readouterr().err
    assert main([*argv, "0.5,0"]) != 0
    assert "a deviation must be above 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "formula"), [("raw", "x - 1"), ("unit", "(x / 255 - 1) / 1"), (None, "(x / 255 - 1) / 1")]
)
def test_what_the_user_says_of_pixels_comes_before_the_files_first_layer(
    text: str | None, formula: str, keras_archive: Archive, executor: Executor
) -> None:
    path = keras_archive([("Rescaling", {"scale": 1.0, "offset": -1.0}, []), *LAYERS[1:]], (6, 5, 1))
    network, _ = read_network(path, executor, parse_pixels(text) if text else None)
    assert str(network.pixels) == formula
    assert network.pixels.known == (f"--pixels {text}" if text else "the file's first layer, taken to read x / 255")


def test_a_mean_for_each_of_three_channels_is_refused_for_grey(keras_archive: Archive, executor: Executor) -> None:
    with pytest.raises(InputError) as refusal:
        read_network(keras_archive(LAYERS, (6, 5, 1)), executor, parse_pixels("0.1,0.2,0.3,0.4,0.5,0.6"))
    assert "3 scalings of pixels" in refusal.value.fact
