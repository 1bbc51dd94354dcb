"""A Brevitas module as a cleaned QONNX file, checked against the module. Imports torch, brevitas, qonnx and onnx.

Torch has two exporters. The traced one (TorchScript) keeps the names of modules and takes a fraction of a second; torch
gives it up for the other (dynamo), some versions of which wire residual sums wrongly. So what comes out is executed and
compared, whichever wrote it, and the second is tried where the first fails.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from brevitas.export import export_qonnx
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model
from torch import Tensor, nn

from flows.core.errors import FlowsError, StepFailed
from models.layers import Shape
from models.training.checkpoint import replacing
from models.training.torch_network import as_input
from models.vectors import vectors

EXPORTERS = {"TorchScript": False, "dynamo": True}
"""By name, what `export_qonnx` calls ``dynamo``."""
COMPARED = 2
NEAR = 1e-3
"""By how much of their largest number the logits of the file and of the module may differ: both add in floats."""


class Unlike(Exception):
    """The file does not compute what the module does."""


def export(module: nn.Module, shape: Shape, path: Path, named: Callable[[ModelProto], None] | None = None) -> str:
    """Writes `module`, which takes images of `shape` (H, W, C) over 255 or vectors, to `path`; returns the exporter.

    `named` gives the nodes their names, and raises `Unlike` where they are not those of the network. Raises
    `StepFailed` where neither exporter writes what the module computes.
    """
    images = as_input(vectors(shape, COMPARED))
    module.eval()
    with torch.no_grad():
        expected = module(images).numpy()
    reasons = []
    for name, dynamo in EXPORTERS.items():
        try:
            model = _cleaned(module, images[:1], dynamo)
            if named:
                named(model)
            _compare(model, images, expected)
        except FlowsError as error:
            reasons.append(f"{name}: {error}")
        except Exception as reason:  # whatever an exporter or a pass of qonnx raises
            said = " ".join(str(reason).split())[:200]
            reasons.append(f"{name}: {type(reason).__name__}: {said}")
        else:
            with replacing(path) as scratch:
                scratch.write_bytes(model.SerializeToString(deterministic=True))
            return name
    advice = "report it with the network; the checkpoint keeps what was trained"
    raise StepFailed("export to QONNX", f"failed with both of torch's exporters ({'; '.join(reasons)})", advice)


def _cleaned(module: nn.Module, example: Tensor, dynamo: bool) -> ModelProto:
    """What one exporter writes, its constants folded, in one piece."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        raw = Path(folder) / "raw.onnx"
        export_qonnx(module, example, export_path=str(raw), dynamo=dynamo)
        return _without_pads(cleanup_model(ModelWrapper(_without_casts(onnx.load(raw)))).model)


def _without_casts(model: ModelProto) -> ModelProto:
    """The traced exporter casts what quantisers leave from float to float; FINN has no unit for that."""
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT]
    quantised = {node.output[0] for node in model.graph.node if node.op_type == "Quant"}
    instead = {node.output[0]: node.input[0] for node in casts if node.input[0] in quantised}
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = instead.get(name, name)
    ends = {output.name for output in model.graph.output}
    for node in casts:
        if node.output[0] in instead and node.output[0] not in ends:
            model.graph.node.remove(node)
    return model


def _without_pads(model: ModelProto) -> ModelProto:
    """Zeros on one side only, as strides at "same" padding have them, stand in a Pad of their own: torch's convolutions
    take none. ONNX' do, and FINN has no unit for Pad."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    ends = {output.name for output in model.graph.output}
    for pad in [node for node in model.graph.node if node.op_type == "Pad" and _is_of_zeros(node, values)]:
        sides = values[pad.input[1]].reshape(2, -1)
        readers = [node for node in model.graph.node if pad.output[0] in node.input]
        if any(node.op_type != "Conv" for node in readers) or sides[:, :2].any() or pad.output[0] in ends:
            continue
        for node in readers:
            (pads,) = [attribute for attribute in node.attribute if attribute.name == "pads"]
            pads.ints[:] = (np.reshape(pads.ints, (2, -1)) + sides[:, 2:]).ravel().tolist()
            node.input[0] = pad.input[0]
        model.graph.node.remove(pad)
    return model


def _is_of_zeros(pad: NodeProto, values: Mapping[str, np.ndarray]) -> bool:
    """Whether it puts constant zeros around all axes, by `values`, the constants of its graph."""
    mode = next((attribute.s for attribute in pad.attribute if attribute.name == "mode"), b"constant")
    sides, constant, axes = (*pad.input[1:], "", "")[:3]
    is_zero = not constant or (constant in values and not values[constant].any())
    return mode == b"constant" and sides in values and is_zero and not axes


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporters print of their progress."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _compare(model: ModelProto, images: Tensor, expected: np.ndarray) -> None:
    wrapped = ModelWrapper(model).transform(InferShapes())
    (source,), (result,) = wrapped.graph.input, wrapped.graph.output
    for image, logits in zip(images, expected, strict=True):
        inputs: dict[str, Any] = {source.name: np.ascontiguousarray(image[None].numpy())}
        theirs = execute_onnx(wrapped, inputs)[result.name].ravel()
        if theirs.shape != logits.shape or not np.allclose(theirs, logits, atol=NEAR * float(abs(expected).max())):
            raise Unlike(f"its logits are {np.round(theirs, 3).tolist()}, the module's {np.round(logits, 3).tolist()}")
