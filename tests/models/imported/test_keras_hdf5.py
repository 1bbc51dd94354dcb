"""Keras models in one HDF5 file: what is read is what Keras computes, and nothing is executed or followed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.core.errors import InputError
from models.imported.workers.limits import guarded

h5py = pytest.importorskip("h5py")
from models.imported.workers.keras_layers import read_keras  # noqa: E402

CASES = Path(__file__).with_name("cases")


@pytest.mark.parametrize("path", sorted(CASES.glob("tfkeras_*.npy")), ids=lambda path: path.stem)
@pytest.mark.parametrize("name", ["own.h5", "own.keras"])
def test_files_of_tensorflows_keras_give_its_outputs(
    path: Path, name: str, tmp_path: Path, compute: Callable[..., Any]
) -> None:
    """Written by TF-Keras with seeded weights, under either name; one has a model inside the model."""
    shutil.copy(path.with_suffix(".h5"), tmp_path / name)
    network, tensors = read_keras(tmp_path / name, "own")
    images = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)  # those that it was given
    assert np.ptp(np.load(path), axis=0).max() > 1e-3
    assert compute(network, tensors, images) == pytest.approx(np.load(path), rel=1e-6, abs=1e-5)


def test_keras_3_writes_the_same_network_in_both_formats(tmp_path: Path) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    from models.keras3.zoo import resnet8

    inner = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()], name="inner")
    layers = [keras.Input((8, 8, 3)), inner, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)]
    for model in (resnet8(), keras.Sequential(layers)):
        model.set_weights([np.random.default_rng(2).random(weight.shape) for weight in model.weights])
        for ending in (".h5", ".keras"):
            model.save(tmp_path / f"own{ending}")
        network, tensors = read_keras(tmp_path / "own.h5", "own")
        other, theirs = read_keras(tmp_path / "own.keras", "own")
        assert network == other and tensors.keys() == theirs.keys()
        assert all(np.array_equal(tensors[name], theirs[name]) for name in tensors)


def edited(change: Callable[[Any, dict[str, Any]], None], folder: Path) -> Path:
    """A file of TF-Keras after a `change` to its groups or its description."""
    path = folder / "own.h5"
    shutil.copy(CASES / "tfkeras_sequential.h5", path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(file, config)
        if "model_config" in file.attrs:
            file.attrs["model_config"] = json.dumps(config)
    return path


def link(file: Any, target: Any) -> None:
    del file["model_weights/conv2d_2/conv2d_2/kernel:0"]
    file["model_weights/conv2d_2/conv2d_2/kernel:0"] = target


def replace_kernel(file: Any, **settings: Any) -> None:
    link(file, np.zeros(1))
    del file["model_weights/conv2d_2/conv2d_2/kernel:0"]
    file.create_dataset("model_weights/conv2d_2/conv2d_2/kernel:0", (3, 3, 3, 4), np.float32, **settings)


def first(config: dict[str, Any], **changed: Any) -> None:
    config["config"]["layers"][1].update(changed)


BAD: dict[str, tuple[Callable[[Any, dict[str, Any]], Any], str]] = {
    "weights alone": (
        lambda file, config: file.attrs.__delitem__("model_config"),
        r"weights alone, and no description.*model\.load_weights\('own\.h5'\), then model\.save\('model\.keras'\)",
    ),
    "lambda": (
        lambda file, config: first(config, class_name="Lambda"),
        r"layer 2, 'conv2d_2' \(Lambda\): code, which is not executed",
    ),
    "custom object": (
        lambda file, config: first(config, class_name="Mine", registered_name="me>Mine"),
        r"a custom object \(me>Mine\), whose code is not executed",
    ),
    "unknown layer": (lambda file, config: first(config, class_name="Mine"), r"\(Mine\): not supported"),
    "subclassed": (lambda file, config: config.update(class_name="Net"), "a model of class Net"),
    "soft link": (lambda file, config: link(file, h5py.SoftLink("/model_weights")), "is a link, possibly out of"),
    "external link": (lambda file, config: link(file, h5py.ExternalLink("/etc/passwd", "/")), "is a link"),
    "external data": (
        lambda file, config: replace_kernel(file, external=[("/etc/passwd", 0, 432)]),
        "stands in another file",
    ),
    "another shape": (lambda file, config: link(file, np.zeros((3, 3, 3, 5), np.float32)), "is needed"),
    "half precision": (lambda file, config: link(file, np.zeros((3, 3, 3, 4), np.float16)), "no float32 tensor"),
    "a name less": (
        lambda file, config: file["model_weights/conv2d_2"].attrs.__setitem__("weight_names", [b"conv2d_2/bias:0"]),
        "1 tensors are stored for it, and 2 are needed",
    ),
    "names of numbers": (
        lambda file, config: file["model_weights/conv2d_2"].attrs.__setitem__("weight_names", [1, 2]),
        "its weights cannot be read",
    ),
    "no weights": (lambda file, config: file.__delitem__("model_weights/dense_1"), "no weights at"),
    "no description": (lambda file, config: config.clear(), r"own\.h5.*damaged description"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_must_not_be_read_is_refused(name: str, tmp_path: Path) -> None:
    change, fact = BAD[name]
    with pytest.raises(InputError, match=fact) as refused, guarded("own.h5", "-"):
        read_keras(edited(change, tmp_path), "own")
    assert str(refused.value).count("\n") == 0


def test_a_description_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = edited(lambda file, config: None, tmp_path)
    for content in (b"\xff\xfe", "[", "[" * 100_000, 3):
        with h5py.File(path, "r+") as file:
            del file.attrs["model_config"]
            if isinstance(content, str) and len(content) > 1 << 16:
                content = content[: 1 << 15]
            file.attrs["model_config"] = content
        with pytest.raises(InputError, match=r"own\.h5, model_config: no JSON|nested too deep"):
            read_keras(path, "own")


def test_names_in_pieces_are_put_together(tmp_path: Path) -> None:
    """As Keras writes them where they are longer than an attribute may be."""

    def cut(file: Any, config: dict[str, Any]) -> None:
        attributes = file["model_weights/conv2d_2"].attrs
        names = list(attributes["weight_names"])
        del attributes["weight_names"]
        attributes["weight_names0"], attributes["weight_names1"] = names[:1], names[1:]

    whole, _ = read_keras(CASES / "tfkeras_sequential.h5", "own"), None
    network, tensors = read_keras(edited(cut, tmp_path), "own")
    assert network == whole[0] and all(np.array_equal(tensors[name], whole[1][name]) for name in tensors)


def test_weights_alone_of_keras_2_are_named() -> None:
    with pytest.raises(InputError, match="weights alone"):
        read_keras(CASES / "tfkeras_weights.h5", "own")


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_are_one_error(seed: int, tmp_path: Path) -> None:
    """Or still a network: never a traceback. Crashes of HDF5 itself are told by the step (tests/hostile)."""
    random = np.random.default_rng(seed)
    content = bytearray((CASES / "tfkeras_sequential.h5").read_bytes())
    with h5py.File(CASES / "tfkeras_sequential.h5") as file:
        config = file.attrs["model_config"].encode()
    start = bytes(content).find(config[:40])
    for place in random.integers(start, start + len(config), 8):  # of the description: bytes of the tree may crash HDF5
        content[place] = random.integers(0, 256)
    (tmp_path / "own.h5").write_bytes(content)
    try:
        with guarded("own.h5", "-"):
            read_keras(tmp_path / "own.h5", "own")
    except InputError as error:
        assert "\n" not in str(error)
