"""Writes the hls4ml project: ``python -m backends.hls4ml.workers.convert JOB.json``.

Imports hls4ml; nothing imports it.

Keras runs on torch, so that TensorFlow is not needed. It is converted from the Keras model that training builds, too
(`models.keras3.network`), on weights rounded to their types. Every type, reuse factor and strategy is pinned, and read
back from the converted graph and the generated ``defines.h``; a difference fails. Writes ``project/``, ``types.json``
(what was read back) and ``simulation.cpp``, through which the C simulation takes and gives integers.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import hls4ml
import keras
import numpy as np
from safetensors.numpy import load_file

from backends.hls4ml.workers.cpp import PROJECT, simulation, write_relu6
from backends.hls4ml.workers.fifos import read_fifos, set_depths, write_storage
from flows.core.errors import MismatchError
from flows.core.worker import JOB, run_worker
from models.fixed import FixedType, parse_type
from models.keras3.network import IMAGE, applied, explicit_pads, keras_layer, padding_name
from models.layers import Clip, GroupedConv2D, Layer, MaxPool2D
from models.network import INPUT
from models.quantised import QuantisedNetwork
from models.serial import quantised_from_json


def keras_model(quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray]) -> keras.Model:
    """The layers that the design computes, on weights rounded to their types, so that C++ loads them exactly."""
    image = keras.Input(quantised.network.input_shape, name=IMAGE)
    tensors = {INPUT: image}
    for layer in quantised.computed:
        inputs = [tensors[name] for name in layer.inputs]
        tensors[layer.name] = applied(quantised.network, layer, inputs, known_to_hls4ml)
    model = keras.Model(image, tensors[quantised.output])
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        if types.kernel and types.bias:
            kernel, bias = weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]
            if isinstance(layer, GroupedConv2D):
                kernel = kernel.swapaxes(2, 3)
            model.get_layer(layer.name).set_weights([rounded(kernel, types.kernel), rounded(bias, types.bias)])
    return model


def known_to_hls4ml(layer: Layer) -> keras.layers.Layer:
    """Its Keras layer. Two kinds are replaced by equal layers that hls4ml reads."""
    match layer:
        case GroupedConv2D():
            padding = layer.padding if layer.padding == "same" else "valid"
            return keras.layers.DepthwiseConv2D(layer.kernel, layer.strides, padding, name=layer.name)
        case Clip():
            return keras.layers.Activation("relu6", name=layer.name)
    return keras_layer(layer)


def rounded(weights: np.ndarray, type: FixedType) -> np.ndarray:
    """Each weight as the number that its code in `type` stands for."""
    numbers = [float(type.value(type.enter(Fraction(value)))) for value in weights.ravel().tolist()]
    return np.array(numbers, np.float32).reshape(weights.shape)


def configuration(model: keras.Model, quantised: QuantisedNetwork, ask: Mapping[str, Any]) -> dict[str, Any]:
    """hls4ml's own configuration with reuse factors, strategy and, where they are to be pinned, every type set."""
    config = hls4ml.utils.config_from_keras_model(
        model, granularity="name", backend=ask["backend"], default_precision=quantised.input.type.name
    )
    for layer in quantised.computed:
        entry = config["LayerName"][layer.name]
        entry |= {"Strategy": strategy(layer.name, ask), "ReuseFactor": ask["reuse"].get(layer.name, 1)}
        if ask["pinned"]:
            entry["Precision"] |= precision(quantised, layer)
        if ask["pinned"] and explicit_pads(quantised.network, layer):
            source = quantised.type_of(layer.inputs[0])
            config["LayerName"][padding_name(layer)]["Precision"] = {"result": source.name}
    if ask["pinned"]:
        config["LayerName"][IMAGE]["Precision"]["result"] = quantised.input.type.name
    return config


def strategy(layer: str, ask: Mapping[str, Any]) -> str:
    return "latency" if layer in ask["unrolled"] else "resource"


def precision(quantised: QuantisedNetwork, layer: Layer) -> dict[str, str]:
    """The types of one layer under the names that hls4ml gives them."""
    types = quantised.layers[layer.name]
    named = {"result": types.output, "weight": types.kernel, "bias": types.bias, "accum": types.accumulator}
    if isinstance(layer, MaxPool2D):
        named["accum"] = types.output
    if types.softmax:
        tables = types.softmax
        named |= {"accum": tables.total, "exp_table": tables.exponential, "inv_table": tables.inverse}
        named |= {"inv_inp": tables.divisor}
    return {name: value.name for name, value in named.items() if value is not None}


def read_back(graph: Any, quantised: QuantisedNetwork, ask: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(place, what hls4ml made, what was meant) of every type, reuse factor and strategy in the converted graph."""
    writers = {INPUT: INPUT}
    for node in graph.get_layers():
        # The input reads "input"; it, a clone and a padding have the type of what they read.
        source = node.name if node.name in quantised.layers else writers[node.inputs[0]]
        for output in node.outputs:
            writers[output] = source
        meant = quantised.type_of(source)
        for name, variable in node.variables.items():
            yield f"{node.name}, output {name}", _canonical(variable.type.precision), meant.name
        if node.name in quantised.layers:
            layer = quantised.network[node.name]
            for role, expected in precision(quantised, layer).items():
                if role != "result":
                    yield f"{node.name}, {role}", _canonical(node.types[f"{role}_t"].precision), expected
            if node.name in ask["reuse"]:
                yield f"{node.name}, reuse factor", str(node.get_attr("reuse_factor")), str(ask["reuse"][node.name])
                yield f"{node.name}, strategy", str(node.get_attr("strategy")).lower(), strategy(node.name, ask)


def read_sources(graph: Any) -> Iterator[tuple[str, str, str]]:
    """(type name, what ``defines.h`` says, what the graph says) of every stream."""
    text = (PROJECT / "firmware" / "defines.h").read_text()
    typedefs = re.findall(r"typedef (?:nnet::array<(.+>), [\d*]+>|(ap_.+>)) (\w+);", text)
    written = {name: inner or plain for inner, plain, name in typedefs}
    for node in graph.get_layers():
        for variable in node.variables.values():
            name = variable.type.name
            written_type = _canonical(written[name]) if name in written else "no such type"
            yield f"defines.h, {name}", written_type, _canonical(variable.type.precision)


def _canonical(precision: object) -> str:
    return parse_type(str(precision)).name


def main(ask: Mapping[str, Any]) -> None:
    quantised = quantised_from_json(ask["quantised"], JOB)
    model = keras_model(quantised, load_file(ask["weights"]))
    graph = hls4ml.converters.convert_from_keras_model(
        model,
        hls_config=configuration(model, quantised, ask),
        output_dir=str(PROJECT),
        backend=ask["backend"],
        io_type=ask["io_type"],
        part=ask["part"],
        clock_period=ask["clock_ns"],
        clock_uncertainty=ask["clock_uncertainty"],
    )
    buffers = {(writer, reader): (depth, storage) for writer, reader, depth, storage in ask["fifos"]}
    if ask["io_type"] == "io_stream":
        set_depths(graph, buffers)
    graph.write()
    if any(isinstance(layer, Clip) for layer in quantised.computed):
        write_relu6()
    facts = [*read_back(graph, quantised, ask), *read_sources(graph)]
    if ask["io_type"] == "io_stream":
        if ask["pragmas"]:
            write_storage(graph, buffers, ask["backend"])
        facts += read_fifos(graph, buffers, ask)
    for place, actual, meant in facts:
        if actual != meant:
            raise MismatchError(f"hls4ml, {place}", f"made {actual}, not {meant}", "please report it with job.json")
    Path("types.json").write_text(json.dumps({place: actual for place, actual, _ in facts}, indent=1))
    Path("simulation.cpp").write_text(simulation(graph, quantised, ask["io_type"]))


if __name__ == "__main__":
    run_worker(main)
