"""What there is no C for, said before anything is generated; and the design of a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.c.design import CDesign
from backends.c.options import COptions
from backends.c.program import KINDS
from backends.dataflow import refusals
from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.check import overflows
from backends.dataflow.layers.options import parse_formats
from backends.protocol import Job, Refusal
from models.layers import Conv2D, Dense, Softmax

RESULT = "an int32_t"


def check(job: Job[COptions]) -> Sequence[Refusal]:
    return tuple(_check(job))


def _check(job: Job[COptions]) -> Iterator[Refusal]:
    network = job.network
    for layer in network.layers:
        inner_softmax = isinstance(layer, Softmax) and layer.name != network.output
        if inner_softmax or layer.kind not in KINDS:
            templates = ", ".join(sorted(KINDS))
            fact = f"there is no C function for {layer.kind} here"
            yield Refusal(f"layer {layer.name}", fact, f"one of {templates}")
    weighted = [layer.name for layer in network.layers if isinstance(layer, Conv2D | Dense)]
    yield from refusals.unweighted(network)
    if len(network.input_shape) not in (1, 3):
        fact = f"it has the shape {network.input_shape}, and the function takes images and vectors"
        yield Refusal(f"the input of {network.name}", fact, "a network that takes (height, width, channels)")
    last = next((layer for layer in reversed(network.layers) if not isinstance(layer, Softmax)), None)
    if last and len(shape := network.shapes[last.name]) > 1:
        fact = f"its result is an image of {'x'.join(map(str, shape))}, and the function returns a vector"
        yield Refusal(f"layer {last.name}", fact, "a network that ends in a vector")
    yield from refusals.unknown("--weight-format", parse_formats(job.options.weight_format)[1], weighted)


def resolve(job: Job[COptions]) -> CDesign:
    """Raises `Unbuildable` for accumulators that could overflow, and for more memory than was asked for."""
    quantised = lower(job)
    refusals.refuse(overflows(job, quantised, RESULT))
    design = CDesign(job, quantised)
    refusals.refuse(_sums(design))
    refusals.refuse(_memory(design))
    return design


def _sums(design: CDesign) -> Iterator[Refusal]:
    try:
        design.program  # noqa: B018 - it raises
    except ValueError as reason:
        bits = str(design.job.options.activation_bits)
        yield Refusal("--activation-bits", f"{bits} bits: {reason}, and a sum takes them", "8 bits of activations")


def _memory(design: CDesign) -> Iterator[Refusal]:
    asked = design.job.options.memory_kib
    if design.static_bytes > asked * 1024:
        fact = (
            f"{asked:,} KiB do not hold {design.constant_bytes:,} bytes of constants and "
            f"{design.program.activation_bytes:,} of tensors"
        )
        yield Refusal("--memory-kib", fact, f"--memory-kib {-(-design.static_bytes // 1024)}")
