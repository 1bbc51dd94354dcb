"""Keras archives: what is read is what Keras saved, and what must not be read is refused by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.core.errors import InputError
from models.folding import folded, folded_weights
from models.layers import Add, BatchNorm, Conv2D, Dense, Dropout, Flatten, GlobalAveragePool, MaxPool2D, ReLU, Softmax
from models.network import INPUT, Network
from tests.models.imported.conftest import Archive, conv_layer, keras_row

h5py = pytest.importorskip("h5py")
from models.imported.workers.keras_archive import LIMITS  # noqa: E402
from models.imported.workers.keras_layers import read_keras  # noqa: E402

random = np.random.default_rng(7)
POOL = {"pool_size": [2, 2], "strides": None, "padding": "valid"}


def test_every_layer_in_a_row(keras_archive: Archive) -> None:
    tensors = [random.random(8, np.float32) for _ in range(3)]
    dense = random.random((72, 4), np.float32)
    path = keras_archive(
        [
            ("Rescaling", {"scale": 1 / 255, "offset": 0.0}, []),
            conv_layer(3, 8, activation="relu", name="first conv/1"),
            conv_layer(8, 8, seed=1, use_bias=True),
            ("BatchNormalization", {"axis": -1, "epsilon": 0.01, "scale": False, "center": True}, tensors),
            ("Activation", {"activation": "relu"}, []),
            ("MaxPooling2D", POOL, []),
            ("Dropout", {"rate": 0.5}, []),
            ("Flatten", {}, []),
            ("Dense", {"units": 4, "use_bias": False, "activation": "softmax"}, [dense]),
        ]
    )
    network, read = read_keras(path, "own")
    assert dict(folded(network).absorbed)["l6"] == "l5", "training needs it, hardware does not"
    assert network == Network(
        "own",
        (6, 6, 3),
        (
            Conv2D("first_conv_1", (INPUT,), (3, 3), (1, 1), "same", 8),
            ReLU("first_conv_1_relu", ("first_conv_1",)),
            Conv2D("l2", ("first_conv_1_relu",), (3, 3), (1, 1), "same", 8),
            BatchNorm("l3", ("l2",), 0.01),
            ReLU("l4", ("l3",)),
            MaxPool2D("l5", ("l4",), (2, 2), (2, 2), "valid"),
            Dropout("l6", ("l5",), 0.5),
            Flatten("l7", ("l6",)),
            Dense("l8", ("l7",), 4),
            Softmax("l8_softmax", ("l8",)),
        ),
    )
    assert {name: tensor.shape for name, tensor in read.items()} == dict(network.weight_shapes())
    assert np.array_equal(read["l2/kernel"], conv_layer(8, 8, seed=1)[2][0].astype(np.float32))
    assert np.array_equal(read["l8/kernel"], dense) and not read["l8/bias"].any()
    assert (read["l3/gamma"] == 1).all()
    for role, tensor in zip(("beta", "mean", "variance"), tensors, strict=True):
        assert np.array_equal(read[f"l3/{role}"], tensor)


def tensor_of(layer: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, 0, 0]}}


def functional(config: dict[str, Any]) -> None:
    """l0 conv and l1 conv on the image, l2 their sum, l3 its average."""
    rows = config["config"]["layers"]
    sources = [[], ["image"], ["image"], ["l0", "l1"], ["l2"]]
    for row, names in zip(rows, sources, strict=True):
        tensors = [tensor_of(name) for name in names]
        row["inbound_nodes"] = [{"args": [tensors] if len(tensors) > 1 else tensors, "kwargs": {}}]
    config |= {"class_name": "Functional", "registered_name": "Functional"}
    config["config"]["output_layers"] = ["l3", 0, 0]


BRANCHES = [
    conv_layer(3, 4),
    conv_layer(3, 4, seed=1, kernel_size=[3, 3]),
    ("Add", {}, []),
    ("GlobalAveragePooling2D", {"keepdims": False}, []),
]


def test_branches(keras_archive: Archive) -> None:
    network, _ = read_keras(keras_archive(BRANCHES, edit=functional), "own")
    assert [(type(layer), layer.inputs) for layer in network.layers] == [
        (Conv2D, (INPUT,)), (Conv2D, (INPUT,)), (Add, ("l0", "l1")), (GlobalAveragePool, ("l2",))
    ]  # fmt: skip


Edit = Callable[[dict[str, Any]], None]


def settings(**changed: Any) -> Edit:
    """Changes the last layer's settings."""
    return lambda config: config["config"]["layers"][-1]["config"].update(changed)


def row(**changed: Any) -> Edit:
    return lambda config: config["config"]["layers"][-1].update(changed)


def branch(index: int, **changed: Any) -> Edit:
    def edit(config: dict[str, Any]) -> None:
        functional(config)
        config["config"]["layers"][index]["inbound_nodes"][0].update(changed)

    return edit


def two_outputs(config: dict[str, Any]) -> None:
    functional(config)
    config["config"].update(output_layers=[["l2", 0, 0], ["l3", 0, 0]])


def used_twice(config: dict[str, Any]) -> None:
    functional(config)
    config["config"]["layers"][2].update(inbound_nodes=[{}, {}])


def input_shape(*shape: int | None) -> Edit:
    return lambda config: config["config"]["layers"][0]["config"].update(batch_shape=[None, *shape])


CONV = [conv_layer(3, 4)]
LAMBDA = [*CONV, ("Lambda", {"function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}}, [])]
NOT_A_NUMBER = np.full((3, 3, 3, 4), np.nan)
BAD: dict[str, tuple[list[Any], Edit | None, str, str]] = {
    "lambda": (LAMBDA, None, "own.keras, layer 3, 'l1' (Lambda)", "code, which is not executed"),
    "unsupported": ([*CONV, ("LSTM", {}, [])], None, "layer 3, 'l1' (LSTM)", "not supported: a layer over a sequence"),
    "unknown": ([*CONV, ("Whatever", {}, [])], None, "layer 3, 'l1' (Whatever)", "not supported"),
    "rows side by side": ([*CONV, ("Concatenate", {"axis": 1}, [])], None, "(Concatenate)", "axis is 1"),
    "PReLU": ([*CONV, ("PReLU", {}, [])], None, "(PReLU)", "a slope below zero that was trained"),
    "an activation of pieces": (CONV, settings(activation="hard_sigmoid"), "layer 2", "several straight lines"),
    "a slope that rises": ([*CONV, ("LeakyReLU", {"negative_slope": 1.5}, [])], None, "layer 3", "a slope of 1.5"),
    "an average of fewer at the edges": (
        [*CONV, ("AveragePooling2D", POOL | {"pool_size": [4, 4], "padding": "same"}, [])], None,
        "layer 3", "whose divisor is smaller at the edges",
    ),
    "custom layer": (CONV, row(module="evil", registered_name="evil>Conv2D"), "layer 2", "custom object (evil>Conv2D)"),
    "custom module": (CONV, row(module="keras_evil.layers"), "layer 2", "custom object (keras_evil.layers)"),
    "operation": (CONV, row(module="keras.src.ops.nn", class_name="Softmax"), "layer 2", "keras.src.ops.nn, not"),
    "a constant": (BRANCHES, branch(3, args=[tensor_of("l0"), 1.0]), "layer 4", "called with 1.0"),
    "subclassed model": (CONV, lambda config: config.update(class_name="Mine"), "own.keras", "a model of class Mine"),
    "a lambda in a model in the model": (
        [*CONV, ("Sequential", {"layers": [keras_row("Lambda", {"name": "inner"})]}, [])], None,
        "own.keras, 'l1', layer 1, 'inner' (Lambda)", "code, which is not executed",
    ),
    "models in one another without end": (
        [*CONV, ("Sequential", {"layers": list(range(3))}, [])], None, "config.json", "damaged"
    ),
    "a model in the model with two inputs": (
        [*CONV, ("Sequential", {"layers": [keras_row("InputLayer", {"name": name}) for name in "ab"]}, [])], None,
        "'l1', layer 2, 'b'", "several inputs",
    ),
    "windows of padding alone": (
        [("ZeroPadding2D", {"padding": [[3, 0], [1, 1]]}, []), conv_layer(3, 4, padding="valid")], None,
        "layer 3", "padding (3, 0, 1, 1)",
    ),
    "padding twice": (
        [("ZeroPadding2D", {"padding": [[1, 1], [1, 1]]}, []), conv_layer(3, 4, padding="same")], None,
        "layer 3", "padding (1, 1, 1, 1) (top, bottom, left, right) stands before it",
    ),
    "padding that stays": (
        [("ZeroPadding2D", {"padding": [[1, 1], [1, 1]]}, []), ("ReLU", {}, [])], None, "layer 3", "a padded image"
    ),
    "a reshape that is no flatten": ([("Reshape", {"target_shape": [36, 3]}, [])], None, "layer 2", "a reshape to (36"),
    "dilation": (CONV, settings(dilation_rate=[2, 2]), "layer 2", "dilation_rate is (2, 2)"),
    "groups that do not divide": (CONV, settings(groups=0), "layer 2", "groups is 0"),
    "channels first": (CONV, settings(data_format="channels_first"), "layer 2", "channels_first"),
    "activation": (CONV, settings(activation="gelu"), "layer 2", "activation 'gelu'"),
    "activation object": (CONV, settings(activation={"class_name": "function"}), "layer 2", "'function'"),
    "leaky and clipped": (
        [*CONV, ("ReLU", {"negative_slope": 0.1, "max_value": 6.0}, [])], None, "layer 3", "negative_slope 0.1"
    ),
    "8 bit": (
        CONV, settings(dtype={"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}),
        "layer 2", "QuantizedDTypePolicy",
    ),
    "kernel of text": (CONV, settings(kernel_size=["a", 3]), "layer 2", "kernel_size"),
    "strides of 0": (CONV, settings(strides=[0, 1]), "layer 2", "at least 1"),
    "no filters": (CONV, settings(filters=None), "layer 2", "is needed"),
    "no settings": (CONV, lambda config: config["config"]["layers"][1]["config"].pop("filters"), "json", "filters"),
    "no layers": (CONV, lambda config: config.pop("config"), "config.json", "damaged"),
    "not a number": ([("Conv2D", conv_layer(3, 4)[1], [NOT_A_NUMBER, np.zeros(4)])], None, "layer 2", "NaN"),
    "kernel of another shape": ([("Conv2D", conv_layer(3, 4)[1], conv_layer(5, 4)[2])], None, "layer 2", "is needed"),
    "bias missing": ([("Conv2D", conv_layer(3, 4)[1], conv_layer(3, 4)[2][:1])], None, "layer 2", "1 tensors"),
    "weights of another layer": (CONV, settings(name="other"), "layer 2", "holds the weights of 'l0'"),
    "dense on an image": ([("Dense", {"units": 3}, [np.zeros((3, 3)), np.zeros(3)])], None, "layer 2", "Flatten"),
    "grey images": (CONV, input_shape(28, 28, 1), "layer 2", "is needed"),
    "rows of pixels": (CONV, input_shape(28, 3), "own.keras", "28x3, neither an image nor a vector"),
    "images beyond measure": (CONV, input_shape(1 << 20, 1 << 20, 3), "own.keras", "1048576x1048576x3"),
    "a tensor beyond measure": (CONV, input_shape(1 << 11, 2100, 3), "layer 2", "17,203,200 numbers"),
    "any size": (CONV, input_shape(None, None, 3), "own.keras", "?x?x3, neither an image nor a vector"),
    "vectors": (CONV, input_shape(784), "layer 2", "is needed"),
    "rescaling by 0": ([("Rescaling", {"scale": 0.0, "offset": -1}, []), *CONV], None, "layer 2", "by 0, by NaN"),
    "rescaling for one of two": (
        [("Rescaling", {"scale": 1 / 255, "offset": 0}, []), *BRANCHES[1:]], functional, "layer 2",
        "not for all that read it",
    ),
    "late rescaling": ([*CONV, ("Rescaling", {"scale": 1 / 255, "offset": 0}, [])], None, "layer 3", "scale"),
    "two outputs": (
        BRANCHES, two_outputs, "own.keras", "2 outputs",
    ),
    "shared layer": (
        BRANCHES, used_twice, "layer 3", "used in 2 places",
    ),
    "training mode": (BRANCHES, branch(4, kwargs={"training": True}), "layer 5", "called with training"),
    "a layer from nowhere": (BRANCHES, branch(1, args=[tensor_of("ghost")]), "layer 2", "'ghost'"),
    "a sum of three": (BRANCHES, branch(3, args=[[tensor_of("l0"), tensor_of("l1"), tensor_of("l0")]]), "layer 4", "3"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_supported_is_named(name: str, keras_archive: Archive) -> None:
    layers, edit, culprit, fact = BAD[name]
    path = keras_archive(layers, edit=edit)
    with pytest.raises(InputError) as refusal:
        read_keras(path, "own")
    assert culprit in refusal.value.culprit and fact in refusal.value.fact, str(refusal.value)


@pytest.mark.parametrize("member", ["../evil.py", "/etc/cron.d/evil", "a/../../evil", "..\\evil", "C:\\evil"])
def test_a_member_that_leaves_the_archive_is_refused(member: str, keras_archive: Archive) -> None:
    with pytest.raises(InputError, match="its path leaves the archive"):
        read_keras(keras_archive(CONV, extra={member: b""}), "own")


def test_a_member_that_is_a_link_is_refused(keras_archive: Archive) -> None:
    path = keras_archive(CONV)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="'assets/link': it is a symbolic link"):
        read_keras(path, "own")


def test_a_member_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (LIMITS["config.json"] + 1))
        archive.writestr("model.weights.h5", b"")
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"'config\.json': it unpacks to more than 16 MiB"):
        read_keras(path, "own")


def test_what_is_no_archive_is_refused(keras_archive: Archive, tmp_path: Path) -> None:
    whole = keras_archive(CONV)
    content = whole.read_bytes()
    with zipfile.ZipFile(whole) as archive:
        config, weights = archive.read("config.json"), archive.read("model.weights.h5")
    cases = {
        b"no zip": "no readable zip archive",
        content[:-30]: "no readable zip archive",
        content.replace(config[:40], b"x" * 40): "no readable zip archive",
    }
    for bad, fact in cases.items():
        (tmp_path / "bad.keras").write_bytes(bad)
        with pytest.raises(InputError, match=fact):
            read_keras(tmp_path / "bad.keras", "own")
    for members, fact in (
        ({"config.json": config}, "0 members are called model.weights.h5"),
        ({"config.json": b"{", "model.weights.h5": weights}, "config.json: no JSON"),
        ({"config.json": b"[" * 100_000, "model.weights.h5": weights}, "config.json: no JSON"),
        ({"config.json": config, "model.weights.h5": b"\x89HDF no"}, "model.weights.h5: no HDF5 file"),
    ):
        with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
            for name, member in members.items():
                archive.writestr(name, member)
        with pytest.raises(InputError, match=fact):
            read_keras(tmp_path / "bad.keras", "own")


def external_link(file: Any) -> None:
    del file["layers/conv2d"]
    file["layers/conv2d"] = h5py.ExternalLink("/tmp/other.h5", "/layers/conv2d")


def soft_link(file: Any) -> None:
    file.move("layers/conv2d/vars/0", "elsewhere")
    file["layers/conv2d/vars/0"] = h5py.SoftLink("/elsewhere")


def external_storage(file: Any) -> None:
    del file["layers/conv2d/vars/1"]
    file["layers/conv2d/vars"].create_dataset("1", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def virtual(file: Any) -> None:
    del file["layers/conv2d/vars/1"]
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (4,))
    file["layers/conv2d/vars"].create_virtual_dataset("1", layout)


def doubles(file: Any) -> None:
    del file["layers/conv2d/vars/1"]
    file["layers/conv2d/vars"].create_dataset("1", (4,), "f8")


def no_weights(file: Any) -> None:
    del file["layers"]


@pytest.mark.parametrize(
    ("edit", "fact"),
    [
        (external_link, "is a link"),
        (soft_link, "is a link"),
        (external_storage, "stands in another file"),
        (virtual, "stands in another file"),
        (doubles, "no float32 tensor"),
        (no_weights, "no weights at layers/conv2d/vars"),
    ],
)
def test_weights_that_lead_elsewhere_are_refused(
    edit: Callable[[Any], None], fact: str, keras_archive: Archive
) -> None:
    with pytest.raises(InputError) as refusal:
        read_keras(keras_archive(CONV, edit_weights=edit), "own")
    assert "own.keras, layer 2, 'l0' (Conv2D)" in refusal.value.culprit and fact in refusal.value.fact


def test_weights_that_would_fill_the_memory_are_refused(keras_archive: Archive) -> None:
    """A terabyte of declared zeros takes a few bytes in an HDF5 file."""
    units = 1 << 34

    def declare(file: Any) -> None:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "l1"
        group.create_dataset("0", (108, units), "f4", chunks=(1, 1024))
        group.create_dataset("1", (units,), "f4", chunks=(1024,))

    layers: list[Any] = [("Flatten", {}, []), ("Dense", {"units": units}, [])]
    path = keras_archive(layers[:1], edit_weights=declare, edit=lambda config: config["config"]["layers"].append(
        {"module": "keras.layers", "class_name": "Dense", "config": {"name": "l1", "units": units}}
    ))  # fmt: skip
    with pytest.raises(InputError, match="the weights pass 512 MiB"):
        read_keras(path, "own")


BY_KERAS = """
import os, sys
import numpy as np
import keras
from keras import layers as L

def residual():
    image = keras.Input((12, 10, 3))
    x = L.Conv2D(6, 3, padding="same")(image)
    x = L.BatchNormalization()(x)
    x = L.ReLU()(x)
    y = L.Conv2D(8, (3, 2), strides=2, padding="same", activation="relu")(x)
    z = L.Conv2D(8, 1, strides=2, use_bias=False)(x)
    x = L.Add()([y, z]) + z
    x = L.MaxPooling2D(3, 2, padding="same")(x)
    x = L.Dropout(0.5)(x)
    return keras.Model(image, L.Dense(5, activation="softmax")(L.GlobalAveragePooling2D()(x)))

def flat():
    return keras.Sequential([
        keras.Input((9, 7, 3)),
        L.Rescaling(1 / 255),
        L.Conv2D(5, 3), L.BatchNormalization(scale=False), L.Activation("relu"), L.MaxPooling2D(),
        L.Flatten(), L.Dense(11, use_bias=False), L.BatchNormalization(epsilon=0.1, center=False), L.ReLU(),
        L.Dropout(0.2), L.Dense(4), L.Softmax(),
    ])

def logits():
    layers = [L.Conv2D(4, 3, activation="relu"), L.GlobalAveragePooling2D(), L.Dense(3)]
    return keras.Sequential([L.Input((8, 8, 3)), *layers])

def nested():
    image = keras.Input((9, 8, 3))
    augment = keras.Sequential([L.RandomFlip(), L.RandomRotation(0.1), L.GaussianNoise(0.1)])
    stem = keras.Sequential([L.Conv2D(5, 3, padding="same"), L.BatchNormalization(), L.ReLU()], name="stem")
    inner = keras.Input((9, 8, 5))
    x = L.Conv2D(5, 3, strides=2)(L.ZeroPadding2D(((2, 1), (0, 2)))(inner))
    x = L.Conv2D(7, 4)(L.ZeroPadding2D(((1, 2), (1, 2)))(x))
    block = keras.Model(inner, keras.ops.relu(L.SpatialDropout2D(0.1)(x)), name="block")
    x = L.AveragePooling2D((5, 4))(block(stem(augment(image))))
    x = L.Reshape((-1,))(L.Conv2D(6, 1, activation="relu")(x))
    return keras.Model({"image": image}, {"classes": L.Dense(4)(L.Flatten()(x))})

def mobile():
    image = keras.Input((12, 10, 3))
    x = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(image)))
    x = L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = L.Activation("relu6")(L.BatchNormalization()(x))
    x = L.Conv2D(6, 1, activation="relu6")(x)
    x = L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, activation="relu6")(L.ZeroPadding2D(((0, 1), (0, 1)))(x))
    x = L.SeparableConv2D(8, 3, padding="same", depth_multiplier=2, activation="relu")(x)
    return keras.Model(image, L.Dense(5)(L.GlobalAveragePooling2D()(x)))

def pieces():
    image = keras.Input((12, 10, 6))
    x = L.Conv2D(4, 3, groups=2, padding="same", activation="leaky_relu")(image)
    y = L.LeakyReLU(negative_slope=0.125)(L.Conv2D(4, 3, padding="same")(x))
    z = L.Conv2D(2, 1, activation="hard_tanh")(x)
    x = L.AveragePooling2D(2)(L.Concatenate()([x, y, z]))
    x = L.ReLU(negative_slope=0.25)(L.BatchNormalization()(L.AveragePooling2D((3, 2), 1)(x)))
    return keras.Model(image, L.Dense(5)(L.Flatten()(x)))

random = np.random.default_rng(3)
for build in (residual, flat, logits, nested, mobile, pieces):
    model = build()
    for variable in model.trainable_variables + model.non_trainable_variables:
        if "seed" in variable.path:
            continue
        values = random.normal(0, 0.4, variable.shape)
        variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    shape = model.inputs[0].shape[1:]
    images = random.random((7, *shape), np.float32)
    model.compile("adam", "categorical_crossentropy")
    model.save(f"{build.__name__}.keras")
    scale = 255 if build is flat else 1
    fed = {"image": images} if build is nested else images * scale
    outputs = model.predict(fed, verbose=0)
    outputs = outputs["classes"] if build is nested else outputs
    np.savez(f"{build.__name__}.npz", images=images, outputs=outputs)
"""


@pytest.mark.slow
def test_outputs_equal_those_of_keras(tmp_path: Path, compute: Callable[..., np.ndarray]) -> None:
    if not find_spec("keras"):  # importing it here would ask for TensorFlow, its default backend
        pytest.skip("keras is not installed")
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, "-c", BY_KERAS], cwd=tmp_path, env=environment, check=True, capture_output=True)
    for name in ("residual", "flat", "logits", "nested", "mobile", "pieces"):
        network, tensors = read_keras(tmp_path / f"{name}.keras", name)
        theirs = np.load(tmp_path / f"{name}.npz")
        assert np.ptp(theirs["outputs"], axis=0).max() > 1e-2, "the images must be told apart"
        assert compute(network, tensors, theirs["images"]) == pytest.approx(theirs["outputs"], abs=1e-5)
        single = {name: tensor.astype(np.float32) for name, tensor in folded_weights(network, tensors).items()}
        assert compute(folded(network), single, theirs["images"]) == pytest.approx(theirs["outputs"], abs=1e-5)


CASES = Path(__file__).with_name("cases")


@pytest.mark.parametrize("path", sorted(CASES.glob("tf2*.npy")), ids=lambda path: path.stem)
def test_archives_of_tensorflows_keras_give_its_outputs(path: Path, compute: Callable[..., Any]) -> None:
    """Written by tensorflow-cpu of that version with seeded weights, its outputs beside it. Layers of one class stand
    in the weights file by number, and 2.12 to 2.14 skip every second one."""
    network, tensors = read_keras(path.with_suffix(".keras"), "own")
    images = np.random.default_rng(1).random((4, 8, 8, 3), np.float32)  # those that it was given
    assert compute(network, tensors, images) == pytest.approx(np.load(path), rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("name", ["tfkeras214_functional.keras", "tfkeras214_sequential.keras"])
def test_an_archive_of_keras_2_is_read(name: str) -> None:
    network, tensors = read_keras(CASES / name, "own")
    assert [layer.name for layer in network.layers] == ["conv2d", "conv2d_relu", "flatten", "dense", "dense_softmax"]
    assert network.input_shape == (8, 8, 3) and INPUT in dict(network.absorbed).values()
    with zipfile.ZipFile(CASES / name) as archive, h5py.File(archive.open("model.weights.h5"), "r") as stored:
        for layer in ("conv2d", "dense"):
            for number, role in enumerate(("kernel", "bias")):
                saved = stored[f"_layer_checkpoint_dependencies/{layer}/vars/{number}"][()]
                assert np.array_equal(tensors[f"{layer}/{role}"], saved)


def test_hdf5_under_the_name_of_an_archive_is_taken_as_such() -> None:
    """The first bytes of what ``model.save("m.keras")`` writes in TensorFlow 2.12: cut off, and so damaged."""
    with pytest.raises(InputError, match=r"tf2.12.1_hdf5.keras: no HDF5 file \(.*truncated"):
        read_keras(CASES / "tf2.12.1_hdf5.keras", "own")


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda node: node.insert(0, ["conv2d", 1, 0, {}]), "reads output 0 of call 1 of 'conv2d'"),
        (lambda node: node[0].__setitem__(3, {"mask": "conv2d"}), "it is called with mask"),
        (lambda node: node.__setitem__(0, ["conv2d", 0]), "damaged description"),
    ],
)
def test_unusual_calls_of_keras_2_are_refused(change: Callable[[Any], None], fact: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(CASES / "tfkeras214_functional.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(next(row for row in config["config"]["layers"] if row["name"] == "flatten")["inbound_nodes"][0])
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "own.keras", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match=fact) as refused:
        read_keras(tmp_path / "own.keras", "own")
    if "damaged" in fact:
        assert "model.h5" in str(refused.value), "Keras 3 does not load such an archive"


@pytest.mark.parametrize(
    ("layer", "formula", "read"),
    [
        (("Rescaling", {"scale": 1 / 127.5, "offset": -1.0}, []), "(x / 255 - 0.5) / 0.5", "x, 0 to 255"),
        (("Rescaling", {"scale": 2.0, "offset": -1.0}, []), "(x / 255 - 0.5) / 0.5", "x / 255"),
        (
            ("Rescaling", {"scale": [0.1, 0.2, 0.4], "offset": [-1, -2, -3]}, []),
            "(x / 255 - (0.0392157, 0.0392157, 0.0294118)) / (0.0392157, 0.0196078, 0.00980392)",
            "x, 0 to 255",
        ),
        (
            ("Normalization", {"axis": [-1]}, [[0.5, 0.5, 0.5], [0.0625, 0.0625, 0.0625], 0]),
            "(x / 255 - 0.5) / 0.25",
            "x / 255",
        ),
        (
            ("Normalization", {"axis": None, "input_mean": 128.0, "input_variance": 4096.0}, []),
            "(x / 255 - 0.501961) / 0.25098",
            "x, 0 to 255",
        ),
    ],
)
def test_what_a_model_does_to_its_pixels_first_is_what_the_network_reads(
    layer: tuple[str, dict[str, Any], list[Any]], formula: str, read: str, keras_archive: Archive
) -> None:
    path = keras_archive([layer, conv_layer(3, 4), ("GlobalAveragePooling2D", {}, [])])
    network, _ = read_keras(path, "own")
    assert (str(network.pixels), network.layers[0].name) == (formula, "l1")
    assert network.pixels.known == f"the file's first layer, taken to read {read}"


def test_vectors_and_grey_images_are_read(keras_archive: Archive) -> None:
    network, _ = read_keras(keras_archive([("Dense", {"units": 4}, [np.ones((9, 4)), np.ones(4)])], (9,)), "own")
    assert network.input_shape == (9,)
    layers = [conv_layer(1, 4), ("Flatten", {}, [])]
    assert read_keras(keras_archive(layers, (6, 5, 1)), "own")[0].input_shape == (6, 5, 1)
