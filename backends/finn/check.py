"""What the FINN flow cannot do, reported before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.dataflow.options import AUTO, NO_TARGET
from backends.dataflow.refusals import unweighted
from backends.finn.options import FINN, FinnOptions
from backends.protocol import Job, Refusal
from models.integers import GlobalSum, HostScale, Threshold, WindowSum
from models.layers import (
    Add,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    MaxPool2D,
    ReLU,
    Softmax,
)
from models.network import INPUT, Network
from models.quantised import QuantisedNetwork

KINDS = (Conv2D, Dense, ReLU, Add, GlobalAveragePool, MaxPool2D, Flatten, Softmax)
OF_INTEGERS = (Threshold, GlobalSum, HostScale, GroupedConv2D, Concat, WindowSum)
"""Kinds that a network of integers has besides."""
TRAIN = "what `python -m flows train NETWORK --qat` leaves, of a file of yours too: --network OUT/NAME-w4a4.onnx"
UNBUILT = {
    "averagepool2d": "FINN averages windows with a Trunc right behind them alone",
    "clip": "FINN has none, but the last code of a quantiser ends it, which a QONNX file has",
    "concat": "it is built where a quantised graph brings it",
    "leaky_relu": "FINN has none",
}
"""Why the flow does not build layers that the importers read."""


def check(job: Job[FinnOptions]) -> Sequence[Refusal]:
    if isinstance(job.integer, Refusal):
        return (job.integer, *_folding(job.options))
    if job.integer:
        quantised = job.integer.quantised
        return (*_layers(quantised.network, True), *_padded(quantised), *_folding(job.options))
    refused = tuple(_layers(job.network, False))
    floats = Refusal("weights", "they are floats, and FINN builds integers of 2 to 8 bits", TRAIN)
    return (*(refused or (floats,)), *_folding(job.options))


def _layers(network: Network, of_integers: bool) -> Iterator[Refusal]:
    """Layers, and orders of them, that the flow does not build."""
    yield from unweighted(network)
    for layer in network.layers:
        where, readers = f"layer {layer.name}", network.consumers(layer.name)
        if isinstance(layer, GroupedConv2D) and not of_integers:
            fact = "grouped_conv2d is built where a quantised graph brings it, as a depthwise convolution"
            yield Refusal(where, fact, "a QONNX file by --network, or a convolution over all channels")
        elif not isinstance(layer, KINDS + OF_INTEGERS):
            kinds = ", ".join(kind.kind for kind in KINDS)
            why = f": {UNBUILT[layer.kind]}" if layer.kind in UNBUILT else ""
            yield Refusal(where, f"the flow does not build {layer.kind}{why}", f"one of {kinds}")
        elif isinstance(layer, Softmax) and readers:
            fact = f"{readers[0].name} reads it, and a softmax is the host's, at the end"
            yield Refusal(where, fact, "a ReLU, or a softmax as the last layer")
        elif isinstance(layer, MaxPool2D):
            yield from _pool(network, layer)
        elif isinstance(layer, Concat) and any(
            name != INPUT and network[name].kind == "flatten" for name in layer.inputs
        ):
            yield Refusal(where, "it joins a flattened image, and FINN joins channels", "join images, then flatten")
        elif len(set(layer.inputs)) < len(layer.inputs):
            yield Refusal(where, f"it takes {layer.inputs[0]} twice, and a stream is read once", "two tensors")


def _pool(network: Network, layer: MaxPool2D) -> Iterator[Refusal]:
    """What FINN's `InferPool` does not take."""
    top, bottom, left, right = layer.pads(*network.input_shapes(layer))
    if layer.strides[0] > layer.kernel[0] or layer.strides[1] > layer.kernel[1]:
        fact = f"its stride {layer.strides} is longer than its kernel {layer.kernel}, which FINN does not stream"
        yield Refusal(f"layer {layer.name}", fact, "make the stride the kernel's size, or less")
    if (top, left) != (bottom, right):
        fact = f"it pads {top, bottom, left, right} (top, bottom, left, right), and FINN pads both sides alike"
        yield Refusal(f"layer {layer.name}", fact, "pool without padding, or pad both sides alike")


def _padded(quantised: QuantisedNetwork) -> Iterator[Refusal]:
    network = quantised.network
    for layer in network.layers:
        pads = isinstance(layer, MaxPool2D) and any(layer.pads(*network.input_shapes(layer)))
        if pads and quantised.type_of(layer.inputs[0]).signed:
            fact = "it pads signed numbers, and FINN's unit pads with 0 alone"
            yield Refusal(f"layer {layer.name}", fact, "pool without padding, or behind an unsigned quantiser")


def _folding(options: FinnOptions) -> Iterator[Refusal]:
    """A rate that is given beside a folding file, or is missing for FINN's search."""
    if options.target_fps == NO_TARGET:
        if options.folding == FINN:
            yield Refusal("--folding finn", "FINN's search needs a rate", "--target-fps 500, or --folding auto")
    elif options.folding not in (AUTO, FINN):
        yield Refusal("--target-fps", "a folding file leaves nothing to choose", "leave one of them out")
