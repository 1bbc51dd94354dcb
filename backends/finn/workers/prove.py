"""The user's graph against its network of integers, code for code: ``python -m backends.finn.workers.prove JOB.json``.

JOB.json: what `models.integer_network` keeps, and ``vectors``, how many of the project's check images. qonnx executes
``model.onnx`` node by node in single precision; what each quantiser leaves, and the logits, must be the integers that
thresholds give (``integers.safetensors``). Single precision itself rounds: where a code differs, the exact number must
lie within the error bound of a float sum of the point where codes change, and the graph goes on with the exact code.
Writes ``outputs.json``, a row of integers an image, and ``codes.json``: ``compared``, ``rounded`` (codes on which
single precision differs), and ``furthest``, by how much of a step it missed at most. Exits with 1 where one differs by
more. Imports torch and qonnx.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_node
from qonnx.transformation.infer_shapes import InferShapes
from safetensors.numpy import load_file

from flows.core.worker import run_worker
from models.evaluation.fast import FastNetwork
from models.integer_network import QuantisedTensor, read_facts
from models.integers import GlobalSum, Threshold
from models.layers import WEIGHTED, Dense, GroupedConv2D
from models.network import INPUT
from models.vectors import vectors

EPSILON = 2.0**-24
"""The largest relative error of one operation in single precision."""
OPERATIONS = 16
"""Of an element, in front of a sum or behind it, scalings and additions of constants together; no graph has as many."""
CERTAIN = 0.25
"""Of a unit of an accumulator: up to here a float says which integer it stands for."""

Array = NDArray[np.float64]


@dataclass
class Count:
    compared: int = 0
    rounded: int = 0
    furthest: float = 0.0


class Proof:
    """`facts` as `models.integer_network` reads them."""

    def __init__(self, facts: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> None:
        self.quantised, self.divisor, self.channels_last, tensors = read_facts(facts)
        self.weights = weights
        self.fast = FastNetwork(self.quantised, weights)
        self.tensors = {tensor.tensor: tensor for tensor in tensors}
        self.count = Count()
        self.model = ModelWrapper("model.onnx").transform(InferShapes())

    def run(self, image: NDArray[np.uint8]) -> list[int]:
        """The accumulators that the graph's logits stand for; raises `SystemExit` where a code is wrong."""
        self.codes = {name: codes[0].double().numpy() for name, codes in self.fast(image[None]).items()}
        model = self.model
        context = model.make_empty_exec_context()
        values = image.astype(np.float32) / np.float32(self.divisor)
        layout = values if self.channels_last else values.transpose(2, 0, 1)
        context[model.graph.input[0].name] = np.ascontiguousarray(layout[None])
        versions = {opset.domain: opset.version for opset in model.model.opset_import}
        for node in model.graph.node:
            execute_node(node, context, model.graph, versions.get(node.domain, 1), True)
            for name in set(node.output) & self.tensors.keys():
                context[name] = self._compared(self.tensors[name], context[name])
        return self._logits(context)

    def _compared(self, tensor: QuantisedTensor, values: NDArray[Any]) -> NDArray[np.float32]:
        """What the tensor holds by the thresholds; in the same order."""
        codes = np.rint(self._ours(values.astype(np.float64), tensor) / tensor.scale)
        exact = self.codes[tensor.layer]
        self.count.compared += exact.size
        if (wrong := codes != exact).any():
            self._judge(tensor, codes, exact, wrong)
        return self._theirs(exact * tensor.scale, tensor, values)

    def _judge(self, tensor: QuantisedTensor, codes: Array, exact: Array, wrong: NDArray[np.bool_]) -> None:
        """Raises `SystemExit` unless rounding explains every difference."""
        differing = int(wrong.sum())
        where = f"{tensor.tensor}: {differing:,} of {exact.size:,} codes differ from the integer thresholds"
        step = 1 + self.quantised.is_bipolar(tensor.layer)
        if tensor.layer == INPUT or (abs(codes - exact)[wrong] > step).any():
            raise SystemExit(where)
        layer = self.quantised.network[tensor.layer]
        if not isinstance(layer, Threshold):
            raise SystemExit(where)
        sums, error = self.codes[layer.inputs[0]], self._error(layer.inputs[0])
        gain, offset, spread = (
            np.broadcast_to(np.array(numbers).reshape(-1, *(1,) * (sums.ndim - 1)), sums.shape)[wrong]
            for numbers in (tensor.gains, tensor.offsets, tensor.spreads)
        )
        edge = (codes + exact)[wrong] / 2 * tensor.scale
        missed = abs(gain * sums[wrong] + offset - edge)
        bound = abs(gain) * error[wrong] + OPERATIONS * EPSILON * (abs(gain * sums[wrong]) + spread + abs(edge))
        if (missed > bound).any():
            raise SystemExit(f"{where}, {int((missed > bound).sum()):,} of them by more than single precision rounds")
        self.count.rounded += differing
        self.count.furthest = max(self.count.furthest, float((missed / tensor.scale).max()))

    def _error(self, name: str) -> Array:
        """By how much a float executor may miss each of these integers: of a sum, its terms times their magnitudes."""
        layer = self.quantised.network[name] if name != INPUT else None
        if isinstance(layer, WEIGHTED):
            x = torch.from_numpy(abs(self.codes[layer.inputs[0]]))[None]
            kernel = torch.from_numpy(abs(self.weights[f"{name}/kernel"].astype(np.float64)))
            terms = kernel.numel() // kernel.shape[-1] + OPERATIONS
            if isinstance(layer, Dense):
                return terms * EPSILON * (x @ kernel)[0].numpy()
            shape = self.quantised.network.input_shapes(layer)[0]
            top, bottom, left, right = layer.pads(shape)
            padded = F.pad(x, (left, right, top, bottom))
            groups = layer.groups if isinstance(layer, GroupedConv2D) else 1
            sums = F.conv2d(padded, kernel.permute(3, 2, 0, 1), stride=layer.strides, groups=groups)
            return terms * EPSILON * sums[0].numpy()
        if isinstance(layer, GlobalSum):
            values = abs(self.codes[layer.inputs[0]])
            return np.array((values[0].size + OPERATIONS) * EPSILON * values.sum((1, 2)))
        return np.array(OPERATIONS * EPSILON * abs(self.codes[name]))

    def _logits(self, context: Mapping[str, NDArray[Any]]) -> list[int]:
        """The integers that the host gets: as the float logits say them, or the exact ones where these round."""
        network, name = self.quantised.network, self.quantised.output
        last, tensor = self.model.graph.node[-1], self.model.graph.output[0].name
        values = context[last.input[0] if last.op_type == "Softmax" else tensor].astype(np.float64).ravel()
        gain, offset = (self.weights[f"{network.output}/{role}"].astype(np.float64) for role in ("gain", "offset"))
        exact, error = self.codes[name], self._error(name)
        missed = abs(values - (gain * exact + offset))
        bound = abs(gain) * error + OPERATIONS * EPSILON * (abs(gain * exact) + 2 * abs(offset))
        if (missed > bound).any():
            raise SystemExit(f"the graph's logits differ by {missed.max():g} from those that the integers give")
        self.count.compared += exact.size
        sure = bound < CERTAIN * abs(gain)
        codes = np.divide(values - offset, gain, out=exact.copy(), where=sure)
        return [int(logit) for logit in np.where(sure, np.rint(codes), exact)]

    def _ours(self, values: Array, tensor: QuantisedTensor) -> Array:
        """(C, H, W) or (features,) from the file's order."""
        if self.codes[tensor.layer].ndim == 1:
            flat = values.ravel()
            return flat if tensor.order is None else flat[list(tensor.order)]
        return values[0].transpose(2, 0, 1) if tensor.channels_last else values[0]

    def _theirs(self, ours: Array, tensor: QuantisedTensor, values: NDArray[Any]) -> NDArray[np.float32]:
        if ours.ndim == 3:
            ours = ours.transpose(1, 2, 0) if tensor.channels_last else ours
        elif tensor.order is not None:
            ours = ours[np.argsort(tensor.order)]
        return np.ascontiguousarray(ours.reshape(values.shape), np.float32)


def main(ask: Mapping[str, Any]) -> None:
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    proof = Proof(ask["integers"], load_file("integers.safetensors"))
    images = vectors(proof.quantised.network.input_shape, ask["vectors"])
    Path("outputs.json").write_text(json.dumps([proof.run(image) for image in images]))
    Path("codes.json").write_text(json.dumps(vars(proof.count), indent=1) + "\n")


if __name__ == "__main__":
    run_worker(main)
