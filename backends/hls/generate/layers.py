"""The files in ``src/layers``: shapes, folding, types and arithmetic of each layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from backends.dataflow.layers.blueprint import Blueprint
from backends.dataflow.layers.names import struct, title
from backends.dataflow.layers.nodes import Lanes, Node, pixels
from backends.dataflow.layers.schedule import QUICKEST, busy
from backends.hls.generate import cpp
from backends.hls.generate.cpp import Function
from backends.hls.generate.layer_text import (
    Constants,
    LayerText,
    definitions,
    image_constants,
    rows_of,
    serial_constants,
    word,
)
from backends.hls.generate.weighted import weighted
from models.fixed import FixedType
from models.layers import Add, AveragePool2D, Clip, Concat, GlobalAveragePool, LeakyReLU, MaxPool2D, ReLU
from models.quantised import QuantisedNetwork


def layer_texts(project: Blueprint, names: Mapping[str, str]) -> Iterator[LayerText]:
    """The layers in the order of the network; `names` gives each layer's identifier."""
    for node in project.nodes:
        wide, name = project.lanes[node.name], names.get(node.layer.name, "")
        match node.kind, node.layer:
            case (("matrix_vector" | "depthwise"), _):
                yield weighted(project, node, wide, name)
            case "maxpool2d", MaxPool2D() as layer:
                yield _pool(project, node, layer, wide, name)
            case "averagepool2d", AveragePool2D() as layer:
                yield _average_pool(project, node, layer, wide, name)
            case "add", Add():
                yield _add(project.quantised, node, wide, name)
            case "concat", Concat():
                yield _concat(project.quantised, node, wide, name)
            case _, (ReLU() | Clip() | LeakyReLU()) as layer if node.kind == layer.kind:
                yield _activation(project.quantised, node, layer, wide, name)
            case "global_average_pool", GlobalAveragePool():
                yield _average(project.quantised, node, wide, name)


def _pool(project: Blueprint, node: Node, layer: MaxPool2D, wide: Lanes, name: str) -> LayerText:
    source = project.quantised.type_of(layer.inputs[0])
    return LayerText(
        name,
        struct(name),
        title(project.quantised, layer),
        ("max_pool",),
        (
            *_pooling(node, layer, wide),
            ("The value of the padding.", definitions(LOWEST=source.low)),
        ),
        (("Value", cpp.integer(source), source.name), ("Word", word(source, "LANES"), "")),
        rows=rows_of(project, node, name, "max_pool", "Word"),
    )


def _pooling(node: Node, layer: MaxPool2D | AveragePool2D, wide: Lanes) -> Constants:
    is_flat = layer.kernel[0] == 1
    above = "Rows kept above the newest one" + (": an array has one, which is never used." if is_flat else ".")
    folding = definitions(LANES=wide.takes, STEPS=node.taken[-1] // wide.takes, TURNS=busy(node, wide, QUICKEST))
    return (
        *image_constants(node, layer),
        (above, definitions(ABOVE=max(layer.kernel[0] - 1, 1))),
        ("LANES channels a cycle.", folding),
    )


def _average_pool(project: Blueprint, node: Node, layer: AveragePool2D, wide: Lanes, name: str) -> LayerText:
    source, arithmetic = project.quantised.type_of(layer.inputs[0]), project.quantised.layers[layer.name]
    assert arithmetic.accumulator is not None
    function, types = _averaging(source, prod(layer.kernel), arithmetic.accumulator, arithmetic.output)
    return LayerText(
        name,
        struct(name),
        title(project.quantised, layer),
        ("average_pool", "fixed_point"),
        _pooling(node, layer, wide),
        types,
        function,
        rows=rows_of(project, node, name, "average_pool", "Output"),
    )


def _average(quantised: QuantisedNetwork, node: Node, wide: Lanes, name: str) -> LayerText:
    layer = node.layer
    source, arithmetic = quantised.type_of(layer.inputs[0]), quantised.layers[layer.name]
    assert arithmetic.accumulator is not None
    function, types = _averaging(source, pixels(node.taken), arithmetic.accumulator, arithmetic.output)
    return LayerText(
        name,
        struct(name),
        title(quantised, layer),
        ("fixed_point", "global_average_pool"),
        serial_constants(node, wide),
        types,
        function,
    )


def _averaging(
    source: FixedType, area: int, accumulator: FixedType, result: FixedType
) -> tuple[Function, tuple[tuple[str, str, str], ...]]:
    """(the average from the sum of an area, the types of a stage that adds)."""
    function, width = cpp.averaged(source, area, accumulator, result)
    return function, _types_of_one_tensor(source, width, result)


def _add(quantised: QuantisedNetwork, node: Node, wide: Lanes, name: str) -> LayerText:
    left, right = (quantised.type_of(tensor) for tensor in node.layer.inputs)
    result = quantised.layers[node.layer.name].output
    function, width = cpp.added(left, right, result)
    types = (
        *_types_of_two_tensors(left, right, width, result),
        ("Left", word(left, "LANES"), ""),
        ("Right", word(right, "LANES"), ""),
        ("Output", word(result, "LANES"), ""),
    )
    constants = serial_constants(node, wide)
    return LayerText(
        name, struct(name), title(quantised, node.layer), ("add", "fixed_point"), constants, types, function
    )


def _concat(quantised: QuantisedNetwork, node: Node, wide: Lanes, name: str) -> LayerText:
    left, right = (quantised.type_of(tensor) for tensor in node.layer.inputs)
    result, channels = quantised.layers[node.layer.name].output, node.shape[-1]
    function, width, ups = cpp.aligned(left, right, result)
    constants = (
        ("", definitions(PIXELS=pixels(node.shape), LANES=wide.puts, STEPS=channels // wide.puts)),
        ("Channels of each input.", definitions(LEFT=node.taken[-1], RIGHT=channels - node.taken[-1])),
        ("Left shifts of the codes to a common binary point.", definitions(LEFT_UP=ups[0], RIGHT_UP=ups[1])),
    )
    types = (
        *_types_of_two_tensors(left, right, width, result),
        ("Left", word(left, "LEFT"), ""),
        ("Right", word(right, "RIGHT"), ""),
        ("Pixel", word(result, "(LEFT + RIGHT)"), ""),
        ("Output", word(result, "LANES"), ""),
    )
    headers = "concat", "fixed_point"
    return LayerText(name, struct(name), title(quantised, node.layer), headers, constants, types, function)


def _types_of_one_tensor(source: FixedType, width: int, result: FixedType) -> tuple[tuple[str, str, str], ...]:
    """The types of values of a tensor, computed in `width` bits, of what they become, and of both in words."""
    return (
        ("Value", cpp.integer(source), source.name),
        ("Sum", f"ap_int<{width}>", ""),
        ("Result", cpp.integer(result), result.name),
        ("Word", word(source, "LANES"), ""),
        ("Output", word(result, "LANES"), ""),
    )


def _types_of_two_tensors(
    left: FixedType, right: FixedType, width: int, result: FixedType
) -> tuple[tuple[str, str, str], ...]:
    """The types of values of two tensors, aligned in `width` bits, and of what they become."""
    return (
        ("LeftValue", cpp.integer(left), left.name),
        ("RightValue", cpp.integer(right), right.name),
        ("Sum", f"ap_int<{width}>", ""),
        ("Result", cpp.integer(result), result.name),
    )


def _activation(quantised: QuantisedNetwork, node: Node, layer: cpp.Activation, wide: Lanes, name: str) -> LayerText:
    source, arithmetic = quantised.type_of(layer.inputs[0]), quantised.layers[layer.name]
    result = arithmetic.output
    function, width = cpp.activated(source, result, layer, arithmetic.slope)
    types = _types_of_one_tensor(source, width, result)
    constants = serial_constants(node, wide)
    return LayerText(
        name, struct(name), title(quantised, layer), ("activation", "fixed_point"), constants, types, function
    )
