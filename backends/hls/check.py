"""What the manual HLS flow cannot build, said before anything is generated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.dataflow.layers.options import parse_formats
from backends.dataflow.refusals import unknown
from backends.hls.design.nodes import KINDS
from backends.hls.options import HlsOptions
from backends.protocol import Job, Refusal
from models.network import Conv2D, Dense, Flatten, MaxPool2D, Softmax

NARROWEST = 4
"""Columns: a pool reads a word of its rows again no sooner than a row later, which its pipeline counts on."""


def check(job: Job[HlsOptions]) -> Sequence[Refusal]:
    return (*_layers(job), *_streams(job), *_formats(job))


def _layers(job: Job[HlsOptions]) -> Iterator[Refusal]:
    network = job.network
    if not any(isinstance(layer, Conv2D | Dense) for layer in network.layers):
        yield Refusal(f"network {network.name}", "no layer of it has weights to multiply by", "one with a Dense layer")
    for layer in network.layers:
        where, readers = f"layer {layer.name}", network.consumers(layer.name)
        inner_softmax = isinstance(layer, Softmax) and layer.name != network.output
        if inner_softmax or layer.kind not in KINDS:
            templates = ", ".join(sorted(KINDS))
            yield Refusal(where, f"there is no template for {layer.kind} here", f"one of {templates}")
        elif isinstance(layer, MaxPool2D):
            width = network.input_shapes(layer)[0][1]
            if width < NARROWEST and layer.kernel[0] > 1:
                fact = f"its image is {width} wide, and the rows of a pool take at least {NARROWEST} columns"
                yield Refusal(where, fact, f"an image of {NARROWEST} columns or more")
        elif isinstance(layer, Flatten) and not (readers and all(isinstance(one, Dense) for one in readers)):
            then = " and ".join(one.name for one in readers) or "the end of the network"
            fact = f"behind it comes {then}; an image is flattened by the dense layer that reads it"
            yield Refusal(where, fact, "flatten right before a dense layer")


def _streams(job: Job[HlsOptions]) -> Iterator[Refusal]:
    """Tensors that the stages cannot pass on."""
    network = job.network
    if len(network.input_shape) not in (1, 3):
        fact = f"it has the shape {network.input_shape}, and the first stage receives images and vectors"
        yield Refusal(f"the input of {network.name}", fact, "a network that takes (height, width, channels)")
        return
    computed = [layer for layer in network.layers if not isinstance(layer, Softmax)]
    for tensor in network.shapes:
        readers = [layer for layer in computed for name in layer.inputs if name == tensor]
        names = ", ".join(dict.fromkeys(layer.name for layer in readers))
        if len(readers) > 2:
            yield Refusal(f"tensor {tensor}", f"{names} read it, and a clone has two outputs", "two readers at most")
        elif len(set(readers)) < len(readers):
            yield Refusal(f"layer {names}", f"it takes {tensor} twice, and each stream is read once", "two tensors")
    last = computed[-1] if computed else None
    if last and len(shape := network.shapes[last.name]) > 1:
        fact = f"its result is an image of {'x'.join(map(str, shape))}, and the last stage sends a vector"
        yield Refusal(f"layer {last.name}", fact, "a network that ends in a vector")


def _formats(job: Job[HlsOptions]) -> Iterator[Refusal]:
    weighted = [layer.name for layer in job.network.layers if isinstance(layer, Conv2D | Dense)]
    yield from unknown("--weight-format", parse_formats(job.options.weight_format)[1], weighted)
