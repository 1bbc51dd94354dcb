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
    constants = {one.name: one for one in graph.initializer}
    inputs = [one for one in graph.input if one.name not in constants]
    del graph.input[:]
    graph.input.extend(inputs)
    for value in graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    shapes = _shapes(model)
    given = {name: numpy_helper.to_array(one).ravel() for name, one in _short(model)}
    images, truncated = {one.name for one in graph.input}, set[str]()
    for node in reversed(graph.node):
        if node.op_type == "Trunc" or (node.op_type == "Mul" and node.output[0] in truncated):
            truncated.update(node.input)
    nodes: list[NodeProto] = []
    for node in graph.node:
        aside = truncated.intersection(node.output)
        nodes += [node] if aside else _rewritten(node, shapes, given, images)
    for node in nodes:
        if node.op_type == "Conv" and len(shape := shapes.get(node.input[1], [])) == 4:
            _say_all(node, dilations=[1, 1], group=1, kernel_shape=shape[2:], pads=[0] * 4, strides=[1, 1])
        if node.op_type == "MaxPool":
            _say_all(node, ceil_mode=0, dilations=[1, 1], pads=[0] * 4, strides=[1, 1])
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    read = {name for node in nodes for name in node.input}
    kept = [one for one in graph.initializer if one.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return model


def _short(model: ModelProto) -> Iterator[tuple[str, TensorProto]]:
    """The constants of one axis at most, by name."""
    nodes = [node for node in model.graph.node if node.op_type == "Constant"]
    given = [(one.name, one) for one in model.graph.initializer]
    given += [(node.output[0], one.t) for node in nodes for one in node.attribute if one.name == "value"]
    return ((name, one) for name, one in given if len(one.dims) < 2)


def _rewritten(
    node: NodeProto, shapes: Mapping[str, list[int]], given: Mapping[str, Any], images: set[str]
) -> Iterator[NodeProto]:
    settings = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    source, made = node.input[0] if node.input else "", node.output[0]
    shape = shapes.get(source, [])
    whole = node.op_type == "AveragePool" and list(settings.get("kernel_shape", [])) == shape[2:]
    second = given.get(node.input[1], ()) if len(node.input) > 1 else ()
    over = second if len(node.input) > 1 else settings.get("axes", ())
    mean = node.op_type == "ReduceMean" and {int(axis) % 4 for axis in over} == {2, 3} and len(shape) == 4
    if node.op_type == "Dropout" or (node.op_type == "Cast" and settings.get("to") == TensorProto.FLOAT):
        yield helper.make_node("Identity", [source], [made], name=node.name)
    elif node.op_type == "Clip" and (len(second) or not "".join(node.input[1:2])):
        low = [*second, settings.get("min")][0]  # the integers were read: its quantisers end where it does, or before
        yield helper.make_node("Relu" if low == 0 else "Identity", [source], [made], name=node.name)
    elif node.op_type == "Reshape" and source in images and len(shapes.get(made, [])) == 2:
        yield helper.make_node("Flatten", [source], [made], name=node.name)
    elif not (whole or mean):
        yield node
    elif whole or settings.get("keepdims", 1):
        yield helper.make_node("GlobalAveragePool", [source], [made], name=node.name)
    else:
        yield helper.make_node("GlobalAveragePool", [source], [f"{made}.image"], name=node.name)
        yield helper.make_node("Flatten", [f"{made}.image"], [made], name=f"{node.name}.flat")


def _say_all(node: NodeProto, **settings: Any) -> None:
    """Gives a node the settings that it leaves out, with the values that ONNX gives them."""
    said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if said.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        del settings["pads"]
    node.attribute.extend(helper.make_attribute(name, value) for name, value in settings.items() if name not in said)


def _shapes(model: ModelProto) -> dict[str, list[int]]:
    plain = shape_inference.infer_shapes(plain_model(model), data_prop=True)
    values = (*plain.graph.input, *plain.graph.value_info, *plain.graph.output)
    inferred = {value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in values}
    return {one.name: list(one.dims) for one in plain.graph.initializer} | inferred


def _quantised(model: ModelWrapper) -> list[str]:
    """What quantisers make, branch by branch, the first input of a join first, as ``build.py`` finds them again."""
    made = {name: node for node in model.graph.node for name in node.output}
    waiting, ordered = [model.graph.output[0].name], dict[str, bool]()
    while waiting:
        name = waiting[-1]
        missing = [one for one in made[name].input if one in made and one not in ordered]
        if missing:
            waiting.append(missing[0])
        else:
            ordered[waiting.pop()] = made[name].op_type in QUANTISERS
    return [name for name, quantises in ordered.items() if quantises]


def main(ask: Mapping[str, Any]) -> None:
    given = as_finn_takes_it(ModelProto.FromString(Path("graph.onnx").read_bytes()))
    model = ModelWrapper(given)
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
