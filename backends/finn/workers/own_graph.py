"""The user's own QONNX graph as FINN takes it: ``python -m backends.finn.workers.own_graph JOB.json``. Imports qonnx.

Reads ``graph.onnx`` and writes ``model.onnx``, the same graph but for what FINN does not take: a mean over the image
becomes GlobalAveragePool, a clip whose ends its quantisers have as well a Relu or nothing, a batch that is left open 1,
weights are no inputs, constants are computed, what ONNX lets a node leave out is said, dropouts and casts of floats to
floats are taken out, and an image that is reshaped to a vector is flattened, which FINN leaves to the host. Nodes stand
in the order in which FINN sorts them, tensors keep their names. ``order.json`` lists what quantisers make, branch by
branch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.general import RemoveUnusedTensors, SortGraph
from qonnx.transformation.infer_shapes import InferShapes

from backends.finn.workers.plain import plain_model
from flows.core.worker import run_worker

QUANTISERS = ["Quant", "IntQuant", "BipolarQuant"]


def as_finn_takes_it(model: ModelProto) -> ModelProto:
    """Changes `model` in place, and returns it."""
    graph = model.graph
    constants = _constants(model)
    inputs = [tensor for tensor in graph.input if tensor.name not in constants]
    del graph.input[:]
    graph.input.extend(inputs)
    for value in graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    shapes = _shapes(model)
    constant_values = {
        name: numpy_helper.to_array(tensor).ravel() for name, tensor in constants.items() if len(tensor.dims) < 2
    }
    images, truncated = {tensor.name for tensor in graph.input}, set[str]()
    for node in reversed(graph.node):
        if node.op_type == "Trunc" or (node.op_type == "Mul" and node.output[0] in truncated):
            truncated.update(node.input)
    nodes: list[NodeProto] = []
    for node in graph.node:
        aside = truncated.intersection(node.output)
        nodes += [node] if aside else _rewritten(node, shapes, constant_values, images)
    for node in nodes:
        if node.op_type == "Conv" and len(shape := shapes.get(node.input[1], [])) == 4:
            _say_all(node, dilations=[1, 1], group=1, kernel_shape=shape[2:], pads=[0] * 4, strides=[1, 1])
        if node.op_type == "Quant":
            _say_all(node, signed=1, narrow=0)
            width = constants.get(node.input[3])
            if width is not None and prod(width.dims) == 1:
                del width.dims[:]  # FINN takes the number as a scalar alone
        if node.op_type == "MaxPool":
            _say_all(node, ceil_mode=0, dilations=[1, 1], pads=[0] * 4, strides=[1, 1])
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    read = {name for node in nodes for name in node.input}
    used = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(used)
    return model


def _constants(model: ModelProto) -> dict[str, TensorProto]:
    """By name: initializers, and the tensors of nodes of kind Constant."""
    nodes = [node for node in model.graph.node if node.op_type == "Constant"]
    computed = {
        node.output[0]: attribute.t for node in nodes for attribute in node.attribute if attribute.name == "value"
    }
    return {tensor.name: tensor for tensor in model.graph.initializer} | computed


def _rewritten(
    node: NodeProto, shapes: Mapping[str, list[int]], constants: Mapping[str, Any], images: set[str]
) -> Iterator[NodeProto]:
    settings = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    source, output = node.input[0] if node.input else "", node.output[0]
    shape = shapes.get(source, [])
    whole = node.op_type == "AveragePool" and list(settings.get("kernel_shape", [])) == shape[2:]
    second = constants.get(node.input[1], ()) if len(node.input) > 1 else ()
    over = second if len(node.input) > 1 else settings.get("axes", ())
    mean = node.op_type == "ReduceMean" and {int(axis) % 4 for axis in over} == {2, 3} and len(shape) == 4
    if node.op_type == "Dropout" or (node.op_type == "Cast" and settings.get("to") == TensorProto.FLOAT):
        yield helper.make_node("Identity", [source], [output], name=node.name)
    elif node.op_type == "Clip" and (len(second) or not "".join(node.input[1:2])):
        low = [*second, settings.get("min")][0]  # the integers were read: its quantisers end where it does, or before
        yield helper.make_node("Relu" if low == 0 else "Identity", [source], [output], name=node.name)
    elif node.op_type == "Reshape" and source in images and len(shapes.get(output, [])) == 2:
        yield helper.make_node("Flatten", [source], [output], name=node.name)
    elif not (whole or mean):
        yield node
    elif whole or settings.get("keepdims", 1):
        yield helper.make_node("GlobalAveragePool", [source], [output], name=node.name)
    else:
        yield helper.make_node("GlobalAveragePool", [source], [f"{output}.image"], name=node.name)
        yield helper.make_node("Flatten", [f"{output}.image"], [output], name=f"{node.name}.flat")


def _say_all(node: NodeProto, **settings: Any) -> None:
    """Gives a node the settings that it leaves out, with the values that ONNX gives them."""
    present = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if present.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        del settings["pads"]
    node.attribute.extend(helper.make_attribute(name, value) for name, value in settings.items() if name not in present)


def _shapes(model: ModelProto) -> dict[str, list[int]]:
    plain = shape_inference.infer_shapes(plain_model(model), data_prop=True)
    values = (*plain.graph.input, *plain.graph.value_info, *plain.graph.output)
    inferred = {value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in values}
    return {tensor.name: list(tensor.dims) for tensor in plain.graph.initializer} | inferred


def _quantised(model: ModelWrapper) -> list[str]:
    """What quantisers make, branch by branch, the first input of a join first, as ``build.py`` finds them again."""
    producers = {name: node for node in model.graph.node for name in node.output}
    waiting, ordered = [model.graph.output[0].name], dict[str, bool]()
    while waiting:
        name = waiting[-1]
        missing = [source for source in producers[name].input if source in producers and source not in ordered]
        if missing:
            waiting.append(missing[0])
        else:
            ordered[waiting.pop()] = producers[name].op_type in QUANTISERS
    return [name for name, quantises in ordered.items() if quantises]


def main(ask: Mapping[str, Any]) -> None:
    graph = as_finn_takes_it(ModelProto.FromString(Path("graph.onnx").read_bytes()))
    model = ModelWrapper(graph)
    for transformation in (
        InferShapes(),
        FoldConstants(exclude_op_types=QUANTISERS),
        SortGraph(),
        RemoveUnusedTensors(),
    ):
        model = model.transform(transformation)
    Path("order.json").write_text(json.dumps(_quantised(model)))
    Path("model.onnx").write_bytes(model.model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    run_worker(main)
