"""Whatever is damaged or forged in a file: a refusal that names the file, or a whole network. Never another error."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.core.errors import InputError
from models.folding import folded, folded_weights
from models.imported.workers.draft import WantedFiles
from models.network import Network
from tests.models.imported.conftest import conv_layer, hdf5, keras_row

pytest.importorskip("h5py")
onnx = pytest.importorskip("onnx")
from models.imported.workers.keras_layers import read_keras  # noqa: E402
from models.imported.workers.onnx_nodes import read_onnx  # noqa: E402
from tests.models.imported.test_onnx import averaged, from_tensorflow, residual  # noqa: E402

quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def whole(network: Network, tensors: Mapping[str, np.ndarray]) -> None:
    """What was read can be folded or is refused, and its weights are those that it needs."""
    assert {name: tensor.shape for name, tensor in tensors.items()} == dict(network.weight_shapes())
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
    folded_weights(network, tensors)
    folded(network)


LAYERS = [
    conv_layer(3, 4, activation="relu"),
    conv_layer(4, 4, seed=1),
    ("BatchNormalization", {"axis": -1, "epsilon": 0.01, "scale": True, "center": True}, [np.ones(4)] * 4),
    ("MaxPooling2D", {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}, []),
    ("Flatten", {}, []),
    ("Dense", {"units": 4, "use_bias": True, "activation": "softmax"}, [np.ones((36, 4)), np.zeros(4)]),
]
ROWS = [keras_row("InputLayer", {"name": "image", "batch_shape": [None, 6, 6, 3], "dtype": "float32"})]
ROWS += [keras_row(kind, {"name": f"l{index}"} | given) for index, (kind, given, _) in enumerate(LAYERS)]
CONFIG = {"class_name": "Sequential", "config": {"layers": ROWS}, "registered_name": "Sequential"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 1 << 70) | st.floats() | st.text(max_size=5) | st.just("Conv2D"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "config", "x"]), inner),
    max_leaves=4,
)


@st.composite
def damaged_configs(draw: st.DrawFn) -> Any:
    """CONFIG with one value somewhere replaced, or removed."""
    config = copy.deepcopy(CONFIG)
    node: Any = config
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and node[key] and draw(st.integers(0, 4)):
            node = node[key]
            continue
        if draw(st.booleans()):
            node[key] = draw(json_values)
        else:
            del node[key]
        return config


@quick
@given(config=damaged_configs())
def test_any_damage_to_a_description(config: Any, tmp_path: Path) -> None:
    weights = tmp_path / "weights.h5"
    if not weights.exists():
        hdf5(LAYERS, None, weights)
    with zipfile.ZipFile(tmp_path / "own.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.write(weights, "model.weights.h5")
    try:
        whole(*read_keras(tmp_path / "own.keras", "own"))
    except InputError as refusal:
        assert refusal.culprit.startswith(("own.keras", "network own"))


SOURCES = [each.SerializeToString() for each in (residual(), from_tensorflow(pads=[0, 0, 1, 1]), averaged("mean", 18))]


@pytest.mark.parametrize("name", [b"/n1/BatchNormalization", b"/c1/Conv", b"x"])
def test_a_name_that_is_no_text_is_only_a_name(name: bytes, tmp_path: Path) -> None:
    """Protobuf gives it as bytes."""
    stored = bytes([len(name)]) + name
    assert stored in SOURCES[0]
    (tmp_path / "own.onnx").write_bytes(SOURCES[0].replace(stored, stored[:1] + b"\xff" + name[1:]))
    network, tensors = read_onnx(tmp_path / "own.onnx", "own")
    whole(network, tensors)
    assert all(isinstance(part, str) for pair in network.absorbed for part in pair)


@quick
@given(
    source=st.sampled_from(SOURCES),
    places=st.lists(st.floats(0, 0.999999), min_size=1, max_size=4),
    values=st.binary(min_size=4, max_size=4),
    end=st.floats(0.2, 1) | st.just(1.0),
)
def test_any_damage_to_an_onnx_file(
    source: bytes, places: list[float], values: bytes, end: float, tmp_path: Path
) -> None:
    content = bytearray(source)
    for place, value in zip(places, values, strict=False):
        content[int(place * len(content))] = value
    (tmp_path / "own.onnx").write_bytes(content[: int(end * len(content))])
    try:
        whole(*read_onnx(tmp_path / "own.onnx", "own"))
    except InputError as refusal:
        assert refusal.culprit.startswith(("own.onnx", "network own"))
    except WantedFiles:
        pass
