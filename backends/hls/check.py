"""What the manual HLS flow cannot build, said before anything is generated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.hls.arithmetic import lower, reaches
from backends.hls.nodes import KINDS
from backends.hls.options import LONGEST
from backends.hls.refusals import refusals
from backends.protocol import Job, Refusal
from models.network import Conv2D, MaxPool2D, Softmax

NARROWEST = 4
"""Columns: a pixel of a line buffer is read again no sooner than a row later, which its pipeline counts on."""


def check(job: Job) -> Sequence[Refusal]:
    if found := tuple(_layers(job)):
        return found
    quantised = lower(job)
    return tuple(_overflows(job)) or tuple(refusals(job, quantised))


def _layers(job: Job) -> Iterator[Refusal]:
    for layer in job.network.layers:
        inner_softmax = isinstance(layer, Softmax) and layer.name != job.network.output
        if inner_softmax or layer.kind not in KINDS:
            templates = ", ".join(sorted(KINDS))
            yield Refusal(f"layer {layer.name}", f"there is no template for {layer.kind} here", f"one of {templates}")
        elif isinstance(layer, Conv2D | MaxPool2D):
            width = job.network.input_shapes(layer)[0][1]
            if width < NARROWEST and layer.kernel[0] > 1:
                fact = f"its image is {width} wide, and a line buffer takes at least {NARROWEST} columns"
                yield Refusal(f"layer {layer.name}", fact, f"an image of {NARROWEST} columns or more")


def _overflows(job: Job) -> Iterator[Refusal]:
    """Accumulators of which it cannot be proven that they hold every sum."""
    found = [one for one in reaches(job, lower(job)) if not one.fits]
    if not found:
        return
    worst = max(found, key=lambda one: one.bits)
    fact = (
        f"{worst.holds.width} bits cannot hold every sum of {worst.layer}, which may come to "
        f"{max(worst.high, -worst.low):,}: that takes {worst.bits} bits"
    )
    narrower = f"--activation-bits {max(job.options.activation_bits - (worst.bits - worst.holds.width), 2)}"
    nearest = f"--accumulator-bits {worst.bits}" if worst.bits <= LONGEST else narrower
    yield Refusal("--accumulator-bits", fact, nearest)
