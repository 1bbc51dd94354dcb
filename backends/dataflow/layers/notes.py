"""What a user should know of a design of such stages: its arithmetic, its folding, its FIFOs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backends.dataflow.budget import usable
from backends.dataflow.layers.arithmetic import reaches
from backends.dataflow.layers.design import LayerDesign
from backends.dataflow.layers.options import BY_LAYER
from backends.dataflow.layers.resolve import taken
from backends.dataflow.notes import Wording, fifo_note, folding_notes
from backends.dataflow.space import Solved
from backends.protocol import Note, warning
from flows.core.margins import KEPT

WORDING = Wording("folding", "it is", "the design takes")


def notes(solved: Solved[Any]) -> Iterator[Note]:
    design: LayerDesign[Any] = solved.design
    answer = solved.answer
    job = design.job
    yield from _arithmetic(design)
    folds = ", ".join(f"{name} {fold}" for name, fold in design.folds.items())
    yield Note(f"folding, PE x SIMD: {folds}")
    faster = (solved.bolder.interval, taken(solved.bolder, False)) if solved.bolder else None
    if answer:
        most = usable(job.target, False, KEPT)
        yield from folding_notes(answer, WORDING, job.options.target_fps, job.target, most, faster)
    yield from fifo_note(design.buffers, job.options.fifo_depth, "words")


def _arithmetic(design: LayerDesign[Any]) -> Iterator[Note]:
    """Notes on weights that saturate, and on how much of the accumulators is used."""
    job, quantised = design.job, design.quantised
    tensors = job.weights.tensors()
    lost = {}
    for name, types in quantised.layers.items():
        if types.kernel:
            beyond = (types.kernel.high + 0.5) * 2.0**-types.kernel.fraction
            lost[name] = int((abs(tensors[f"{name}/kernel"]) > beyond).sum())
    if job.options.weight_scale != BY_LAYER and any(lost.values()):
        worst = max(lost, key=lambda name: lost[name])
        yield warning(
            f"{sum(lost.values()):,} weights lie outside {job.options.weight_format} and saturate, "
            f"{lost[worst]:,} of them in {worst}: --weight-scale {BY_LAYER} divides them by a power of two first"
        )
    widest = max(reaches(job, quantised), key=lambda reach: reach.bits)
    yield Note(
        f"no accumulator can overflow: by its weights, {widest.layer} may come to {max(widest.high, -widest.low):,}, "
        f"which takes {widest.bits} of {widest.holds.width} bits"
    )
