"""QONNX graphs as Brevitas users write them: floats for scales, batch normalisation, signed and shifted inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from models.imported.workers import load

QONNX = "qonnx.custom_op.general"


class Builder:
    """A graph from "x"; quantisers are named by what they make."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.random = np.random.default_rng(7)

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **settings: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **settings))
        return output

    def constant(self, name: str, value: Any) -> str:
        self.constants[name] = np.asarray(value, np.float32)
        return name

    def quant(self, source: str, output: str, scale: Any, bits: int = 4, signed: int = 1, narrow: int = 0) -> str:
        texts = [self.constant(f"{output}_{role}", value) for role, value in (("s", scale), ("z", 0.0), ("b", bits))]
        settings = {"signed": signed, "narrow": narrow, "rounding_mode": "ROUND"}
        return self.node("Quant", [source, *texts], output, QONNX, **settings)

    def bipolar(self, source: str, output: str, scale: float = 1.0) -> str:
        return self.node("BipolarQuant", [source, self.constant(f"{output}_s", scale)], output, QONNX)

    def binary(self, name: str, *shape: int) -> str:
        """Weights of one bit; some are 0, which is 1."""
        values = np.rint(self.random.normal(0, 3, shape)) / 10
        return self.bipolar(self.constant(f"{name}_w", values), f"{name}_q", 0.3)

    def weights(self, name: str, *shape: int, each: bool = False, transposed: bool = False) -> str:
        scale = self.random.uniform(0.02, 0.09, (shape[0], *(1,) * (len(shape) - 1)) if each else ())
        values = self.random.normal(0, 0.2, shape)
        text = self.quant(self.constant(f"{name}_w", values), f"{name}_q", scale, narrow=1)
        return self.node("Transpose", [text], f"{name}_t", perm=[1, 0]) if transposed else text

    def norm(self, source: str, output: str, channels: int) -> str:
        gamma, beta, mean = (self.constant(f"{output}_{k}", self.random.normal(0, 1, channels)) for k in range(3))
        spread = self.constant(f"{output}_v", self.random.uniform(0.1, 2, channels))
        return self.node("BatchNormalization", [source, gamma, beta, mean, spread], output, epsilon=1e-5)

    def model(self, output: str, shape: tuple[Any, ...] = (1, 3, 8, 8)) -> ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "own",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def residual(norm: bool = False, each: bool = False, signed: bool = False, affine: bool = False) -> ModelProto:
    """A block as Brevitas users write it: a quantiser behind each ReLU, and one of a shared scale on both branches."""
    build = Builder()
    source = "x"
    if affine:  # mean and deviation by channel
        mean = build.constant("mean", np.array([0.5, 0.45, 0.4]).reshape(1, 3, 1, 1))
        deviation = build.constant("deviation", np.array([0.25, 0.2, 0.3]).reshape(1, 3, 1, 1))
        source = build.node("Div", [build.node("Sub", ["x", mean], "x0"), deviation], "x1")
    scale = 0.018 if affine else 255 / 256 / 128 if signed else 1 / 256
    source = build.quant(source, "x_q", scale, bits=8, signed=int(signed or affine))

    def conv(name: str, of: str, size: int, inputs: int) -> str:
        terms = [of, build.weights(name, 4, inputs, size, size, each=each)]
        terms += [] if norm else [build.constant(f"{name}_b", build.random.normal(0, 0.3, 4))]
        text = build.node("Conv", terms, name, pads=[size // 2] * 4, kernel_shape=[size, size])
        return build.norm(text, f"{name}_n", 4) if norm else text

    first = build.quant(build.node("Relu", [conv("c1", source, 3, 3)], "r1"), "r1_q", 0.11, signed=0)
    second = build.quant(build.node("Relu", [conv("c2", first, 3, 4)], "r2"), "r2_q", 0.13, signed=0)
    left, right = build.quant(second, "l_q", 0.12, 5), build.quant(conv("c3", source, 1, 3), "s_q", 0.12, 5)
    joined = build.node("Add", [left, right], "a")
    pooled = build.node("MaxPool", [joined], "p", kernel_shape=[2, 2], strides=[2, 2])
    mean_of = build.node("ReduceMean", [pooled], "m", axes=[2, 3])
    flat = build.node("Flatten", [mean_of], "f")
    weights = build.weights("d", 5, 4)
    return build.model(
        build.node("Gemm", [flat, weights, build.constant("d_b", build.random.normal(0, 1, 5))], "y", transB=1)
    )


def flat() -> ModelProto:
    """An image that is flattened, a matrix product with transposed weights, a batch normalisation of a vector."""
    build = Builder()
    source = build.quant("x", "x_q", 1 / 15, bits=4, signed=0)
    conv = build.node("Conv", [source, build.weights("c", 4, 3, 3, 3)], "c")
    code = build.quant(build.node("Relu", [conv], "r"), "r_q", 0.2, signed=0)
    pooled = build.node("MaxPool", [code], "p", kernel_shape=[2, 2], strides=[2, 2])
    vector = build.node("Flatten", [pooled], "f")
    hidden = build.node("MatMul", [vector, build.weights("h", 6, 36, transposed=True)], "h")
    hidden = build.quant(build.node("Relu", [build.norm(hidden, "h_n", 6)], "hr"), "hr_q", 0.3, signed=0)
    return build.model(
        build.node("Gemm", [hidden, build.weights("d", 5, 6), build.constant("d_b", np.ones(5))], "y", transB=1)
    )


def depthwise() -> ModelProto:
    """A depthwise convolution with padding and a stride, of a batch normalisation behind it, and a 1x1 one."""
    build = Builder()
    source = build.quant("x", "x_q", 1 / 256, bits=8, signed=0)
    first = build.node("Conv", [source, build.weights("c1", 6, 3, 1, 1)], "c1", kernel_shape=[1, 1])
    code = build.quant(build.node("Relu", [first], "r1"), "r1_q", 0.11, signed=0)
    kernel = build.weights("c2", 6, 1, 3, 3, each=True)
    grouped: dict[str, Any] = {"group": 6, "kernel_shape": [3, 3], "pads": [1] * 4, "strides": [2, 2]}
    second = build.norm(build.node("Conv", [code, kernel], "c2", **grouped), "c2_n", 6)
    code = build.quant(build.node("Relu", [second], "r2"), "r2_q", 0.13, signed=0)
    flat = build.node("Flatten", [build.node("GlobalAveragePool", [code], "g")], "f")
    weights = build.weights("d", 5, 6)
    return build.model(
        build.node("Gemm", [flat, weights, build.constant("d_b", build.random.normal(0, 1, 5))], "y", transB=1)
    )


def clipped(high: float = 6.0, low: float = 0.0, signed: int = 0) -> ModelProto:
    """A ReLU6 (or a clip to other ends) whose 4-bit quantiser ends at 5.7, as one of Brevitas' with max_val=5.7."""
    build = Builder()
    source = build.quant("x", "x_q", 1 / 256, bits=8, signed=0)
    conv = build.node("Conv", [source, build.weights("c1", 4, 3, 3, 3)], "c1", kernel_shape=[3, 3])
    ends = [build.constant(f"{role}_end", end) for role, end in (("low", low), ("high", high))]
    clip = build.node("Clip", [build.norm(conv, "c1_n", 4), *ends], "r1")
    code = build.quant(clip, "r1_q", 0.1 if signed else 0.38, signed=signed, narrow=signed)
    flat = build.node("Flatten", [build.node("GlobalAveragePool", [code], "g")], "f")
    weights = build.weights("d", 5, 4)
    return build.model(
        build.node("Gemm", [flat, weights, build.constant("d_b", build.random.normal(0, 1, 5))], "y", transB=1)
    )


def binary(bits: int = 1) -> ModelProto:
    """A small CNV: 2x - 1, weights of one bit, activations of one bit or (signed and narrow) of more."""
    build = Builder()
    centred = build.node(
        "Sub", [build.node("Mul", ["x", build.constant("two", 2.0)], "x2"), build.constant("one", 1.0)], "x1"
    )
    source = build.quant(centred, "x_q", 1 / 128, bits=8)

    def code(of: str, output: str, channels: int) -> str:
        normed = build.norm(of, f"{output}_n", channels)
        return build.bipolar(normed, output) if bits == 1 else build.quant(normed, output, 0.7, bits, narrow=1)

    first = build.node("Conv", [source, build.binary("c1", 6, 3, 3, 3)], "c1", kernel_shape=[3, 3])
    second = build.node("Conv", [code(first, "a1", 6), build.binary("c2", 8, 6, 3, 3)], "c2", kernel_shape=[3, 3])
    pooled = build.node("MaxPool", [code(second, "a2", 8)], "p", kernel_shape=[2, 2], strides=[2, 2])
    vector = build.node("Reshape", [pooled, build.constant("shape", [1, -1])], "f")
    build.constants["shape"] = np.array([1, -1], np.int64)
    hidden = build.node("Gemm", [vector, build.binary("h", 6, 32)], "h", transB=1)
    logits = build.node("Gemm", [code(hidden, "a3", 6), build.binary("d", 5, 6)], "d", transB=1)
    return build.model(build.norm(logits, "y", 5))


def joined() -> ModelProto:
    """Three branches side by side, one of them of a max pool whose windows overlap and are padded."""
    build = Builder()

    def conv(source: str, name: str, inputs: int, size: int, outputs: int = 4) -> str:
        kernel = [source, build.weights(name, outputs, inputs, size, size, each=True)]
        text = build.node("Conv", kernel, name, kernel_shape=[size, size], pads=[size // 2] * 4)
        return build.quant(
            build.node("Relu", [build.norm(text, f"{name}_n", outputs)], f"{name}_r"), f"{name}_c", 0.12, signed=0
        )

    first = conv(build.quant("x", "x_q", 1 / 256, bits=8, signed=0), "c1", 3, 3)
    stem = build.node("MaxPool", [first], "p1", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    window = build.node("MaxPool", [stem], "p2", kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    both = build.node("Concat", [conv(stem, "c2", 4, 1, 6), window, conv(stem, "c3", 4, 3, 2)], "cat", axis=1)
    flat = build.node("Flatten", [build.node("GlobalAveragePool", [conv(both, "c4", 12, 1)], "g")], "f")
    return build.model(
        build.node("Gemm", [flat, build.weights("d", 5, 4), build.constant("d_b", np.ones(5))], "y", transB=1)
    )


def averaged(version: int = 2, size: int = 2) -> ModelProto:
    """An average of windows (or, of 8 pixels a side, of the image) and a Trunc, as TruncAvgPool2d of Brevitas."""
    build, scale, pixels = Builder(), 0.11, size * size
    source = build.quant("x", "x_q", 1 / 256, bits=8, signed=0)
    kernel = [source, build.weights("c1", 4, 3, 3, 3, each=True)]
    first = build.norm(build.node("Conv", kernel, "c1", kernel_shape=[3, 3], pads=[1] * 4), "c1_n", 4)
    code = build.quant(build.node("Relu", [first], "r1"), "r1_q", scale, signed=0)
    windows: dict[str, Any] = {"kernel_shape": [size] * 2, "strides": [size] * 2, "pads": [0] * 4}
    sums, bits = build.node("AveragePool", [code], "p", **windows), 4 + pixels.bit_length() - 1
    numbers = [scale / pixels, 0.0, bits, scale, 4.0]
    if version == 1:
        sums, numbers = build.node("Mul", [sums, build.constant("pixels", pixels)], "p_m"), [scale, 0.0, bits, 4.0]
    texts = [build.constant(f"t_{place}", number) for place, number in enumerate(numbers)]
    signs = {"signed": 0, "narrow": 0} if version == 2 else {}
    code = build.node("Trunc", [sums, *texts], "t", QONNX, rounding_mode="FLOOR", **signs)
    if size < 8:
        kernel = [code, build.weights("c2", 4, 4, 1, 1)]
        second = build.node("Relu", [build.node("Conv", kernel, "c2", kernel_shape=[1, 1])], "r2")
        code = build.node("GlobalAveragePool", [build.quant(second, "r2_q", 0.2, signed=0)], "g")
    flat = build.node("Flatten", [code], "f")
    dense = [flat, build.weights("d", 5, 4), build.constant("d_b", np.ones(5))]
    model = build.model(build.node("Gemm", dense, "y", transB=1))
    model.opset_import[1].version = version
    return model


FORMS: dict[str, Callable[[], ModelProto]] = {
    "plain": residual,
    "batch normalisation": lambda: residual(norm=True),
    "by channel": lambda: residual(each=True),
    "signed input": lambda: residual(norm=True, signed=True),
    "mean and deviation": lambda: residual(affine=True),
    "flat": flat,
    "depthwise": depthwise,
    "ReLU6": clipped,
    "Concat, overlapping pools": joined,
    "Trunc": averaged,
    "Trunc of version 1": lambda: averaged(1),
    "Trunc of the image": lambda: averaged(2, 8),
    "W1A1": binary,
    "W1A2": lambda: binary(2),
    "HardTanh": lambda: clipped(1.0, -1.0, signed=1),
}


def read(model: ModelProto, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the import step leaves."""
    monkeypatch.chdir(folder)
    (folder / "given").mkdir()
    (folder / "given" / "own.onnx").write_bytes(model.SerializeToString())
    load.main({"file": "given/own.onnx", "name": "own", "external": []})
    return folder / "imported"
