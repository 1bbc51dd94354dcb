"""What hls4ml cannot do, said before anything runs, each with the nearest legal choice."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from math import ceil, log2

from backends.hls4ml.options import STOCK, parse_reuse
from backends.hls4ml.reuse import legal, sizes
from backends.protocol import Job, Refusal
from models.fixed import parse_type

UNROLL_LIMIT = 4096
"""Products of one layer that the HLS compilers unroll (``config_array_partition -maximum_size`` of hls4ml's Tcl)."""
EXACT_BITS = 53
"""Bits of a sum that the exact reference holds."""


def check(job: Job) -> Iterator[Refusal]:
    layers = sizes(job.network)
    largest = max(layers, key=lambda name: layers[name][0] * layers[name][1])
    products = layers[largest][0] * layers[largest][1]
    unrolled = f"unrolls all {products:,} products of {largest}; the HLS compilers stop at {UNROLL_LIMIT:,}"
    if job.options.io_type == "io_parallel" and products > UNROLL_LIMIT:
        yield Refusal("--io-type io_parallel", unrolled, "--io-type io_stream")
    if job.options.strategy == "latency" and products > UNROLL_LIMIT:
        yield Refusal("--strategy latency", unrolled, "--strategy resource")
    yield from _reuse(job)
    yield from _precision(job)


def _reuse(job: Job) -> Iterator[Refusal]:
    layers = sizes(job.network)
    for name, factor in parse_reuse(job.options.reuse_factor)[1].items():
        if name not in layers:
            near = get_close_matches(name, layers, n=1, cutoff=0.4) or list(layers)
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
    terms = max(n_in for n_in, _ in sizes(job.network).values())
    if 2 * type.width + ceil(log2(terms)) + 1 > EXACT_BITS:
        widest = (EXACT_BITS - 1 - ceil(log2(terms))) // 2
        fact = f"sums of {terms} products of {type.name} pass the {EXACT_BITS} bits that the exact reference holds"
        yield Refusal("--precision", fact, f"ap_fixed<{widest},{min(type.integer, widest)}>")
