"""Writes the QONNX graph of a FINN design: ``python -m backends.finn.workers.export JOB.json``. Imports onnx.

JOB.json: ``quantised`` and ``weights`` (a file). Every quantiser of the arithmetic becomes a Quant node, as Brevitas'
export writes it; layers keep their names. Writes ``model.onnx``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper
from safetensors.numpy import load_file

from flows.core.errors import RefusedError
from flows.core.worker import JOB, run_worker
from models.fixed import FixedType, Overflow
from models.grids import grid
from models.network import INPUT, Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU
from models.quantised import QuantisedNetwork
from models.serial import quantised_from_json

DOMAIN = "qonnx.custom_op.general"
IR_VERSION, OPSET = 8, 17
"""What qonnx 1.0 and FINN read."""


class QonnxWriter:
    """Nodes and constants so far; `made` is the tensor that each layer leaves.

    What is made beside a layer has a point in its name, which no layer's has: no two of either are alike.
    """

    def __init__(self, quantised: QuantisedNetwork, weights: dict[str, np.ndarray]) -> None:
        self.quantised, self.weights = quantised, weights
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.made = {INPUT: self.quantiser("image.quant", "image", quantised.input.type)}

    def node(self, kind: str, name: str, inputs: list[str], **settings: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}.out"], name=name, **settings))
        return f"{name}.out"

    def constant(self, name: str, value: Any) -> str:
        self.constants[name] = np.asarray(value, np.float32)
        return name

    def quantiser(self, name: str, source: str, type: FixedType, scale: np.ndarray | None = None) -> str:
        """A Quant node, with `scale` where it is not the type's; ROUND is to nearest, ties to even."""
        settings = {"scale": 2.0**-type.fraction if scale is None else scale, "zero": 0.0, "bits": float(type.width)}
        inputs = [source, *(self.constant(f"{name}.{role}", value) for role, value in settings.items())]
        narrow = int(type.overflow is Overflow.SAT_SYM)
        return self.node(
            "Quant", name, inputs, domain=DOMAIN, signed=int(type.signed), narrow=narrow, rounding_mode="ROUND"
        )

    def add(self, layer: Layer) -> None:
        name, inputs = layer.name, [self.made[one] for one in layer.inputs]
        types = self.quantised.layers[name]
        match layer:
            case Conv2D():
                top, bottom, left, right = layer.pads(self.quantised.network.input_shapes(layer)[0])
                inputs += self.trained(name, (3, 2, 0, 1))
                out = self.node(
                    "Conv",
                    name,
                    inputs,
                    dilations=[1, 1],  # FINN asks for what ONNX may leave out
                    group=1,
                    kernel_shape=list(layer.kernel),
                    pads=[top, left, bottom, right],
                    strides=list(layer.strides),
                )
            case Dense():
                out = self.node("Gemm", name, inputs + self.trained(name, (1, 0)), transB=1)
            case ReLU():
                out = self.quantiser(f"{name}.quant", self.node("Relu", name, inputs), types.output)
            case MaxPool2D():
                out = self.node(
                    "MaxPool", name, inputs, kernel_shape=list(layer.kernel), strides=list(layer.strides), pads=[0] * 4
                )
            case GlobalAveragePool():
                out = self.node("Flatten", f"{name}.flat", [self.node("GlobalAveragePool", name, inputs)])
            case Flatten():
                if len(self.quantised.network.input_shapes(layer)[0]) == 3:  # channels stand last in what reads it
                    inputs = [self.node("Transpose", f"{name}.order", inputs, perm=[0, 2, 3, 1])]
                out = self.node("Flatten", name, inputs)
            case Add():
                out = self.node("Add", name, inputs)
            case _:
                raise RefusedError(f"layer {name}", f"FINN has no {layer.kind}", "take it out of the network")
        if types.kernel and types.output != types.accumulator:
            out = self.quantiser(f"{name}.quant", out, types.output)
        self.made[name] = out

    def trained(self, layer: str, order: tuple[int, ...]) -> list[str]:
        """The quantised kernel, and the bias rounded to the accumulator's units."""
        types = self.quantised.layers[layer]
        assert types.kernel and types.bias
        weights = self.weights[f"{layer}/kernel"].transpose(order)
        type, scale = types.kernel, None
        if layer in self.quantised.code_bits:
            type = replace(type, width=self.quantised.code_bits[layer])
            units = grid(self.weights[f"{layer}/kernel"]).units
            scale = units.reshape(-1, *(1,) * (weights.ndim - 1)) if units.ndim else units
        kernel = self.quantiser(f"{layer}.kernel.quant", self.constant(f"{layer}.kernel", weights), type, scale)
        unit = 2.0**types.bias.fraction
        bias = np.rint(self.weights[f"{layer}/bias"].astype(np.float64) * unit) / unit
        return [kernel, self.constant(f"{layer}.bias", bias)]


def model_of(quantised: QuantisedNetwork, weights: dict[str, np.ndarray]) -> ModelProto:
    """From float images (1, C, H, W), or vectors (1, C), to the last layer's tensor."""
    graph = QonnxWriter(quantised, weights)
    for layer in quantised.computed:
        graph.add(layer)
    *area, channels = quantised.network.input_shape
    classes = quantised.network.shapes[quantised.output][-1]
    proto = helper.make_graph(
        graph.nodes,
        quantised.network.name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, channels, *area))],
        [helper.make_tensor_value_info(graph.made[quantised.output], TensorProto.FLOAT, (1, classes))],
        [numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=IR_VERSION, producer_name="zynqflows")


def main(ask: Mapping[str, Any]) -> None:
    model = model_of(quantised_from_json(ask["quantised"], JOB), load_file(ask["weights"]))
    checker.check_model(model)
    Path("model.onnx").write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    run_worker(main)
