"""What a QONNX file leaves: its float twin, the ranges that its quantisers represent, and the network of integers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper

from flows.core.errors import InputError
from models.imported.quantiser import FileTensor, Quantise, Truncate
from models.imported.workers.integers import Integers, integers, pixel_unit
from models.imported.workers.limits import refusal
from models.imported.workers.onnx_graph import Graph
from models.imported.workers.twin import twin
from models.integer_network import FACTS, GRAPH, WEIGHTS, QuantisedTensor, facts_to_json
from models.layers import Layer
from models.network import Network
from models.weights import open_weights, save_weights


def read_quantised(
    model: ModelProto, network: Network, graph: Graph, file: str, out: Path
) -> tuple[Network, Mapping[str, np.ndarray]]:
    """The float twin and its weights; the rest is written into the folder `out`."""
    pixel = Fraction(1, 255) if graph.divided else pixel_unit(network)
    hardware, weights, ranges = twin(network, graph.draft.tensors, pixel)
    (out / "ranges.json").write_text(json.dumps({name: list(ends) for name, ends in ranges.items()}))
    try:
        integer = integers(network, graph.draft.tensors, graph.kernels, pixel)
    except InputError as error:
        (out / "not_integers.json").write_text(
            refusal(InputError(f"{file}, {error.culprit}", error.fact, error.next_step))
        )
        return hardware, weights
    divisor = 1 if graph.divided else pixel.denominator
    _write(integer, network, graph, divisor, out)
    _embed(model, graph)
    (out / GRAPH).write_bytes(model.SerializeToString(deterministic=True))
    return hardware, weights


def _write(integer: Integers, network: Network, graph: Graph, divisor: int, out: Path) -> None:
    save_weights(out / WEIGHTS, integer.weights, integer.quantised.network)
    quantised = replace(integer.quantised, weights=open_weights(out / WEIGHTS, integer.quantised.network).digest)
    tensors = tuple(_tensor(network[name], of_file, integer) for name, of_file in graph.quantised.items())
    facts = facts_to_json(quantised, divisor, graph.channels_last, tensors)
    (out / FACTS).write_text(json.dumps(facts))


def _tensor(layer: Layer, of_file: FileTensor, integer: Integers) -> QuantisedTensor:
    assert isinstance(layer, Quantise | Truncate)
    read = integer.read.get(layer.name, ())
    return QuantisedTensor(
        tensor=of_file.name,
        layer=integer.layer_of[layer.name],
        scale=layer.scale,
        channels_last=of_file.channels_last,
        order=of_file.order,
        gains=tuple(float(affine.gain) for affine in read),
        offsets=tuple(float(affine.offset) for affine in read),
        spreads=tuple(float(affine.spread) for affine in read),
    )


def _embed(model: ModelProto, graph: Graph) -> None:
    """Tensors that stand in other files come into this one, and doubles become the singles that they are."""
    tensors = [(tensor.name, tensor) for tensor in model.graph.initializer]
    tensors += [(node.output[0], attribute.t) for node in model.graph.node for attribute in node.attribute]
    for name, tensor in tensors:
        if tensor.external_data or tensor.data_type == TensorProto.DOUBLE:
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(graph.constants[name], order="C"), tensor.name))
