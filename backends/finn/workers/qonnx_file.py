"""A QONNX file as the small graph that is judged. Nothing in it is executed."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, TensorShapeProto, numpy_helper, shape_inference

from backends.finn.readiness.graph import QUANTISER_DOMAINS, QUANTISERS, Axis, Constant, Graph, GraphNode
from backends.finn.readiness.operators import JUDGED, OWN_DOMAINS
from backends.finn.workers.plain import become, plain_model
from flows.core.errors import InputError
from models.imported.workers.onnx_file import TYPES, Tensors, tensors_of, type_name

LARGEST = 4096
"""Elements of a constant whose values are read: a scale, a shape, axes."""
ATTRIBUTES: dict[str, type] = {
    **dict.fromkeys(("pads", "strides", "kernel_shape", "dilations", "axes"), tuple),
    **dict.fromkeys(("signed", "narrow", "ceil_mode", "keepdims", "group", "transA", "transB", "axis"), int),
    **dict.fromkeys(("alpha", "beta"), float),
    **dict.fromkeys(("auto_pad", "rounding_mode"), str),
}
"""What the conditions ask for, and the type that ONNX and QONNX give it."""
NUMBERS = {"value_float": "FLOAT", "value_floats": "FLOAT", "value_int": "INT64", "value_ints": "INT64"}
"""Attributes in which a Constant may hold numbers, beside a tensor."""
FOLDED = {"Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "Div": operator.truediv}
READERS = {*JUDGED, *QUANTISERS} - {"Constant"}
"""Operators that make nothing of nothing."""
ADVICE = "export it again (brevitas.export.export_qonnx), or give another file"


def read_graph(model: ModelProto, tensors: Tensors) -> Graph:
    """Raises `InputError` where the graph makes no sense, `WantedFiles` where tensors stand in files that are not
    there."""
    if not model.graph.node:
        raise InputError(tensors.file, "no ONNX network: it holds no operators", ADVICE)
    tensors.check_files(tensors_of(model))
    nodes = tuple(_node(index, node) for index, node in enumerate(model.graph.node))
    _check_attributes(nodes, tensors.file)
    constants = _constants(model, tensors)
    inputs = tuple(value.name for value in model.graph.input if value.name not in constants)
    _check_order(nodes, {"", *inputs, *constants}, tensors.file)
    _fold(nodes, constants)
    types = {tensor.name: type_name(tensor.type.tensor_type.elem_type) for tensor in model.graph.input}
    functions = tuple(function.name for function in model.functions)
    outputs = tuple(tensor.name for tensor in model.graph.output)
    return Graph(inputs, outputs, nodes, constants, _shapes(model, tensors), types, functions, model.ir_version)


def _node(index: int, node: NodeProto) -> GraphNode:
    nested = any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)
    settings = {attribute.name: value for attribute in node.attribute if (value := _setting(attribute)) is not None}
    name = node.name or next(iter(node.output), "")
    return GraphNode(index, name, node.op_type, node.domain, tuple(node.input), tuple(node.output), settings, nested)


def _setting(attribute: onnx.AttributeProto) -> Any:
    """Numbers, text and lists of numbers; None for what no condition asks for."""
    match attribute.type:
        case onnx.AttributeProto.INT:
            return attribute.i
        case onnx.AttributeProto.FLOAT:
            return attribute.f
        case onnx.AttributeProto.STRING:
            return attribute.s.decode(errors="replace")
        case onnx.AttributeProto.INTS:
            return tuple(attribute.ints)


def _check_attributes(nodes: tuple[GraphNode, ...], file: str) -> None:
    for node in nodes:
        for name, value in node.settings.items() if node.domain in (*OWN_DOMAINS, *QUANTISER_DOMAINS) else ():
            if not isinstance(value, ATTRIBUTES.get(name, object)):
                raise InputError(f"{file}, {node}", f"its attribute {name} is {value!r}, of the wrong type", ADVICE)


def _constants(model: ModelProto, tensors: Tensors) -> dict[str, Constant]:
    constants = {tensor.name: _constant(tensor, tensors) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output:
            constants[node.output[0]] = _written(node, tensors)
    return constants


def _written(node: NodeProto, tensors: Tensors) -> Constant:
    """What a node of kind Constant makes: a tensor, or numbers that are written as its attribute."""
    for attribute in node.attribute:
        if attribute.name == "value":
            return _constant(attribute.t, tensors)
        if attribute.name in NUMBERS:
            value = onnx.helper.get_attribute_value(attribute)
            shape = (len(value),) if isinstance(value, Sequence) else ()
            return Constant(shape, tuple(map(float, value if shape else (value,))), NUMBERS[attribute.name])
    return Constant((), None, "UNDEFINED")


def _fold(nodes: Iterable[GraphNode], constants: dict[str, Constant]) -> None:
    """Adds what arithmetic makes of single numbers, as FINN's cleanup does: a scale may be written as max / 7."""
    for node in nodes:
        operands = [constants[name] for name in node.inputs if name in constants]
        numbers = [np.float32(each.values[0]) for each in operands if each.values and len(each.values) == 1]
        if node.kind in FOLDED and len(numbers) == len(node.inputs) == 2:
            with np.errstate(all="ignore"):  # what is no number then is told of the quantiser that reads it
                value = float(FOLDED[node.kind](*numbers))
            constants[node.outputs[0]] = Constant(max(each.shape for each in operands), (value,), operands[0].kind)


def _constant(tensor: TensorProto, tensors: Tensors) -> Constant:
    shape, count = tuple(tensor.dims), 1
    for axis in shape:
        count *= axis
    kind = type_name(tensor.data_type)
    if not 0 <= count <= LARGEST or tensor.data_type not in (*TYPES, TensorProto.DOUBLE):
        return Constant(shape, None, kind)
    if tensor.data_type in TYPES and tensor.data_type != TensorProto.DOUBLE:  # which are judged, not read as singles
        values = tensors.read(tensor)
    elif tensor.data_location == TensorProto.EXTERNAL:
        return Constant(shape, None, kind)
    else:
        values = numpy_helper.to_array(tensor)
    return Constant(shape, tuple(float(value) for value in values.ravel()), kind)


def _check_order(nodes: tuple[GraphNode, ...], known: set[str], file: str) -> None:
    """Raises `InputError` unless every node reads what stands before it and makes what is not there."""
    for node in nodes:
        if not any(node.outputs) or (node.kind in READERS and not any(node.inputs[:1])):
            raise InputError(f"{file}, {node}", "it reads or makes nothing", ADVICE)
        if strange := [name for name in node.inputs if name not in known]:
            fact = f"it reads {strange[0]!r}, which nothing before it makes"
            raise InputError(f"{file}, {node}", fact, ADVICE)
        if twice := [name for name in node.outputs if name and name in known and node.kind != "Constant"]:
            raise InputError(f"{file}, {node}", f"it makes {twice[0]!r}, which is there already", ADVICE)
        known.update(node.outputs)


def _shapes(model: ModelProto, tensors: Tensors) -> dict[str, tuple[Axis, ...]]:
    """By tensor as far as ONNX infers them, a quantiser being an identity and the input float32."""
    plain = plain_model(model)
    constants = {tensor.name for tensor in plain.graph.initializer}  # which old files list among the inputs too
    for value in plain.graph.input:
        if value.name not in constants:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in plain.graph.node:
        if node.op_type == "BipolarQuant" and node.domain in QUANTISER_DOMAINS and node.input:
            become(node, "Identity")
    imported = {opset.domain for opset in plain.opset_import}
    for domain in {node.domain for node in plain.graph.node} - imported - {"", "ai.onnx"}:
        plain.opset_import.add(domain=domain, version=1)
    for tensor in plain.graph.initializer:  # reshapes and averages need their constants in the file
        outside = tensor.data_location == TensorProto.EXTERNAL and tensor.data_type in TYPES
        if outside and len(tensor.dims) == 1 and tensor.dims[0] <= LARGEST:
            tensor.CopyFrom(numpy_helper.from_array(tensors.read(tensor), tensor.name))
    with suppress(shape_inference.InferenceError, ValueError, RuntimeError):  # then what the file says itself remains
        plain = shape_inference.infer_shapes(plain, data_prop=True)
    shapes: dict[str, tuple[Axis, ...]] = {tensor.name: tuple(tensor.dims) for tensor in plain.graph.initializer}
    for value in (*plain.graph.input, *plain.graph.value_info, *plain.graph.output):
        if value.type.tensor_type.HasField("shape"):
            shapes[value.name] = tuple(_axis(dimension) for dimension in value.type.tensor_type.shape.dim)
    return shapes


def _axis(dimension: TensorShapeProto.Dimension) -> Axis:
    if dimension.HasField("dim_value"):
        return dimension.dim_value
    return dimension.dim_param or None
