"""QKeras: its fixed-point quantisers are types, what the file does not say is refused, and nothing is executed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import imports
from flows.core.errors import InputError
from models.imported.quantiser import Quantise
from models.imported.workers.draft import Place
from models.imported.workers.qkeras import FixedPoint, quantiser

h5py = pytest.importorskip("h5py")
from models.imported.workers.keras_layers import read_keras  # noqa: E402

CASES = Path(__file__).with_name("cases")
PLACE = Place("own.h5", 1, "q", "QDense")


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_the_network_with_its_quantisers_gives_the_outputs_of_qkeras(ending: str) -> None:
    """Written by QKeras 0.9.0 with seeded weights, its outputs beside it."""
    torch = pytest.importorskip("torch")
    from models.training.torch_network import TorchNetwork

    class Quantised(TorchNetwork):
        def _run(self, layer: Any, x: Any, *others: Any) -> Any:
            if not isinstance(layer, Quantise):
                return super()._run(layer, x, *others)
            low, high = layer.codes
            return (x / layer.scale).round().clamp(low, high) * layer.scale

    network, tensors = read_keras(CASES / f"qkeras_conv{ending}", "own")
    assert [layer.kind for layer in network.layers].count("quantise") == 2
    images = torch.from_numpy(np.random.default_rng(0).random((4, 8, 8, 3), np.float32)).permute(0, 3, 1, 2)
    with torch.no_grad():
        result = Quantised(network).load(tensors).eval()(images).softmax(1).numpy()
    assert result == pytest.approx(np.load(CASES / "qkeras_conv.npy"), abs=1e-5)
    assert {float(each) % 0.125 for each in tensors["qc/kernel"].ravel()} == {0.0}


def test_what_flows_take_of_it(tmp_path: Path) -> None:
    """The float twin on quantised weights, with the ranges of its quantisers, and no images."""
    from flows.executor import Executor
    from flows.store import Store

    executor = Executor(Store(tmp_path / "store"), 1, lambda step, state, seconds: None)
    trained = imports.import_trained(CASES / "qkeras_conv.h5", None, None, executor)
    assert [layer.kind for layer in trained.network.layers] == [
        "conv2d", "relu", "maxpool2d", "flatten", "dense", "softmax"
    ]  # fmt: skip
    assert trained.ranges.reach["qa"] == (0, 1.875) and trained.ranges.n == 0
    assert "FINN starts from a QONNX file" in str(trained.integer)
    with pytest.raises(InputError, match="a quantised network, and training starts from one that is not"):
        imports.read_definition(CASES / "qkeras_conv.h5", executor)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("quantized_bits(4,0,alpha=1)", FixedPoint(4, 0, True)),
        ("quantized_bits( 6 , 1, 1, alpha=1.0)", FixedPoint(6, 1, True, narrow=True)),
        ("quantized_bits(8,2,keep_negative=False,alpha=1)", FixedPoint(8, 2, False)),
        ("quantized_relu(4,1)", FixedPoint(4, 1, False)),
        ("quantized_relu(6)", FixedPoint(6, 0, False)),
        ({"class_name": "quantized_bits", "config": {"bits": 8, "integer": 2, "alpha": None}}, FixedPoint(8, 2, True)),
        ("linear", None),
        ("relu", None),
        (None, None),
        ({"class_name": "ReLU", "config": {}}, None),
    ],
)
def test_what_a_setting_says(value: Any, meant: FixedPoint | None) -> None:
    assert quantiser(PLACE, value) == meant


@pytest.mark.parametrize(
    ("value", "fact"),
    [
        ("quantized_bits(4,0,alpha='auto_po2')", "alpha of its quantized_bits is 'auto_po2': a scale that QKeras"),
        ("quantized_bits(4,0)", "'auto_po2'"),
        ("quantized_bits(1,0,alpha=1)", "1 bits, 0 before"),
        ("quantized_bits(4.5,0,alpha=1)", "4.5 bits"),
        ("quantized_bits(99,0,alpha=1)", "99 bits"),
        ("quantized_bits(4,0,alpha=nan)", "alpha of its"),
        ("quantized_relu(4,1,1)", "use_sigmoid of its quantized_relu is 1"),
        ("quantized_relu(4,1,negative_slope=0.25)", "negative_slope"),
        ("binary(alpha=1)", "its quantiser is binary"),
        ("quantized_tanh(4)", "its quantiser is quantized_tanh"),
        ("stochastic_ternary", "its quantiser is stochastic_ternary"),
        ({"class_name": "quantized_po2", "config": {"bits": 4}}, "quantized_po2"),
    ],
)
def test_what_is_no_fixed_point_type_is_refused(value: Any, fact: str) -> None:
    with pytest.raises(InputError, match=fact) as refused:
        quantiser(PLACE, value, of_kernel=not isinstance(value, str) or "relu" not in value)
    assert "QONNX" in str(refused.value) and str(refused.value).count("\n") == 0


@given(st.text(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=8), st.lists, max_leaves=4))
@settings(max_examples=300, deadline=None)
def test_no_text_is_executed_or_crashes(value: Any) -> None:
    for given_value in (value, f"quantized_bits({value})", {"class_name": "quantized_bits", "config": {"bits": value}}):
        try:
            quantiser(PLACE, given_value)
        except InputError as error:
            assert str(error)


@given(st.integers(1, 12), st.integers(-3, 4), st.booleans(), st.booleans(), st.floats(-20, 20, width=32))
def test_rounding_is_to_the_nearest_code_and_saturates(
    bits: int, integer: int, signed: bool, narrow: bool, number: float
) -> None:
    fixed = FixedPoint(bits + signed, integer, signed, narrow and signed)
    value = float(fixed.rounded(np.array([number], np.float32))[0])
    high = 2.0**integer - fixed.scale
    low = (-(2.0**integer) + fixed.scale * fixed.narrow) if signed else 0.0
    assert low <= value <= high and (value / fixed.scale).is_integer()
    assert abs(value - min(max(number, low), high)) <= fixed.scale / 2


def edited(change: Callable[[dict[str, Any]], None], folder: Path) -> Path:
    path = folder / "own.h5"
    shutil.copy(CASES / "qkeras_conv.h5", path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(next(row for row in config["config"]["layers"] if row["class_name"] == "QConv2D"))
        file.attrs["model_config"] = json.dumps(config)
    return path


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"class_name": "QConv2DBatchnorm"}, r"\(QConv2DBatchnorm\).*a layer of QKeras.*export it as QONNX"),
        ({"module": "hgq.layers", "registered_name": "hgq>QConv2D"}, r"a custom object \(hgq>QConv2D\).*HGQ2's widths"),
        ({"module": "qkeras.x", "class_name": "QOther"}, r"a custom object.*Supported of QKeras are QConv2D"),
        ({"module": "mine", "registered_name": "QConv2D"}, r"a custom object \(QConv2D\), whose code is not executed"),
    ],
)
def test_layers_that_are_not_read_are_named(change: dict[str, Any], fact: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=fact):
        read_keras(edited(lambda row: row.update(change), tmp_path), "own")
