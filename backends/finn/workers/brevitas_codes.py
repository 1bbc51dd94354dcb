"""The same network in Brevitas, code for code: ``python -m backends.finn.workers.brevitas_codes JOB.json``.

JOB.json: ``quantised`` and ``vectors``, how many of the project's check images. Reads ``weights.safetensors`` and
``model.onnx``. Brevitas' layers take the weights, its quantisers the scales; what each of them leaves must be equal,
code for code, to what qonnx computes on the graph, and so must the logits. Imports torch, brevitas and qonnx; writes
``codes.json``: how many codes of each quantiser were compared. Exits with 1 at the first that differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerTensorFloat, Uint8ActPerTensorFloat
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from safetensors.numpy import load_file
from torch import Tensor, nn

from flows.core.worker import JOB, run_worker
from models.fixed import FixedType
from models.grids import grid
from models.network import INPUT, Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU
from models.quantised import QuantisedNetwork
from models.serial import quantised_from_json
from models.training.torch_network import LayerModules
from models.vectors import vectors


class BrevitasNetwork(nn.Module):
    """`quantised` of Brevitas' layers and quantisers; images (n, C, H, W) as pixel codes times the input's gain."""

    def __init__(self, quantised: QuantisedNetwork, weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.quantised = quantised
        self.made = LayerModules()
        self.quantisers = LayerModules({INPUT: _activation(quantised.input.type)})
        for layer in quantised.computed:
            types = quantised.layers[layer.name]
            if isinstance(layer, Conv2D | Dense):
                self.made[layer.name] = self._weighted(layer, weights)
                if types.output != types.accumulator:
                    self.quantisers[layer.name] = _activation(types.output)
            elif isinstance(layer, ReLU):
                self.quantisers[layer.name] = _activation(types.output)

    def _weighted(self, layer: Conv2D | Dense, weights: dict[str, np.ndarray]) -> nn.Module:
        trained, bias = weights[f"{layer.name}/kernel"], torch.from_numpy(weights[f"{layer.name}/bias"])
        kernel = torch.from_numpy(trained)
        kernel = kernel.permute(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
        types = self.quantised.layers[layer.name]
        assert types.bias
        unit = 2.0**types.bias.fraction
        settings = _weight(self.quantised, layer.name, trained)
        (*_, inputs), outputs = self.quantised.network.input_shapes(layer)[0], len(kernel)
        made = (
            qnn.QuantConv2d(inputs, outputs, layer.kernel, layer.strides, bias=True, **settings)
            if isinstance(layer, Conv2D)
            else qnn.QuantLinear(inputs, outputs, bias=True, **settings)
        )
        with torch.no_grad():
            made.weight.copy_(kernel)
            made.bias.copy_(torch.round(bias.double() * unit) / unit)
        return made

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """What every quantiser leaves, and the logits, by tensor."""
        values = {INPUT: self.quantisers[INPUT](images)}
        for layer in self.quantised.computed:
            value = self._run(layer, [values[name] for name in layer.inputs])
            values[layer.name] = self.quantisers[layer.name](value) if layer.name in self.quantisers else value
        return {name: values[name] for name in (*self.quantisers, self.quantised.output)}

    def _run(self, layer: Layer, inputs: list[Tensor]) -> Tensor:
        match layer:
            case Conv2D():
                top, bottom, left, right = layer.pads(self.quantised.network.input_shapes(layer)[0])
                result: Tensor = self.made[layer.name](nn.functional.pad(inputs[0], (left, right, top, bottom)))
                return result
            case Dense():
                return torch.as_tensor(self.made[layer.name](inputs[0]))
            case ReLU():
                return torch.relu(inputs[0])
            case Add():
                return inputs[0] + inputs[1]
            case MaxPool2D():
                return nn.functional.max_pool2d(inputs[0], layer.kernel, layer.strides)
            case GlobalAveragePool():
                return inputs[0].mean((2, 3))
            case Flatten():
                return inputs[0].permute(0, 2, 3, 1).flatten(1)
        raise TypeError(f"no Brevitas form of {layer.kind}")


def _activation(type: FixedType) -> nn.Module:
    """Brevitas' scale is the end of its range over the highest code."""
    highest = (1 << type.width - type.signed) - 1
    return qnn.QuantIdentity(
        act_quant=Int8ActPerTensorFloat if type.signed else Uint8ActPerTensorFloat,
        bit_width=type.width,
        narrow_range=type.signed,
        scaling_impl_type=ScalingImplType.CONST,
        scaling_init=highest * 2.0**-type.fraction,
    )


def _weight(quantised: QuantisedNetwork, layer: str, kernel: np.ndarray) -> dict[str, Any]:
    types, bits = quantised.layers[layer], quantised.weight_bits[layer]
    assert types.kernel
    highest = (1 << bits - 1) - 1
    units = grid(kernel).units if layer in quantised.code_bits else np.array(2.0**-types.kernel.fraction)
    scales = torch.tensor(highest * units, dtype=torch.float)
    return {
        "weight_quant": Int8WeightPerTensorFloat,
        "weight_bit_width": bits,
        "weight_narrow_range": True,
        "weight_scaling_impl_type": ScalingImplType.CONST,
        "weight_scaling_per_output_channel": bool(units.ndim),
        "weight_scaling_init": scales.reshape(-1, *(1,) * (kernel.ndim - 1)) if units.ndim else scales,
    }


def main(ask: Mapping[str, Any]) -> None:
    quantised = quantised_from_json(ask["quantised"], JOB)
    network = BrevitasNetwork(quantised, load_file("weights.safetensors")).eval()
    model = ModelWrapper("model.onnx").transform(InferShapes())
    (source,), (result,) = model.graph.input, model.graph.output
    images = vectors(quantised.network.input_shape, ask["vectors"]).astype(np.float32) * float(
        quantised.input.pixels.gain[0]
    )
    counts: dict[str, int] = {}
    for image in np.moveaxis(images, -1, 1):
        given = np.ascontiguousarray(image[None])
        theirs = execute_onnx(model, {source.name: given}, return_full_exec_context=True)
        with torch.no_grad():
            ours = network(torch.from_numpy(given))
        for name, value in ours.items():
            tensor = "image.quant.out" if name == INPUT else f"{name}.quant.out"
            expected = theirs[result.name if name == quantised.output else tensor]
            if different := int((value.numpy() != expected).sum()):
                sys.exit(f"{name}: {different} of {expected.size} codes differ between Brevitas and the graph")
            counts[name] = counts.get(name, 0) + expected.size
    Path("codes.json").write_text(json.dumps(counts, indent=1) + "\n")


if __name__ == "__main__":
    run_worker(main)
