"""The architecture of a network: its layers, shapes and connections, whoever wrote them down.

Not counted are names, the order in which independent branches are listed, that of a sum's inputs, how a padding is
spelled, and whether a softmax ends the network: its answer is the class scores. So the float network that a quantised
file was trained from and the float twin of that file are one architecture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.core.digest import digest_of

if TYPE_CHECKING:
    from models.layers import Layer
    from models.network import Network

INPUT = "input"
SOFTMAX = "softmax"


def counted(network: Network) -> dict[str, Layer]:
    """By name, the layers that make the architecture: all but a softmax at the end."""
    *body, last = network.layers
    return {layer.name: layer for layer in (body if last.kind == SOFTMAX and body else network.layers)}


def computed(network: Network) -> Mapping[str, str]:
    """By counted layer, a digest of what it computes from the input on."""
    digests = {INPUT: INPUT}
    for layer in counted(network).values():
        inputs = [digests[name] for name in layer.inputs]
        settings = layer.settings(*network.input_shapes(layer))
        digests[layer.name] = digest_of([layer.kind, settings, sorted(inputs) if layer.commutes else inputs])
    return digests


def architecture(network: Network) -> str:
    """Its digest: equal for two networks of one architecture. Layers stand in an order that follows from the graph
    alone, and refer to their inputs by place."""
    layers, inputs = counted(network), _ordered_inputs(network)
    place, graph = {INPUT: -1}, list[list[Any]]()
    for name in _as_they_run(inputs, list(layers)[-1]):
        layer, place[name] = layers[name], len(graph)
        settings = layer.settings(*network.input_shapes(layer))
        graph.append([layer.kind, [place[source] for source in inputs[name]], settings])
    if network.layers[-1].kind == SOFTMAX or not network.layers[-1].on_host:
        graph.append([SOFTMAX, [len(graph) - 1], {}])
    return digest_of({"input": network.input_shape, "graph": graph})


def _ordered_inputs(network: Network) -> Mapping[str, list[str]]:
    """The inputs of each counted layer; those of a sum by the longest way from the input, then by what is computed and
    what is done with it, and where all of that is alike, by what the layers around them are."""
    layers = counted(network).values()
    above, below = computed(network), _used(network)
    depth = {INPUT: 0}
    for layer in layers:
        depth[layer.name] = 1 + max(depth[name] for name in layer.inputs)
    keys: dict[str, Any] = {name: (-depth[name], above[name], below[name]) for name in depth}
    if any(len({keys[name] for name in set(layer.inputs)}) < len(set(layer.inputs)) for layer in layers):
        around = _surroundings(network, keys)
        keys = {name: (*key, around[name]) for name, key in keys.items()}
    ordered = {layer.name: list(layer.inputs) for layer in layers}
    for layer in layers:
        if layer.commutes:
            ordered[layer.name].sort(key=keys.__getitem__)
    return ordered


def _surroundings(network: Network, keys: Mapping[str, Any]) -> Mapping[str, str]:
    """By tensor, a digest of `keys` and of what stands around it, as far as that tells more of them apart."""
    layers, around = counted(network), {name: digest_of(key) for name, key in keys.items()}
    while True:
        readers = defaultdict[str, list[str]](list)
        for name, layer in layers.items():
            for source in layer.inputs:
                readers[source].append(around[name])
        seen = {
            name: digest_of(
                [own, sorted(around[source] for source in layers[name].inputs) if name != INPUT else [],
                 sorted(readers[name])]
            )
            for name, own in around.items()
        }  # fmt: skip
        if len(set(seen.values())) == len(set(around.values())):
            return around
        around = seen


def _used(network: Network) -> Mapping[str, str]:
    """By tensor, a digest of what is done with it: it tells apart layers that compute alike on weights of their own."""
    above, readers = computed(network), defaultdict[str, list[Any]](list)
    digests: dict[str, str] = {}
    for name, layer in reversed(counted(network).items()):
        digests[name] = digest_of(sorted(readers[name]))
        for index, source in enumerate(layer.inputs):
            readers[source].append([above[name], digests[name], 0 if layer.commutes else index])
    return digests | {INPUT: digest_of(sorted(readers[INPUT]))}


def _as_they_run(inputs: Mapping[str, list[str]], end: str) -> list[str]:
    """All layers before `end` and itself, each behind its inputs, branch by branch."""
    order: dict[str, None] = {}
    waiting = [end]
    while waiting:
        name = waiting[-1]
        missing = [source for source in inputs[name] if source != INPUT and source not in order]
        if missing:
            waiting.append(missing[0])
        else:
            order[waiting.pop()] = None
    return list(order)
