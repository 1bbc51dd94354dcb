"""Conditions on quantisers: the input's, those of weights, those of activations.

What FINN refuses is in its sources, ``transformation/qonnx``: ``qonnx_activation_handlers.py`` (a ReLU's quantiser is
unsigned and not narrow, any other signed; zero point 0), ``quant_act_to_multithreshold.py`` (8 bits at most) and
``fold_quant_weights.py`` (weights: zero point 0, read once).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from backends.finn.readiness.graph import LAYOUT, PRODUCTS, Graph, GraphNode, Quantiser
from backends.finn.readiness.layers import absorbed
from flows.core.readiness import Finding

MOST_BITS = 8


def entry(graph: Graph) -> Iterator[Finding]:
    if len(graph.inputs) != 1:
        yield Finding("the graph", f"it has {len(graph.inputs)} inputs", "give it one, the image")
        return
    (name,) = graph.inputs
    kind = graph.types.get(name, "of no known type")
    if kind != "FLOAT":
        yield Finding(f"input {name!r}", f"it is {kind}", "declare it as float32: a quantiser behind it makes it UINT8")
    steps = set()
    for node in _readers(graph, name):
        one = graph.quantiser(node)
        if one is None:
            yield Finding(str(node), f"it reads the input {name!r}, which is not quantised", _ENTRY)
        else:
            steps.add(one.step)
    if len(steps) > 1:
        yield Finding(f"input {name!r}", "its quantisers have different scales", "quantise it once, before it forks")


_ENTRY = "quantise the input by a Quant of at most 8 bits, one scale, zero point 0"


def _readers(graph: Graph, name: str) -> list[GraphNode]:
    """What reads the input; what only moves, scales or shifts it goes into the thresholds of its quantiser."""
    waiting, readers = [name], []
    while waiting:
        for node in graph.consumers(waiting.pop()):
            if graph.quantiser(node) is None and (node.kind in LAYOUT or absorbed(graph, node)):
                waiting += node.outputs
            else:
                readers.append(node)
    return readers


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def weight_quantisers(graph: Graph) -> Iterator[tuple[GraphNode, Quantiser | None]]:
    """Every convolution and dense layer with what quantises its weights; None where nothing does."""
    for node in graph.of_kind(*PRODUCTS):
        for name in node.inputs[:2]:
            if name in graph.fixed:
                yield node, graph.quantisers.get(graph.behind_layout(name))


def has_weights(graph: Graph) -> bool:
    return any(True for _ in weight_quantisers(graph))


def weights(graph: Graph) -> Iterator[Finding]:
    change = "quantise its weights by a signed Quant of at most 8 bits, zero point 0"
    for layer, one in weight_quantisers(graph):
        if one is None:
            yield Finding(str(layer), "its weights are not quantised", change)
            continue
        if not one.signed:
            yield Finding(str(one.node), f"the weights of {layer} are unsigned", change)
        if one.bits is None or not 1 <= one.bits <= MOST_BITS:
            yield Finding(str(one.node), f"the weights of {layer} have {_number(one.bits)} bits", change)
        if one.zero_point != 0:
            yield Finding(str(one.node), f"the weights of {layer} have zero point {_number(one.zero_point)}", change)
        if len(graph.consumers(one.node.outputs[0])) > 1:
            yield Finding(str(one.node), "more than one node reads it", "give each layer a quantiser of its own")


def has_signed_weights(graph: Graph) -> bool:
    return any(one and one.signed for _, one in weight_quantisers(graph))


def narrow(graph: Graph) -> Iterator[Finding]:
    for layer, one in weight_quantisers(graph):
        if one and one.signed and not one.narrow:
            lowest = f"{-(2 ** (one.bits - 1)):g}" if one.bits and one.bits <= MOST_BITS else "the lowest code"
            fact = f"the weights of {layer} may be {lowest}, and FINN then leaves its matrix unit in RTL on DSP48E1"
            yield Finding(str(one.node), fact, "set narrow=1 (narrow_range=True in Brevitas) and train again")


def has_quantisers(graph: Graph) -> bool:
    return bool(graph.quantisers)


def rounding(graph: Graph) -> Iterator[Finding]:
    for one in graph.quantisers.values():
        if one.rounding != "ROUND":
            change = "set rounding_mode=ROUND (FloatToIntImplType.ROUND in Brevitas) and train again"
            yield Finding(str(one.node), f"it rounds by {one.rounding or 'no mode'}", change)


def has_activations(graph: Graph) -> bool:
    return any(True for _ in graph.activations)


def activations(graph: Graph) -> Iterator[Finding]:
    for one in graph.activations:
        if one.scale is None:
            yield Finding(str(one.node), "its scale is computed", "export constant scales (evaluation mode)")
        elif one.step is None:
            fact = f"its scale has shape {one.scale.shape}, not one value a tensor"
            yield Finding(str(one.node), fact, "take a per-tensor activation quantiser")
        elif one.node.kind == "BipolarQuant" and one.step != 1:
            change = "take a scale of 1: the layer behind it can have the other"
            yield Finding(str(one.node), f"bipolar, of scale {one.step:g}; FINN takes 1 alone", change)
        elif not 0 < one.step < inf:
            yield Finding(str(one.node), f"its scale is {one.step:g}", "train again, or calibrate: a scale is above 0")
        if one.zero_point != 0:
            yield Finding(str(one.node), f"its zero point is {_number(one.zero_point)}", "take a quantiser without one")
        if one.bits is None or not 1 <= one.bits <= MOST_BITS:
            yield Finding(str(one.node), f"it has {_number(one.bits)} bits", "take at most 8: FINN leaves wider ones")


def has_identities(graph: Graph) -> bool:
    return any(True for _ in _identities(graph))


def identities(graph: Graph) -> Iterator[Finding]:
    for one in _identities(graph):
        if not one.signed:
            fact = "unsigned, and behind no ReLU: FINN refuses a ReLU in disguise"
            yield Finding(str(one.node), fact, "take a signed quantiser, or put a Relu before it")


def _identities(graph: Graph) -> Iterator[Quantiser]:
    """Quantisers of activations that stand behind no ReLU, and not on the input."""
    for one in graph.activations:
        source = graph.behind_layout(one.node.inputs[0])
        producer = graph.producers.get(source)
        if source not in graph.inputs and (producer is None or producer.kind != "Relu"):
            yield one
