"""Refuses what these stages cannot build, before anything is generated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

from backends.dataflow.layers.arithmetic import Options, Reach, lower, reaches
from backends.dataflow.layers.nodes import KINDS, POOLS
from backends.dataflow.layers.options import AS_TRAINED, LEAST, LONGEST, FormatOptions, parse_formats
from backends.dataflow.refusals import misplaced, unknown, unweighted
from backends.protocol import Job, Refusal
from models.layers import WEIGHTED, Flatten, GroupedConv2D
from models.quantised import QuantisedNetwork

BEAT = 32
"""Bits of a result, and of a word of the output stream."""
NARROWEST = 4
"""Columns of the narrowest image of a pool: its pipeline relies on a row to pass before a word is read again."""


def check(job: Job[Options], kinds: Set[str] = KINDS) -> Sequence[Refusal]:
    """Why a job cannot be done by a flow that has stages for layers of these `kinds`."""
    return (*_layers(job, kinds), *_streams(job), *_formats(job))


def _layers(job: Job[Options], kinds: Set[str]) -> Iterator[Refusal]:
    network = job.network
    yield from unweighted(network)
    for layer in network.layers:
        where, readers = f"layer {layer.name}", network.consumers(layer.name)
        is_inner = layer.on_host and layer.name != network.output
        if is_inner or layer.kind not in kinds:
            templates = ", ".join(sorted(kinds))
            yield Refusal(where, f"there is no template for {layer.kind} here", f"one of {templates}")
        elif isinstance(layer, GroupedConv2D):
            channels = network.input_shapes(layer)[0][-1]
            if not layer.is_depthwise(channels):
                fact = (
                    f"{layer.groups} groups make {layer.filters} filters of {channels} channels, and the template is "
                    "of depthwise convolutions: a filter a channel"
                )
                yield Refusal(where, fact, f"{channels} groups and filters, or a convolution without groups")
        elif isinstance(layer, POOLS):
            width = network.input_shapes(layer)[0][1]
            if width < NARROWEST and layer.kernel[0] > 1:
                fact = f"its image is {width} wide, and the rows of a pool take at least {NARROWEST} columns"
                yield Refusal(where, fact, f"an image of {NARROWEST} columns or more")
        elif isinstance(layer, Flatten) and (refusal := misplaced(where, readers)):
            yield refusal


def _streams(job: Job[Options]) -> Iterator[Refusal]:
    """Refusals of tensors that the stages cannot pass on."""
    network = job.network
    if len(network.input_shape) not in (1, 3):
        fact = f"it has the shape {network.input_shape}, and the first stage receives images and vectors"
        yield Refusal(f"the input of {network.name}", fact, "a network that takes (height, width, channels)")
        return
    computed = [layer for layer in network.layers if not layer.on_host]
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


def _formats(job: Job[Options]) -> Iterator[Refusal]:
    weighted = [layer.name for layer in job.network.layers if isinstance(layer, WEIGHTED)]
    yield from unknown("--weight-format", parse_formats(job.options.weight_format)[1], weighted)


def overflows(
    job: Job[Options], quantised: QuantisedNetwork, result: str = "a beat of the output stream"
) -> Iterator[Refusal]:
    """Refusals of accumulators that are not proven to hold every sum, and of results too wide for a `result`."""
    reached, last = list(reaches(job, quantised)), quantised.output
    for reach in reached:
        if reach.layer == last and reach.bits > BEAT:
            fact = f"its results may take {reach.bits} bits, and {result} has {BEAT}"
            yield Refusal(f"layer {reach.layer}", fact, _nearest(job, reached))
    if overflowing := [reach for reach in reached if not reach.fits]:
        worst = max(overflowing, key=lambda reach: reach.bits)
        fact = (
            f"{worst.holds.width} bits cannot hold every sum of {worst.layer}, which may come to "
            f"{max(worst.high, -worst.low):,}: that takes {worst.bits} bits"
        )
        yield Refusal("--accumulator-bits", fact, _nearest(job, reached))


def _nearest(job: Job[Options], reached: Sequence[Reach]) -> str:
    """The nearest options whose accumulators hold all sums: wider accumulators, or else shorter numbers."""
    for option, value in _others(job.options, max(reach.bits for reach in reached)):
        options = replace(job.options, **{option: value})  # type: ignore[arg-type]
        other = replace(job, options=options)
        quantised = lower(other)
        sums, last = list(reaches(other, quantised)), quantised.output
        if all(reach.fits and (reach.layer != last or reach.bits <= BEAT) for reach in sums):
            return f"--{option.replace('_', '-')} {value}"
    return "biases that are not so much larger than the weights"


def _others(options: FormatOptions, bits: int) -> Iterator[tuple[str, int | str]]:
    """(option, value) of other arithmetic, the nearest first; `bits` is the width of the widest sum."""
    if bits <= LONGEST:
        yield "accumulator_bits", bits
    yield from (("activation_bits", fewer) for fewer in range(options.activation_bits - 1, LEAST - 1, -1))
    usual, layers = parse_formats(options.weight_format)
    if not layers:
        shorter = range(usual.fraction - 1, LEAST - usual.integer - 1, -1)
        yield from (("weight_format", f"Q{usual.integer}.{fraction}") for fraction in shorter if fraction >= 0)
    yield "weight_scale", AS_TRAINED
