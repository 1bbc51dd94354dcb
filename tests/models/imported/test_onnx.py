"""ONNX files: what is read computes what ONNX's reference evaluator computes; what is not supported is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.core.errors import InputError
from models.folding import folded, folded_weights
from models.layers import Conv2D, GlobalAveragePool, MaxPool2D
from models.network import Network
from models.zoo import ARCH8

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from models.imported.workers import onnx_file  # noqa: E402
from models.imported.workers.draft import WantedFiles  # noqa: E402
from models.imported.workers.onnx_nodes import read_onnx  # noqa: E402

random = np.random.default_rng(5)
Compute = Callable[..., np.ndarray]


def weight(*shape: int) -> np.ndarray:
    return random.normal(0, 0.4, shape).astype(np.float32)


def model(
    nodes: list[Any],
    constants: dict[str, np.ndarray],
    input_shape: tuple[Any, ...] = (1, 3, 8, 6),
    opset: int = 17,
    **settings: Any,
) -> Any:
    """`nodes` from "x" to "y"."""
    graph = helper.make_graph(
        nodes,
        "own",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **settings)


def node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), [output], name=f"/{output}/{kind}", **attributes)


def residual() -> Any:
    nodes = [
        node("Conv", "x w1 b1", "c1", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c1 g bt m v", "n1", epsilon=1e-2),
        node("Relu", "n1", "r1"),
        node("Conv", "r1 w2", "c2", pads=[1, 1, 1, 1], auto_pad="NOTSET"),
        node("Conv", "x w3 b3", "c3"),
        node("Add", "c2 c3", "a"),
        node("MaxPool", "a", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "p", "f"),
        node("Gemm", "f w4 b4", "g1", transB=1, alpha=0.5, beta=2.0),
        node("Relu", "g1", "r2"),
        node("Dropout", "r2", "d"),
        node("MatMul", "d w5", "mm"),
        node("Add", "b5 mm", "logits"),
        node("Softmax", "logits", "y"),
    ]
    constants = {
        "w1": weight(5, 3, 3, 3), "b1": weight(5), "g": weight(5), "bt": weight(5), "m": weight(5),
        "v": np.abs(weight(5)), "w2": weight(5, 5, 3, 3), "w3": weight(5, 3, 1, 1), "b3": weight(5),
        "w4": weight(7, 60), "b4": weight(1, 7), "w5": weight(7, 4), "b5": weight(4),
    }  # fmt: skip
    return model(nodes, constants)


def from_tensorflow(**padding: Any) -> Any:
    """As tf2onnx writes it: channels last outside, a bias of its own, a mean that keeps its axes."""
    nodes = [
        node("Transpose", "x", "t", perm=[0, 3, 1, 2]),
        node("Conv", "t w1", "c1", strides=[2, 2], **padding),
        node("Add", "c1 b1", "cb"),
        node("Relu", "cb", "r1"),
        node("Transpose", "r1", "last", perm=[0, 2, 3, 1]),
        node("Relu", "last", "r2"),
        node("ReduceMean", "r2", "kept", axes=[1, -2]),
        node("Squeeze", "kept axes", "mean"),
        node("MatMul", "mean w2", "mm"),
        node("Add", "mm b2", "y"),
    ]
    constants = {"w1": weight(6, 3, 3, 3), "b1": weight(1, 6, 1, 1), "w2": weight(6, 4), "b2": weight(4)}
    constants["axes"] = np.array([1, 2])
    return model(nodes, constants, ("N", 8, 6, 3))


def flattened_channels_last() -> Any:
    nodes = [
        node("Transpose", "x", "t", perm=[0, 3, 1, 2]),
        node("Conv", "t w1 b1", "c1"),
        node("Transpose", "c1", "last", perm=[0, 2, 3, 1]),
        node("Reshape", "last shape", "f"),
        node("Gemm", "f w2", "y"),
    ]
    constants = {"w1": weight(5, 3, 3, 3), "b1": weight(5), "shape": np.array([1, 120]), "w2": weight(120, 3)}
    return model(nodes, constants, (1, 8, 6, 3))


def flattened_and_normalised() -> Any:
    """A BatchNorm on a flattened image, whose statistics stand in ONNX's order, and a sum of flattened images."""
    nodes = [
        node("Constant", "", "shape", value=numpy_helper.from_array(np.array([0, -1]))),
        node("Conv", "x w1 b1", "c1", pads=[0, 0, 0, 0]),
        node("Identity", "c1", "i"),
        node("Reshape", "i shape", "f"),
        node("Relu", "f", "r1"),
        node("Flatten", "c1", "f2"),
        node("Add", "r1 f2", "a"),
        node("Gemm", "a w2 b2", "g1", transB=1),
        node("BatchNormalization", "g1 g bt m v", "n1"),
        node("Relu", "n1", "y"),
    ]
    constants = {
        "w1": weight(4, 3, 3, 3), "b1": weight(4), "w2": weight(5, 96), "b2": weight(5),
        "g": weight(5), "bt": weight(5), "m": weight(5), "v": np.abs(weight(5)),
    }  # fmt: skip
    return model(nodes, constants)


def averaged(kind: str, opset: int) -> Any:
    """A global average in three ways, each followed by another way out of rank 4."""
    constants = {"w1": weight(4, 3, 2, 2), "w2": weight(4, 3), "axes": np.array([-1, -2])}
    match kind:
        case "pool":
            middle = [node("GlobalAveragePool", "c1", "gap"), node("Flatten", "gap", "f")]
        case "mean":
            middle = [node("ReduceMean", "c1 axes", "gap", keepdims=1), node("Squeeze", "gap axes", "f")]
        case "attribute":
            middle = [node("ReduceMean", "c1", "f", axes=[2, 3], keepdims=0)]
    scaled = node("Div", "x full", "s") if kind == "pool" else node("Identity", "x", "s")
    constants["full"] = np.array(255.0, np.float32)
    nodes = [scaled, node("Conv", "s w1", "c1", strides=[2, 1]), *middle, node("MatMul", "f w2", "m")]
    return model([*nodes, node("Softmax", "m", "y", axis=1)], constants, opset=opset)


def normalised_in_pieces() -> Any:
    """As Keras exports it on torch, and tf2onnx on TensorFlow: casts, a bias behind a transposition, batch
    normalisations before and behind a ReLU as sums and products, padding of its own."""
    nodes = [
        node("Cast", "x", "x1", to=TensorProto.FLOAT),
        node("Transpose", "x1", "t", perm=[0, 3, 1, 2]),
        node("Pad", "t p", "tp"),
        node("Cast", "tp", "tp2", to=TensorProto.FLOAT),
        node("Conv", "tp2 w1", "c1", strides=[2, 2]),
        node("Transpose", "c1", "last", perm=[0, 2, 3, 1]),
        node("Cast", "last", "last2", to=TensorProto.FLOAT),
        node("Add", "last2 b1", "cb"),
        node("Sub", "cb m1", "s1"),
        node("Mul", "g1 s1", "s2"),
        node("Add", "s2 h1", "s3"),
        node("Max", "zero s3", "r1"),
        node("Div", "r1 d1", "u1"),
        node("Add", "u1 h1", "u2"),
        node("Sum", "u2 r1", "u3"),
        node("Transpose", "u3", "first", perm=[0, 3, 1, 2]),
        node("Pad", "first edge", "fe", mode="edge"),
        node("MaxPool", "fe", "mp", kernel_shape=[3, 3], strides=[2, 2]),
        node("AveragePool", "mp", "gap", kernel_shape=[2, 2]),
        node("Transpose", "gap", "gap2", perm=[0, 2, 3, 1]),
        node("Reshape", "gap2 shape", "f"),
        node("Transpose", "w2", "w2t"),
        node("MatMul", "f w2t", "mm"),
        node("Mul", "mm scale", "y"),
    ]
    constants = {
        "p": np.array([0, 0, 0, 0, 0, 0, 1, 1]), "w1": weight(6, 3, 3, 3), "b1": weight(1, 1, 1, 6),
        "m1": weight(1, 1, 1, 6), "g1": weight(6), "h1": weight(1, 1, 1, 6), "d1": 0.5 + np.abs(weight(6)),
        "zero": np.zeros((), np.float32), "shape": np.array([-1, 6]), "w2": weight(4, 6),
        "scale": np.array(0.5, np.float32), "edge": np.array([0, 0, 0, 1, 0, 0, 1, 1]),
    }  # fmt: skip
    return model(nodes, constants, ("N", 8, 6, 3))


def averages_in_a_row() -> Any:
    """AdaptiveAvgPool2d as torch exports it for a batch of any size; then a 1x1 convolution, and its one pixel."""
    nodes = [
        node("Constant", "", "zero", value_int=0),
        node("Constant", "", "axes", value_ints=[1, 2, 3]),
        node("Shape", "x", "n1", start=0, end=1),
        node("Squeeze", "n1", "n"),
        node("Conv", "x w1", "c1"),
        node("Clip", "c1 low", "r1"),
        node("ReduceMean", "r1", "gap", axes=[-1, -2], keepdims=1),
        node("Reshape", "gap all", "row"),
        node("Range", "zero n one", "i"),
        node("Mul", "i five", "i5"),
        node("Unsqueeze", "i5 axes", "i4"),
        node("Add", "i4 places", "at"),
        node("Gather", "row at", "again"),
        node("Conv", "again w2 b2", "c2"),
        node("Gather", "c2 zero", "picked", axis=3),
        node("Squeeze", "picked two", "y"),
    ]
    constants = {
        "w1": weight(5, 3, 3, 3), "low": np.zeros((), np.float32), "all": np.array([-1]), "one": np.array(1),
        "five": np.array(5), "places": np.arange(5).reshape(1, 5, 1, 1), "w2": weight(4, 5, 1, 1), "b2": weight(4),
        "two": np.array([2]),
    }  # fmt: skip
    return model(nodes, constants, ("N", 3, 8, 6))


def from_torch() -> Any:
    """Strided windows padded all around, as torch's networks have them, and a padding of one's own."""
    nodes = [
        node("Conv", "x w1", "c1", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("MaxPool", "c1", "p1", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Conv", "p1 w2 b2", "c2", pads=[0, 2, 1, 0]),
        node("GlobalAveragePool", "c2", "gap"),
        node("Flatten", "gap", "y"),
    ]
    constants = {"w1": weight(4, 3, 3, 3), "w2": weight(5, 4, 2, 3), "b2": weight(5)}
    return model(nodes, constants)


SOURCES: dict[str, Callable[[], Any]] = {
    "residual": residual,
    "from torch": from_torch,
    "from tensorflow": lambda: from_tensorflow(pads=[0, 0, 1, 1]),
    "from tensorflow, automatic": lambda: from_tensorflow(auto_pad="SAME_UPPER"),
    "flattened channels last": flattened_channels_last,
    "flattened and normalised": flattened_and_normalised,
    "global average": lambda: averaged("pool", 13),
    "mean of axes given": lambda: averaged("mean", 18),
    "normalised in pieces": normalised_in_pieces,
    "averages in a row": averages_in_a_row,
    "mean of an old opset": lambda: averaged("attribute", 11),
}


def by_reference(source: Any) -> Callable[[np.ndarray], np.ndarray]:
    evaluator: Any = ReferenceEvaluator(source)  # onnx types what `run` returns as a dict, and it is a list
    return lambda image: evaluator.run(None, {"x": image})[0]


def by_runtime(source: Any) -> Callable[[np.ndarray], np.ndarray]:
    session = pytest.importorskip("onnxruntime").InferenceSession(source.SerializeToString())
    return lambda image: session.run(None, {"x": image})[0]


# ONNX's reference evaluator (1.21) pads a strided convolution wrongly under auto_pad; onnxruntime does not.
BOTH = [
    pytest.param(name, evaluator, id=f"{name}, {evaluator.__name__}")
    for name in SOURCES
    for evaluator in (by_reference, by_runtime)
    if (name, evaluator) != ("from tensorflow, automatic", by_reference)
]


WINDOWS = st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "NOTSET"])


@given(
    kind=st.sampled_from(["Conv", "MaxPool"]),
    automatic=WINDOWS,
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    before=st.sampled_from([None, None, (1, 0, 0, 1), (0, 1, 1, 1)]),
    ceiling=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_windows_are_padded_as_onnxruntime_pads_them(
    kind: str,
    automatic: str,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    size: tuple[int, int],
    pads: tuple[int, ...],
    before: tuple[int, ...] | None,
    ceiling: bool,
    tmp_path_factory: pytest.TempPathFactory,
    compute: Compute,
) -> None:
    """Or refused: of odd sizes, even kernels and strides, where the odd row stands first or last; a Pad before them."""
    chosen: dict[str, Any] = {"kernel_shape": kernel, "strides": strides, "auto_pad": automatic}
    chosen |= {"pads": pads} if automatic == "NOTSET" else {}
    chosen |= {"ceil_mode": int(ceiling)} if kind == "MaxPool" else {}
    nodes, source = [], "x"
    if before and kind == "Conv":
        nodes, source = [node("Pad", "x around", "padded")], "padded"
    nodes.append(node(kind, f"{source} w" if kind == "Conv" else source, "c", **chosen))
    seeded = np.random.default_rng(1)
    constants = {"w": seeded.normal(0, 1, (4, 3, *kernel)).astype(np.float32)}
    constants["around"] = np.array([0, 0, *(before or (0, 0, 0, 0))[:2], 0, 0, *(before or (0, 0, 0, 0))[2:]])
    image = seeded.normal(0, 1, (1, *size, 3)).astype(np.float32)
    path = tmp_path_factory.mktemp("windows") / "own.onnx"
    try:
        alone = model(nodes, constants, (1, 3, *size))
        alone.graph.output[0].name = "c"
        windows = by_runtime(alone)(image.transpose(0, 3, 1, 2))
    except Exception:  # onnxruntime's own classes: a window larger than its image, say
        return
    constants["m"] = seeded.normal(0, 1, (windows.size, 3)).astype(np.float32)
    file = model([*nodes, node("Flatten", "c", "f"), node("Gemm", "f m", "y")], constants, (1, 3, *size))
    onnx.save(file, path)
    try:
        network, tensors = read_onnx(path, "own")
    except InputError as refusal:
        assert re.search(r"padding .* must be less|does not fit|stick out", str(refusal))
        return
    expected = by_runtime(file)(image.transpose(0, 3, 1, 2))
    assert np.allclose(compute(network, tensors, image), expected, atol=1e-4)


@pytest.mark.parametrize("automatic", ["SAME_UPPER", "SAME_LOWER"])
def test_an_average_that_is_padded_is_no_average_of_the_whole(automatic: str, tmp_path: Path) -> None:
    pool = node("AveragePool", "x", "p", kernel_shape=[8, 6], auto_pad=automatic)
    onnx.save(model([pool, node("Flatten", "p", "y")], {}), tmp_path / "own.onnx")
    with pytest.raises(InputError, match="count_include_pad is 0, with padding"):
        read_onnx(tmp_path / "own.onnx", "own")


@pytest.mark.parametrize(("name", "evaluator"), BOTH)
def test_outputs_equal_those_of_onnx(
    name: str, evaluator: Callable[..., Any], tmp_path: Path, compute: Compute
) -> None:
    source = SOURCES[name]()
    onnx.save(source, tmp_path / "own.onnx")
    network, tensors = read_onnx(tmp_path / "own.onnx", "own")
    images = np.random.default_rng(1).random((6, *network.input_shape), np.float32)
    last = source.graph.input[0].type.tensor_type.shape.dim[3].dim_value == 3
    theirs = images if last else images.transpose(0, 3, 1, 2)
    theirs = theirs * np.float32(255) if name == "global average" else theirs
    run = evaluator(source)
    expected = np.concatenate([run(their[None]) for their in theirs])
    assert np.ptp(expected, axis=0).max() > 1e-3, "the images must be told apart"
    assert compute(network, tensors, images) == pytest.approx(expected, rel=2e-6, abs=1e-5)
    single = {name: tensor.astype(np.float32) for name, tensor in folded_weights(network, tensors).items()}
    assert compute(folded(network), single, images) == pytest.approx(expected, rel=2e-6, abs=1e-5)


def test_names_stay_as_far_as_they_are_words(tmp_path: Path) -> None:
    onnx.save(residual(), tmp_path / "own.onnx")
    network, _ = read_onnx(tmp_path / "own.onnx", "own")
    assert [layer.name for layer in network.layers][:3] == ["c1_Conv", "n1_BatchNormalization", "r1_Relu"]


def test_a_published_network_is_known_again(tmp_path: Path) -> None:
    """Our ARCH_8, written as torch would, has the architecture digest of the zoo's."""
    nodes, constants, value = [], {}, {"input": "x"}
    for layer in ARCH8.layers:
        shapes = layer.weight_shapes(*ARCH8.input_shapes(layer))
        value[layer.name] = layer.name if layer.name != ARCH8.output else "y"
        inputs = " ".join([*(value[each] for each in layer.inputs), *(f"{layer.name}.{role}" for role in shapes)])
        for role, shape in shapes.items():
            order = (3, 2, 0, 1) if len(shape) == 4 else range(len(shape))
            constants[f"{layer.name}.{role}"] = weight(*shape).transpose(order)
        match layer:
            case Conv2D():
                pad = layer.kernel[0] // 2
                nodes.append(node("Conv", inputs, value[layer.name], pads=[pad] * 4))
            case MaxPool2D():
                nodes.append(node("MaxPool", inputs, value[layer.name], kernel_shape=[2, 2], strides=[2, 2]))
            case GlobalAveragePool():
                nodes += [node("GlobalAveragePool", inputs, "rank4"), node("Flatten", "rank4", value[layer.name])]
            case _:
                name = {"relu": "Relu", "add": "Add", "dense": "Gemm", "softmax": "Softmax"}[layer.kind]
                nodes.append(node(name, inputs, value[layer.name]))
    onnx.save(model(nodes, constants, ("batch", 3, 32, 32)), tmp_path / "own.onnx")
    network, _ = read_onnx(tmp_path / "own.onnx", "own")
    assert network.digest == ARCH8.digest


def conv_then(*nodes: Any, **constants: np.ndarray) -> Any:
    return model([node("Conv", "x w", "c"), *nodes], {"w": weight(4, 3, 3, 3), **constants})


def single(number: float) -> np.ndarray:
    return np.array(number, np.float32)


def padded_by(mode: str, pads: list[int]) -> Any:
    nodes = [node("Pad", "x p", "c", mode=mode), node("Conv", "c w", "y")]
    return model(nodes, {"p": np.array(pads), "w": weight(4, 3, 3, 3)})


def with_loop() -> Any:
    body = helper.make_graph([], "body", [], [])
    return model([helper.make_node("Loop", ["", "", "x"], ["y"], name="again", body=body)], {})


def with_function() -> Any:
    function = helper.make_function("own", "Double", ["a"], ["b"], [node("Add", "a a", "b")], [])
    return model([node("Relu", "x", "y")], {}, functions=[function])


def infinite() -> np.ndarray:
    kernel = weight(4, 3, 3, 3)
    kernel[1, 2, 0, 0] = np.inf
    return kernel


def two_outputs() -> Any:
    source = model([node("Relu", "x", "y")], {})
    source.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, None))
    return source


BAD: dict[str, tuple[Callable[[], Any], str, str]] = {
    "loop": (with_loop, "layer 1, 'again' (Loop)", "control flow"),
    "function": (with_function, "bad.onnx", "functions of its own (Double)"),
    "custom domain": (
        lambda: model([node("Spell", "x", "y", domain="com.evil")], {}), "layer 1, '/y/Spell' (Spell)", "com.evil"
    ),
    "unsupported": (lambda: conv_then(node("Sigmoid", "c", "y")), "layer 2, '/y/Sigmoid' (Sigmoid)", "not supported"),
    "groups that do not divide": (
        lambda: model([node("Conv", "x w", "y", group=2)], {"w": weight(4, 1, 3, 3)}), "layer 1", "2 groups divide 3"
    ),
    "no groups": (
        lambda: model([node("Conv", "x w", "y", group=0)], {"w": weight(4, 1, 3, 3)}), "layer 1", "groups is 0"
    ),
    "unknown": (lambda: conv_then(node("Det", "c", "y")), "layer 2, '/y/Det' (Det)", "not supported"),
    "a slope that was trained": (lambda: conv_then(node("PRelu", "c", "y")), "(PRelu)", "a slope below zero"),
    "a slope that rises": (lambda: conv_then(node("LeakyRelu", "c", "y", alpha=2.0)), "(LeakyRelu)", "a slope of 2"),
    "rows side by side": (lambda: conv_then(node("Concat", "c c", "y", axis=2)), "(Concat)", "along axis 2"),
    "an average of fewer at the edges": (
        lambda: conv_then(node("AveragePool", "c", "y", kernel_shape=[2, 2], pads=[1, 1, 0, 0])),
        "layer 2", "whose divisor is smaller at the edges",
    ),
    "dilation": (
        lambda: model([node("Conv", "x w", "y", dilations=[2, 2])], {"w": weight(4, 3, 3, 3)}), "layer 1", "dilations"
    ),
    "windows of padding alone": (
        lambda: model([node("Conv", "x w", "y", strides=[2, 2], pads=[3, 1, 1, 1])], {"w": weight(4, 3, 3, 3)}),
        "layer 1", "padding (3, 1, 1, 1)",
    ),
    "infinity": (lambda: model([node("Conv", "x w", "y")], {"w": infinite()}), "layer 1", "NaN or infinity"),
    "a kernel of other channels": (
        lambda: model([node("Conv", "x w", "y")], {"w": weight(4, 5, 3, 3)}), "layer 1", "is needed"
    ),
    "grey images": (lambda: model([node("Relu", "x", "y")], {}, (1, 1, 8, 8)), "bad.onnx", "output is 8x8x1"),
    "grey images, channels last": (
        lambda: model([node("Relu", "x", "y")], {}, (1, 8, 8, 1)), "bad.onnx", "output is 8x8x1"
    ),
    "nine channels, transposed": (
        lambda: model([node("Transpose", "x", "t", perm=[0, 3, 1, 2]), node("Relu", "t", "y")], {}, (1, 4, 5, 9)),
        "bad.onnx", "output is 4x5x9",
    ),
    "sound": (lambda: model([node("Relu", "x", "y")], {}, (1, 2, 8000)), "bad.onnx", "2x8000, neither an image"),
    "images of no fixed size": (
        lambda: model([node("Relu", "x", "y")], {}, (1, 3, "h", "w")), "bad.onnx", "?x?x3, neither an image"
    ),
    "a vector without a batch": (lambda: model([node("Relu", "x", "y")], {}, (5,)), "bad.onnx", "5, neither"),
    "old operators": (lambda: model([node("Relu", "x", "y")], {}, opset=7), "bad.onnx", "version 7"),
    "two outputs": (two_outputs, "bad.onnx", "2 outputs"),
    "doubles": (
        lambda: model([node("Conv", "x w", "y")], {"w": weight(4, 3, 3, 3).astype(float) / 3}), "tensor 'w'", "doubles"
    ),
    "weights that are computed": (lambda: conv_then(node("Conv", "x c", "y")), "layer 2", "not a constant"),
    "an output in another order": (lambda: conv_then(node("Flatten", "c", "y")), "bad.onnx", "plain result"),
    "an image as output": (lambda: conv_then(node("Relu", "c", "y")), "bad.onnx", "output is 6x4x4, not one number"),
    "a softmax inside": (
        lambda: conv_then(
            node("ReduceMean", "c", "m", axes=[2, 3], keepdims=0), node("Softmax", "m", "s"), node("Relu", "s", "y")
        ),
        "bad.onnx, s_Softmax", "not the last layer",
    ),
    "an upper end alone": (
        lambda: conv_then(node("Clip", "c", "y", max=6.0)), "layer 2", "it clips to -inf .. 6"
    ),
    "another maximum": (lambda: conv_then(node("Max", "c k", "y"), k=single(1)), "layer 2", "a maximum of"),
    "an image shifted for one of two": (
        lambda: model([node("Sub", "x k", "c"), node("Add", "x c", "y")], {"k": weight(3, 1, 1)}),
        "layer 1", "for some of its readers",
    ),
    "an image that is lost": (
        lambda: model([node("Mul", "x k", "c"), node("Relu", "c", "y")], {"k": single(0)}), "layer 1", "by 0, by NaN"
    ),
    "an infinite scale": (
        lambda: conv_then(node("Mul", "c k", "y"), k=np.array(np.inf, np.float32)), "layer 2", "NaN or infinity"
    ),
    "a division by zero": (lambda: conv_then(node("Div", "c k", "y"), k=single(0)), "layer 2", "divides by zero"),
    "a scale by pixel": (lambda: conv_then(node("Mul", "c k", "y"), k=weight(6, 4)), "layer 2", "is needed"),
    "a product of tensors": (lambda: conv_then(node("Mul", "c c", "y")), "layer 2", "multiplies two tensors"),
    "reflected edges": (lambda: padded_by("reflect", [0, 0, 1, 1, 0, 0, 1, 1]), "layer 1", "mode is reflect"),
    "padded channels": (lambda: padded_by("constant", [0, 1, 0, 0, 0, 0, 0, 0]), "layer 1", "it pads by"),
    "padding that stays": (
        lambda: model([node("Pad", "x p", "c"), node("Relu", "c", "y")], {"p": np.array([0, 0, 1, 1] * 2)}),
        "layer 2", "reads a padded image",
    ),
    "elements picked": (lambda: conv_then(node("Gather", "c k", "y", axis=1), k=np.array([1])), "layer 2", "picks"),
    "numbers cast": (lambda: conv_then(node("Cast", "c", "y", to=TensorProto.FLOAT16)), "layer 2", "to FLOAT16"),
    "a sum of three": (lambda: conv_then(node("Sum", "c c c", "y")), "layer 2", "adds 3"),
    "a shape that would fill the memory": (
        lambda: conv_then(node("ConstantOfShape", "s", "y"), s=np.array([1 << 40])), "layer 2", "more than 65,536"
    ),
    "a range that would": (
        lambda: conv_then(node("Range", "a b d", "y"), a=np.array(0), b=np.array(1 << 60), d=np.array(1)),
        "layer 2", "more than 65,536",
    ),
    "a sum of constants that would": (
        lambda: conv_then(node("Add", "a b", "y"), a=weight(1, 60_000), b=weight(60_000, 1)), "layer 2", "more than"
    ),
    "a mean over channels": (lambda: conv_then(node("ReduceMean", "c", "y", axes=[1])), "layer 2", "axes [1]"),
    "a node without results": (
        lambda: model([onnx.NodeProto(op_type="Relu", input=["x"])], {}), "layer 1, '' (Relu)", "damaged"
    ),
    "a damaged node": (lambda: conv_then(node("MaxPool", "c", "y")), "layer 2", "damaged"),
    "a tensor from nowhere": (lambda: conv_then(node("Relu", "ghost", "y")), "layer 2", "'ghost'"),
    "what nothing reads": (
        lambda: conv_then(node("ReduceMean", "x", "y", axes=[2, 3], keepdims=0)), "network bad", "nothing reads"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_supported_is_named(name: str, tmp_path: Path) -> None:
    source, culprit, fact = BAD[name]
    onnx.save(source(), tmp_path / "bad.onnx")
    with pytest.raises(InputError) as refusal:
        read_onnx(tmp_path / "bad.onnx", "bad")
    assert culprit in refusal.value.culprit and fact in refusal.value.fact


@pytest.mark.parametrize("content", [b"", b"no protobuf at all", b"\x08\x08\x3a\xff\xff"])
def test_what_is_no_onnx_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.onnx"):
        read_onnx(tmp_path / "bad.onnx", "bad")


def with_external(place: str, path: Path, **more: str) -> np.ndarray:
    """A convolution whose kernel stands in the file `place`."""
    kernel = weight(4, 3, 3, 3)
    nodes = [node("Conv", "x w", "c"), node("ReduceMean", "c", "y", axes=[2, 3], keepdims=0)]
    source = model(nodes, {"w": kernel})
    tensor = source.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": place, **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    path.write_bytes(source.SerializeToString())
    return kernel


def test_weights_that_would_fill_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred tensors on the same bytes of another file, or one of terabytes."""
    monkeypatch.setattr(onnx_file, "MODEL_LIMIT", 1 << 20)
    for count, shape in ((100, (1 << 10, 4)), (1, (1 << 40,)), (1, (-4, 3))):
        source = model([node("Relu", "x", "y")], {})
        for index in range(count):
            tensor = source.graph.initializer.add(name=f"w{index}", data_type=TensorProto.FLOAT, dims=shape)
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="own.bin")
        (tmp_path / "own.onnx").write_bytes(source.SerializeToString())
        with (tmp_path / "own.bin").open("wb") as file:
            file.truncate(1 << 14)
        with pytest.raises(InputError, match="make no sense, or pass 1 MiB"):
            read_onnx(tmp_path / "own.onnx", "own", ("own.bin",))


def test_weights_beside_the_model_are_read_once_they_are_named(tmp_path: Path) -> None:
    kernel = with_external("own.bin", tmp_path / "own.onnx", offset="8")
    (tmp_path / "own.bin").write_bytes(b"8 bytes." + kernel.tobytes())
    with pytest.raises(WantedFiles) as wanted:
        read_onnx(tmp_path / "own.onnx", "own")
    assert wanted.value.names == ["own.bin"]
    _, tensors = read_onnx(tmp_path / "own.onnx", "own", ("own.bin",))
    assert np.array_equal(tensors["c_Conv/kernel"], kernel.transpose(2, 3, 1, 0))
    (tmp_path / "own.bin").write_bytes(kernel.tobytes()[:-1])
    with pytest.raises(InputError, match="tensor 'w': its data are damaged"):
        read_onnx(tmp_path / "own.onnx", "own", ("own.bin",))


@pytest.mark.parametrize("place", ["../own.bin", "/etc/passwd", "a/../../own.bin", "", "..\\own.bin"])
def test_weights_outside_the_folder_are_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with_external(place, tmp_path / "model" / "own.onnx")
    with pytest.raises(InputError, match="outside the model's folder"):
        read_onnx(tmp_path / "model" / "own.onnx", "own", (place,))


def test_a_network_is_a_network(tmp_path: Path) -> None:
    onnx.save(residual(), tmp_path / "own.onnx")
    network, tensors = read_onnx(tmp_path / "own.onnx", "own")
    assert isinstance(network, Network)
    assert {name: tensor.shape for name, tensor in tensors.items()} == dict(network.weight_shapes())


@pytest.mark.parametrize("last", [False, True])
def test_what_a_file_does_to_its_pixels_first_is_what_the_network_reads(
    last: bool, tmp_path: Path, compute: Compute
) -> None:
    """(x / 255 - mean) / deviation of each channel, then a padded convolution: zeros stand around what that gives."""
    mean, deviation = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    shape = (3,) if last else (3, 1, 1)
    constants = {"m": mean.reshape(shape), "d": deviation.reshape(shape), "w": weight(4, 3, 3, 3)}
    turned = [node("Transpose", "s", "t", perm=[0, 3, 1, 2])] if last else [node("Identity", "s", "t")]
    nodes = [node("Sub", "x m", "c"), node("Div", "c d", "s"), *turned, node("Conv", "t w", "v", pads=[1, 1, 1, 1])]
    nodes.append(node("ReduceMean", "v", "y", axes=[2, 3], keepdims=0))
    source = model(nodes, constants, (1, 8, 6, 3) if last else (1, 3, 8, 6))
    onnx.save(source, tmp_path / "own.onnx")
    network, tensors = read_onnx(tmp_path / "own.onnx", "own")
    assert str(network.pixels) == "(x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)"
    assert network.pixels.known == "the file's first layer, taken to read x / 255"
    image = random.integers(0, 256, (1, 8, 6, 3), np.uint8)
    values = (image / np.float32(255)) if last else (image / np.float32(255)).transpose(0, 3, 1, 2)
    (expected,) = ReferenceEvaluator(source).run(None, {"x": values.astype(np.float32)})
    numbers = [[float(network.pixels.number(byte, channel)) for byte in range(256)] for channel in range(3)]
    read = np.array(numbers, np.float32)[np.arange(3), image]
    assert np.allclose(compute(network, tensors, read), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "constants", "formula"),
    [
        ([("Mul", "k")], {"k": 1 / 255}, "x / 255"),
        ([("Div", "k")], {"k": 255}, "x / 255"),
        ([("Sub", "k")], {"k": 128}, "x - 128"),
        ([("Div", "k"), ("Sub", "one")], {"k": 127.5, "one": 1}, "(x / 255 - 0.5) / 0.5"),
        ([("Mul", "two"), ("Sub", "one")], {"two": 2, "one": 1}, "(x / 255 - 0.5) / 0.5"),
        ([("Mul", "k")], {"k": 255}, "x, 0 to 255"),
    ],
)
def test_scalings_of_one_number(
    nodes: list[tuple[str, str]], constants: dict[str, float], formula: str, tmp_path: Path
) -> None:
    results, tensor = [], "x"
    for index, (kind, constant) in enumerate(nodes):
        results.append(node(kind, f"{tensor} {constant}", f"t{index}"))
        tensor = f"t{index}"
    results.append(node("GlobalAveragePool", tensor, "y"))
    onnx.save(model(results, {name: single(value) for name, value in constants.items()}), tmp_path / "own.onnx")
    assert str(read_onnx(tmp_path / "own.onnx", "own")[0].pixels) == formula


def test_vectors_and_grey_images_are_read(tmp_path: Path, compute: Compute) -> None:
    weights = {"w": weight(20, 3), "b": weight(3)}
    vector = model([node("Gemm", "x w b", "y")], weights, (1, 20))
    onnx.save(vector, tmp_path / "vector.onnx")
    network, _ = read_onnx(tmp_path / "vector.onnx", "vector")
    assert network.input_shape == (20,) and network.shapes[network.output] == (3,)
    for shape, turned in (((1, 1, 5, 4), False), ((1, 5, 4, 1), True)):
        first = node("Transpose", "x", "t", perm=[0, 3, 1, 2]) if turned else node("Identity", "x", "t")
        grey = model([first, node("Conv", "t w", "c"), node("Flatten", "c", "y")], {"w": weight(1, 1, 3, 3)}, shape)
        onnx.save(grey, tmp_path / "grey.onnx")
        network, tensors = read_onnx(tmp_path / "grey.onnx", "grey")
        assert network.input_shape == (5, 4, 1)
        image = random.random((1, 5, 4, 1), np.float32)
        values = image if turned else image.transpose(0, 3, 1, 2)
        (expected,) = ReferenceEvaluator(grey).run(None, {"x": values})
        assert np.allclose(compute(network, tensors, image), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("PRelu", "hls4ml has PReLU"), ("HardSigmoid", "hls4ml has HardSigmoid"), ("Sigmoid", "hls4ml has tables")],
)
def test_a_refusal_says_which_tools_have_it_and_what_to_do(kind: str, text: str, tmp_path: Path) -> None:
    onnx.save(conv_then(node(kind, "c", "y")), tmp_path / "bad.onnx")
    with pytest.raises(InputError) as refusal:
        read_onnx(tmp_path / "bad.onnx", "bad")
    assert text in refusal.value.next_step and "supported" in refusal.value.next_step


def choosing(kind: str, outputs: list[str], ends: list[str], **settings: Any) -> Any:
    """A dense layer, and behind it a choice of its results."""
    inputs = ["d", "k"] if kind == "TopK" else ["d"]
    choice = [helper.make_node(kind, inputs, outputs, name="choice", **settings)] if kind else []
    constants = {"w": weight(6, 5), "k": np.array([1])}
    source = model([node("MatMul", "x w", "d"), *choice], constants, (1, 6))
    del source.graph.output[:]
    kinds = {"class": TensorProto.INT64}
    source.graph.output.extend(
        helper.make_tensor_value_info(end, kinds.get(end, TensorProto.FLOAT), None) for end in ends
    )
    return source


@pytest.mark.parametrize(
    ("kind", "outputs", "ends"),
    [
        ("ArgMax", ["class"], ["class"]),
        ("TopK", ["score", "class"], ["class"]),
        ("TopK", ["score", "class"], ["score", "class"]),
    ],
)
def test_the_choice_of_a_class_is_left_to_the_host(
    kind: str, outputs: list[str], ends: list[str], tmp_path: Path
) -> None:
    onnx.save(choosing(kind, outputs, ends), tmp_path / "own.onnx")
    network, _ = read_onnx(tmp_path / "own.onnx", "own")
    assert [layer.kind for layer in network.layers] == ["dense"]


def test_the_smallest_score_is_no_choice_of_a_class(tmp_path: Path) -> None:
    onnx.save(choosing("TopK", ["score", "class"], ["class"], largest=0), tmp_path / "own.onnx")
    with pytest.raises(InputError, match="TopK"):
        read_onnx(tmp_path / "own.onnx", "own")
