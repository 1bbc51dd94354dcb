"""What hls4ml cannot do, reported before anything runs, each with the nearest legal choice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil, log2

from backends.dataflow.options import NO_TARGET
from backends.dataflow.refusals import misplaced, unknown, unweighted
from backends.hls4ml.design import unrolled as layers_unrolled
from backends.hls4ml.option_texts import LATENCY, RESOURCE, STOCK, parse_precision, parse_reuse, parse_strategy
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.places import absorbed_by, place_of
from backends.hls4ml.precision import lower
from backends.hls4ml.reuse import sizes
from backends.protocol import Job, Refusal
from models.fixed import FixedType, parse_type
from models.layers import AveragePool2D, Clip, Flatten, GroupedConv2D, MaxPool2D, Softmax
from models.network import Network

UNROLL_LIMIT = 4096
"""Products of one layer that the HLS compilers unroll (``config_array_partition -maximum_size`` of hls4ml's Tcl)."""
KINDS = (
    "add", "averagepool2d", "clip", "conv2d", "dense", "flatten", "global_average_pool", "grouped_conv2d", "maxpool2d",
    "relu", "softmax",
)  # fmt: skip
UNBUILT = {
    "leaky_relu": "hls4ml has LeakyReLU, but its arithmetic is not modelled here",
    "concat": "hls4ml has Concatenate, but its blocks are not modelled here",
}
"""Why the flow does not convert layers that the importers read."""
RELU6 = 0.0, 6.0
EXACT_BITS = 53
"""Bits of a sum that the exact reference holds."""


def check(job: Job[Hls4mlOptions]) -> Sequence[Refusal]:
    if refusals := tuple(_layers(job.network)):
        return refusals
    return (*_streamed(job), *_unrolled(job), *_pooling(job.network), *_reuse(job), *_precision(job), *_target(job))


def _layers(network: Network) -> Iterator[Refusal]:
    """Layers, and orders of them, that the flow does not convert."""
    yield from unweighted(network)
    for layer in network.layers:
        where, readers = f"layer {layer.name}", network.consumers(layer.name)
        if layer.kind not in KINDS:
            why = f": {UNBUILT[layer.kind]}" if layer.kind in UNBUILT else ""
            yield Refusal(where, f"the flow does not convert {layer.kind}{why}", f"one of {', '.join(KINDS)}")
        elif isinstance(layer, GroupedConv2D) and not layer.is_depthwise(network.input_shapes(layer)[0][-1]):
            fact = "hls4ml 1.3.0 reads no `groups`, and of depthwise convolutions those with a filter a channel"
            yield Refusal(where, fact, "groups and filters as many as channels, or 1 group")
        elif isinstance(layer, Clip) and (layer.low, layer.high) != RELU6:
            fact = f"it clips to {layer.low:g} .. {layer.high:g}, and hls4ml's ReLU with an upper end is relu6"
            yield Refusal(where, fact, "a ReLU or ReLU6")
        elif isinstance(layer, Softmax) and readers:
            fact = f"{readers[0].name} reads it, and a softmax is built at the end only"
            yield Refusal(where, fact, "a ReLU, or a softmax as the last layer")
        elif isinstance(layer, Flatten) and (refusal := misplaced(where, readers)):
            yield refusal
        elif len(set(layer.inputs)) < len(layer.inputs):
            yield Refusal(where, f"it takes {layer.inputs[0]} twice, and a FIFO is read once", "two tensors")


def _streamed(job: Job[Hls4mlOptions]) -> Iterator[Refusal]:
    """Layers that are built with io_stream alone."""
    layers = [layer for layer in job.network.layers if isinstance(layer, GroupedConv2D | Clip)]
    if layers and job.options.is_parallel:
        fact = f"depthwise convolutions and ReLU6, as {layers[0].name} is, are built of streams"
        yield Refusal("--io-type io_parallel", fact, "--io-type io_stream")


def _unrolled(job: Job[Hls4mlOptions]) -> Iterator[Refusal]:
    """What unrolls a layer of more products than the HLS compilers take."""
    products = {name: n_in * n_out for name, (n_in, n_out) in sizes(job.network).items()}
    asked = parse_strategy(job.options.strategy)[1]
    yield from unknown("--strategy", _meaningless(asked, job.network), products, "layer")
    largest = max(products, key=lambda name: products[name], default="")
    reason = f"unrolls all {{:,}} products of {{}}; the HLS compilers stop at {UNROLL_LIMIT:,}"
    if job.options.is_parallel and products.get(largest, 0) > UNROLL_LIMIT:
        fact = reason.format(products[largest], largest)
        yield Refusal("--io-type io_parallel", fact, "--io-type io_stream")
    unrolled = [name for name, count in products.items() if count > UNROLL_LIMIT and name in layers_unrolled(job)]
    if unrolled:
        worst = max(unrolled, key=lambda name: products[name])
        yield Refusal(f"--strategy {LATENCY}", reason.format(products[worst], worst), f"--strategy {RESOURCE}")


def _target(job: Job[Hls4mlOptions]) -> Iterator[Refusal]:
    """Reuse factors given beside a rate."""
    number = parse_reuse(job.options.reuse_factor)[0]
    if number is not None and job.options.target_fps != NO_TARGET:
        yield Refusal("--target-fps", f"with --reuse-factor {number} there is nothing to choose", "--reuse-factor auto")


def _meaningless(named: Iterable[str], network: Network) -> list[str]:
    """Names of nothing in `network`, nor in the file that it came from."""
    return [name for name in named if not place_of(network, name) and not absorbed_by(network, name)]


def _pooling(network: Network) -> Iterator[Refusal]:
    """Its pooling asserts windows side by side and no padding (``nnet_utils/nnet_pooling_stream.h``)."""
    for layer in network.layers:
        if not isinstance(layer, MaxPool2D | AveragePool2D):
            continue
        if layer.kernel != layer.strides or any(layer.pads(*network.input_shapes(layer))):
            fact = f"hls4ml pools windows side by side, without padding; this is {layer.kernel} every {layer.strides}"
            yield Refusal(f"layer {layer.name}", f"{fact}, {layer.padding}", f"strides {layer.kernel}, valid")


def _reuse(job: Job[Hls4mlOptions]) -> Iterator[Refusal]:
    asked = parse_reuse(job.options.reuse_factor)[1]
    yield from unknown("--reuse-factor", _meaningless(asked, job.network), sizes(job.network), "layer")


def _precision(job: Job[Hls4mlOptions]) -> Iterator[Refusal]:
    asked, types = parse_precision(job.options.precision)
    meaningless, layers = _meaningless(types, job.network), [layer.name for layer in job.network.layers]
    yield from unknown("--precision", meaningless, layers, "layer")
    if asked == STOCK:
        if types:
            yield Refusal("--precision", "stock leaves all types to hls4ml", "ap_fixed<16,6> before the given types")
        return
    type = FixedType(int(asked), 1) if asked.isdecimal() else parse_type(asked)
    terms = max((n_in for n_in, _ in sizes(job.network).values()), default=1)
    if 2 * type.width + ceil(log2(terms)) + 1 > EXACT_BITS:
        widest = (EXACT_BITS - 1 - ceil(log2(terms))) // 2
        fact = f"sums of {terms} products of {type.name} pass the {EXACT_BITS} bits that the exact reference holds"
        nearest = str(widest) if asked.isdecimal() else f"ap_fixed<{widest},{min(type.integer, widest)}>"
        yield Refusal("--precision", fact, nearest)
    elif types and not meaningless:
        try:
            lower(job)
        except ValueError as reason:
            layer = str(reason).partition(":")[0]
            own = f"{layer}.accum=auto (accum: auto in a config): the flow computes one that holds every sum"
            yield Refusal("--precision", str(reason), own if layer in job.network.shapes else "leave that type out")
