"""The layers of a network in an exported graph: found by walking both from the output, and their nodes named so.

Exporters name nodes by themselves, and reorder them. Imports onnx.
"""

from __future__ import annotations

from pathlib import Path

from onnx import ModelProto

from flows.core.errors import StepFailed
from models.imported.quantiser import Quantise
from models.imported.workers.onnx_nodes import read_graph
from models.layers import Dropout, Softmax
from models.network import INPUT, Network


def name_nodes(model: ModelProto, network: Network) -> None:
    """Calls the nodes of `model`, cleaned, as the layers of `network`; raises `StepFailed` where they do not match."""
    theirs, graph = read_graph(model, Path("exported.onnx"), network.name, ())
    names: dict[str, str] = {}
    waiting = [(theirs.output, _computed(network, network.output))]
    while waiting:
        theirs_name, meant = waiting.pop()
        while theirs_name != INPUT and isinstance(layer := theirs[theirs_name], Quantise):
            _same(names, theirs_name, f"{meant}_quant")
            theirs_name = layer.inputs[0]
        if meant == INPUT:  # what scales the pixels stands before their quantiser
            continue
        if theirs_name == INPUT:
            raise _broken(f"reads the image where {meant} belongs")
        layer, ours = theirs[theirs_name], network[meant]
        if layer.kind != ours.kind or theirs.shapes[theirs_name] != network.shapes[meant]:
            raise _broken(f"has {layer.kind} {theirs.shapes[theirs_name]} where {meant} belongs")
        if _same(names, theirs_name, meant):
            continue
        waiting += zip(layer.inputs, (_computed(network, name) for name in ours.inputs), strict=True)
    kernels = {node.input[1]: names[node.name] for node in model.graph.node if node.name in graph.kernels}
    for index, node in enumerate(model.graph.node):
        kernel = kernels.get(node.output[0])
        node.name = names.get(node.name) or (f"{kernel}_kernel_quant" if kernel else f"between_{index}")


def _computed(network: Network, name: str) -> str:
    """Past what an exported network has not."""
    while name != INPUT and isinstance(layer := network[name], Softmax | Dropout):
        name = layer.inputs[0]
    return name


def _same(names: dict[str, str], theirs: str, meant: str) -> bool:
    """Notes that `theirs` is `meant`; whether that was known."""
    known = theirs in names
    if names.setdefault(theirs, meant) != meant:
        raise _broken(f"has one {theirs} where {names[theirs]} and {meant} belong")
    return known


def _broken(fact: str) -> StepFailed:
    return StepFailed("export to QONNX", f"the exported graph {fact}", "try another version of torch")
