"""What hls4ml cannot do, said before anything runs, each with the nearest legal choice."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from math import ceil, log2

from backends.hls4ml.options import STOCK, parse_reuse
from backends.hls4ml.reuse import legal, sizes
from backends.protocol import Job, Refusal
from models.fixed import parse_type
from models.network import MaxPool2D, Network

UNROLL_LIMIT = 4096
"""Products of one layer that the HLS compilers unroll (``config_array_partition -maximum_size`` of hls4ml's Tcl)."""
EXACT_BITS = 53
"""Bits of a sum that the exact reference holds."""


def check(job: Job) -> Iterator[Refusal]:
    counts = ((n_in * n_out, name) for name, (n_in, n_out) in sizes(job.network).items())
    products, largest = max(counts, default=(0, ""))
    unrolled = f"unrolls all {products:,} products of {largest}; the HLS compilers stop at {UNROLL_LIMIT:,}"
    if job.options.io_type == "io_parallel" and products > UNROLL_LIMIT:
        yield Refusal("--io-type io_parallel", unrolled, "--io-type io_stream")
    if job.options.strategy == "latency" and products > UNROLL_LIMIT:
        yield Refusal("--strategy latency", unrolled, "--strategy resource")
    yield from _pooling(job.network)
    yield from _reuse(job)
    yield from _precision(job)


def _pooling(network: Network) -> Iterator[Refusal]:
    """Its pooling asserts windows side by side and no padding (``nnet_utils/nnet_pooling_stream.h``)."""
    for layer in network.layers:
        if not isinstance(layer, MaxPool2D):
            continue
        if layer.kernel != layer.strides or any(layer.pads(*network.input_shapes(layer))):
            fact = f"hls4ml pools windows side by side, without padding; this is {layer.kernel} every {layer.strides}"
            yield Refusal(f"layer {layer.name}", f"{fact}, {layer.padding}", f"strides {layer.kernel}, valid")


def _reuse(job: Job) -> Iterator[Refusal]:
    layers = sizes(job.network)
    for name, factor in parse_reuse(job.options.reuse_factor)[1].items():
        if name not in layers:
            near = get_close_matches(name, layers, n=3, cutoff=0.5) or list(layers)
            yield Refusal("--reuse-factor", f"no layer with weights is called {name!r}", ", ".join(near))
        elif factor not in legal(*layers[name]):
            below = max(one for one in legal(*layers[name]) if one <= factor)
            above = min((one for one in legal(*layers[name]) if one > factor), default=below)
            n_in, n_out = layers[name]
            fact = f"{factor} is not legal for {name} ({n_in} products for each of {n_out} results)"
            yield Refusal("--reuse-factor", fact, " or ".join(f"{name}={one}" for one in dict.fromkeys((below, above))))


def _precision(job: Job) -> Iterator[Refusal]:
    if job.options.precision == STOCK:
        return
    type = parse_type(job.options.precision)
    terms = max((n_in for n_in, _ in sizes(job.network).values()), default=1)
    if 2 * type.width + ceil(log2(terms)) + 1 > EXACT_BITS:
        widest = (EXACT_BITS - 1 - ceil(log2(terms))) // 2
        fact = f"sums of {terms} products of {type.name} pass the {EXACT_BITS} bits that the exact reference holds"
        yield Refusal("--precision", fact, f"ap_fixed<{widest},{min(type.integer, widest)}>")
