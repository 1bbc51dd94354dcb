"""Graphs in the QCDQ form, as Brevitas and onnxruntime export them, become the QONNX graph that means the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.errors import InputError

onnx = pytest.importorskip("onnx")
from onnx import ModelProto, TensorProto, helper, numpy_helper  # noqa: E402

from models.imported.workers.onnx_file import Tensors  # noqa: E402
from models.imported.workers.onnx_nodes import read_graph  # noqa: E402
from models.imported.workers.qcdq import as_qonnx, is_qcdq  # noqa: E402
from models.network import Network  # noqa: E402

random = np.random.default_rng(4)
FLOATS: dict[str, Any] = {
    "scale": np.float32(1 / 255),
    "wscale": np.array([0.02, 0.03, 0.05, 0.07], np.float32),
    "rscale": np.float32(0.11),
    "bscale": np.float32(0.002),
}
CODES: dict[str, Any] = {
    "zero": np.uint8(0),
    "low": np.int8(-7),
    "high": np.int8(7),
    "rlow": np.uint8(0),
    "rhigh": np.uint8(15),
    "w": random.integers(-7, 8, (4, 3, 3, 3)).astype(np.int8),
    "b": random.integers(-99, 99, 4).astype(np.int32),
}


def graph(*changes: Callable[[ModelProto], None]) -> ModelProto:
    """A convolution of 4-bit weights and a bias of 32 bits on bytes, a ReLU of 4 bits, an average."""
    node = helper.make_node
    nodes = [
        node("QuantizeLinear", ["x", "scale", "zero"], ["xq"]),
        node("DequantizeLinear", ["xq", "scale", "zero"], ["xd"]),
        node("Clip", ["w", "low", "high"], ["wc"]),
        node("DequantizeLinear", ["wc", "wscale"], ["wd"], axis=0),
        node("DequantizeLinear", ["b", "bscale"], ["bd"]),
        node("Conv", ["xd", "wd", "bd"], ["c"], name="conv", kernel_shape=[3, 3]),
        node("Relu", ["c"], ["r"], name="relu"),
        node("QuantizeLinear", ["r", "rscale", "zero"], ["rq"]),
        node("Clip", ["rq", "rlow", "rhigh"], ["rc"], name="clip"),
        node("DequantizeLinear", ["rc", "rscale", "zero"], ["rd"], name="rd"),
        node("GlobalAveragePool", ["rd"], ["g"], name="gap"),
        node("Flatten", ["g"], ["y"], name="flat"),
    ]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in (FLOATS | CODES).items()]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 8, 8]), ("y", [1, 4]))
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "qcdq", ends[:1], ends[1:], tensors), opset_imports=[helper.make_opsetid("", 17)]
    )
    for change in changes:
        change(model)
    return model


def converted(model: ModelProto) -> ModelProto:
    return as_qonnx(model, Tensors(Path("own.onnx"), ()))


def read(model: ModelProto) -> tuple[Network, Any]:
    return read_graph(converted(model), Path("own.onnx"), "own", ())


def test_each_chain_is_one_quantiser() -> None:
    network, graph_ = read(graph())
    quantise = [layer for layer in network.layers if layer.kind == "quantise"]
    assert [(each.bits, each.signed) for each in quantise] == [(8, False), (4, False)]  # type: ignore[attr-defined]
    kernel = graph_.kernels["conv"]
    assert (kernel.bits, kernel.signed, kernel.narrow) == (4, True, True)
    assert np.array_equal(kernel.scales, FLOATS["wscale"])
    codes = np.rint(graph_.draft.tensors["conv/kernel"] / kernel.scales)
    assert np.array_equal(codes, CODES["w"].transpose(2, 3, 1, 0))
    assert np.allclose(graph_.draft.tensors["conv/bias"], CODES["b"] * FLOATS["bscale"])


def test_the_qonnx_graph_computes_what_onnxruntime_does_of_qcdq() -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("qonnx")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    image = (random.integers(0, 256, (1, 3, 8, 8)) / 255).astype(np.float32)
    expected = runtime.InferenceSession(graph().SerializeToString()).run(None, {"x": image})[0]
    wrapped = ModelWrapper(converted(graph())).transform(InferShapes())
    assert np.ptp(expected) > 0.1
    assert np.allclose(execute_onnx(wrapped, {"x": image})["y"], expected, atol=1e-6)


def test_a_graph_without_it_is_left_alone() -> None:
    model = converted(graph())
    assert not is_qcdq(model) and is_qcdq(graph())
    assert {node.op_type for node in model.graph.node} == {"Quant", "Conv", "Relu", "GlobalAveragePool", "Flatten"}
    assert not {"wc", "xq", "rc"} & {name for node in model.graph.node for name in node.input}


def test_a_single_number_has_no_axis() -> None:
    """FINN takes a bit width by float(), which an array of one axis is not."""
    model = converted(graph())
    shapes = {each.name: list(each.dims) for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Quant":
            assert shapes[node.input[3]] == shapes[node.input[2]] == []
            assert shapes[node.input[1]] == ([4, 1, 1, 1] if node.output[0] == "wd" else [])


def value(name: str, array: Any) -> Callable[[ModelProto], None]:
    def change(model: ModelProto) -> None:
        (result,) = [each for each in model.graph.initializer if each.name == name]
        result.CopyFrom(numpy_helper.from_array(np.asarray(array), name))

    return change


def source(node: str, index: int, name: str) -> Callable[[ModelProto], None]:
    def change(model: ModelProto) -> None:
        (result,) = [each for each in model.graph.node if node in (each.name, *each.output)]
        result.input[index] = name

    return change


DAMAGE: dict[str, tuple[Callable[[ModelProto], None], str]] = {
    "another scale back": (source("rd", 1, "scale"), "its scale or zero point is another than that of its Quantize"),
    "a computed scale": (source("rd", 1, "xd"), "its scale is computed while the network runs"),
    "codes of no quantiser": (source("rd", 0, "xd"), "it reads 'xd', which no QuantizeLinear makes"),
    "no input": (source("rd", 0, ""), "it reads '', which no QuantizeLinear makes"),
    "a range of no bits": (value("rhigh", np.uint8(13)), "its codes are 0 to 13"),
    "a zero point": (value("zero", np.uint8(3)), "its zero point is 3"),
    "a scale of zero": (value("rscale", np.float32(0)), "its scale is 0"),
    "a scale that is no number": (value("wscale", np.array([0.1, np.nan, 0.1, 0.1], np.float32)), "its scale is nan"),
    "codes of 16 bits": (value("w", np.zeros((4, 3, 3, 3), np.int16)), "INT16"),
    "too many scales": (value("wscale", np.ones(3, np.float32)), "damaged"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_has_no_quantiser_like_it_is_one_sentence(name: str) -> None:
    change, text = DAMAGE[name]
    with pytest.raises(InputError) as error:
        read(graph(change))
    assert text in str(error.value) and "\n" not in str(error.value)


@given(st.integers(1, 8), st.booleans(), st.data())
def test_a_clip_says_bits_and_sign(bits: int, signed: bool, data: st.DataObject) -> None:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if low == high or (signed and bits == 1):
        return
    kind = np.int8 if signed else np.uint8
    changes = [value("rlow", kind(low)), value("rhigh", kind(high)), value("zero", kind(0))]
    network, _ = read(graph(*changes))
    last = [layer for layer in network.layers if layer.kind == "quantise"][-1]
    assert (last.bits, last.signed, last.narrow) == (bits, signed, False)  # type: ignore[attr-defined]
