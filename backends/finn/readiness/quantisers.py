"""Conditions on the quantisers of activations, which FINN converts to thresholds.

What it refuses is in its sources, ``transformation/qonnx``: ``qonnx_activation_handlers.py`` (a ReLU's quantiser is
unsigned and not narrow; zero point 0) and ``quant_act_to_multithreshold.py`` (8 bits at most).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import inf

from backends.finn.readiness.graph import LAYOUT, PRODUCTS, Graph, GraphNode, Quantiser
from backends.finn.readiness.layers import stops
from backends.finn.readiness.wording import RUN, number, size
from flows.core.readiness import Finding

MOST_BITS = 8
OFTEN = 16
"""One in so many codes, or more of them, must stand half way between two others for `rounding` to speak of it."""
TO_NEAREST = ("ROUND", "HALF_EVEN", "HALF_UP", "HALF_DOWN")
"""Modes that thresholds half a step up realise; they differ on ties alone."""


def has_quantisers(graph: Graph) -> bool:
    return bool(graph.quantisers)


def doubles(graph: Graph) -> Iterator[Finding]:
    """A scale becomes a Mul beside float32 tensors; zero points and bit widths do not."""
    for quantiser in graph.quantisers.values():
        if quantiser.scale and quantiser.scale.kind in ("DOUBLE", "FLOAT16"):
            fact = f"its scale is {quantiser.scale.kind}: FINN maps it, and its executor fails where that meets FLOAT"
            yield Finding(str(quantiser.node), fact, "cast the scale to float32 in the file")


def has_activations(graph: Graph) -> bool:
    return any(True for _ in graph.activations)


def rounding(graph: Graph) -> Iterator[Finding]:
    """Of activations alone: FINN executes the quantisers of weights, in whatever mode."""
    for activation in graph.activations:
        if activation.rounding.upper() not in TO_NEAREST:
            change = "set rounding_mode=ROUND (FloatToIntImplType.ROUND in Brevitas) and train again"
            fact = f"it rounds by {activation.rounding or 'no mode'}, and FINN's thresholds to the nearest"
            yield Finding(str(activation.node), fact, change)
        elif activation.rounding.upper() != "HALF_UP" and _on_halves(graph, activation):
            before = graph.steps[activation.node.inputs[0]]
            fact = (
                f"of the codes of scale {before:g} that it reads, many lie half way between two of its own, of scale "
                f"{activation.step:g}: FINN's thresholds round those up, the graph to the even code"
            )
            change = f"let both have one scale; or take the exact thresholds of {RUN}"
            yield Finding(str(activation.node), fact, change)


def _on_halves(graph: Graph, activation: Quantiser) -> bool:
    """Whether it quantises codes again, of a scale whose halves many of them are (a half of its own, say)."""
    before, own = graph.steps.get(activation.node.inputs[0]), activation.step
    if not before or not own or not 0 < before < inf or not 0 < own < inf:
        return False
    parts = (Fraction(before) / Fraction(own)).denominator
    return parts % 2 == 0 and parts <= OFTEN


def activations(graph: Graph) -> Iterator[Finding]:
    for activation in graph.activations:
        where = str(activation.node)
        if activation.scale is None:
            yield Finding(where, "its scale is computed", "export constant scales (evaluation mode)")
        elif activation.step is None:
            fact = f"its scale has shape {size(activation.scale.shape)}, not one value a tensor"
            if _of_the_end(graph, activation):
                pass
            elif activation.scale.values is not None or activation.scale.shape:
                yield Finding(where, f"{fact}: it strands before the next layer", "take a per-tensor quantiser")
            elif activation.scale.kind == "FLOAT":
                yield Finding(where, "its scale cannot be read", "export it as a float32 constant")
        elif activation.node.kind == "BipolarQuant" and activation.step != 1:
            change = "take a scale of 1: the layer behind it can have the other"
            yield Finding(where, f"bipolar, of scale {activation.step:g}; FINN takes 1 alone", change)
        elif not 0 < activation.step < inf:
            yield Finding(where, f"its scale is {activation.step:g}", "train again, or calibrate: a scale is above 0")
        yield from _one_bit(graph, activation)
        if activation.zero_point != 0:
            yield Finding(where, f"its zero point is {number(activation.zero_point)}", "take a quantiser without one")
        if activation.bits is None or not 1 <= activation.bits <= MOST_BITS:
            fact = f"it has {number(activation.bits)} bits, and FINN makes thresholds of 1 to {MOST_BITS}"
            yield Finding(where, fact, f"take at most {MOST_BITS}")


def _of_the_end(graph: Graph, activation: Quantiser) -> bool:
    """Whether it has a scale a channel, and no more than the end of the graph, or another quantiser, reads it."""
    shape, channels = activation.scale.shape if activation.scale else (), graph.shapes.get(activation.node.inputs[0])
    by_channel = channels is not None and shape in (channels[:2], (1, *channels[1:2], 1, 1))
    return by_channel and not stops(graph, activation.node)


def _one_bit(graph: Graph, quantiser: Quantiser) -> Iterator[Finding]:
    """FINN takes codes of -1 and 1 where bipolar weights multiply them (XNOR), and nowhere else."""
    change = "take 2 bits, signed and narrow"
    if quantiser.node.kind == "BipolarQuant":
        for reader in _behind_pools(graph, quantiser.node.outputs[0]):
            weights = graph.quantisers.get(graph.behind_layout(reader.inputs[1])) if reader.kind in PRODUCTS else None
            if weights is None or weights.node.kind != "BipolarQuant":
                fact = f"bipolar, and {reader} that reads it has no bipolar weights: FINN cannot convert its thresholds"
                yield Finding(str(quantiser.node), fact, f"{change}, or make those weights bipolar")
    elif quantiser.bits == 1 and quantiser.node in (each.node for each in _identities(graph)):
        yield Finding(str(quantiser.node), "one bit, behind no ReLU: FINN takes it for a bipolar one", change)


def _behind_pools(graph: Graph, name: str) -> Iterator[GraphNode]:
    waiting = [name]
    while waiting:
        for node in graph.consumers(waiting.pop()):
            if node.kind in (*LAYOUT, "MaxPool"):
                waiting += node.outputs
            else:
                yield node


def has_identities(graph: Graph) -> bool:
    return any(True for _ in _identities(graph))


def identities(graph: Graph) -> Iterator[Finding]:
    """AMD's FINN refuses an unsigned one as a ReLU in disguise; finn-plus takes it."""
    for identity in _identities(graph):
        if not identity.signed:
            fact = "unsigned, and behind no ReLU: finn-plus takes it, AMD's FINN refuses it as a ReLU in disguise"
            yield Finding(str(identity.node), fact, "take a signed quantiser, or put a Relu before it", taken=True)


def _identities(graph: Graph) -> Iterator[Quantiser]:
    """Quantisers of activations that stand behind no ReLU, and not on the input or what is unsigned already."""
    for activation in graph.activations:
        source = graph.behind_layout(activation.node.inputs[0])
        producer = graph.producers.get(source)
        if source not in graph.inputs and (producer is None or producer.kind not in ("Relu", "Selu")):
            yield activation
