"""What a user should know of a design: its arithmetic, why this folding, its FIFOs, what the C simulation showed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from backends.cost.clock import clock_note
from backends.dataflow.budget import usable
from backends.dataflow.layers.arithmetic import reaches
from backends.dataflow.layers.options import BY_LAYER
from backends.dataflow.notes import Wording, fifo_note, folding_notes
from backends.dataflow.space import Solved
from backends.hls.design.design import HlsDesign
from backends.hls.plan import FIFO_FRAMES, MARKS, SIMULATE
from backends.protocol import Note, warning
from flows.core.margins import KEPT
from flows.core.plan import Output, Products

WORDING = Wording("folding", "it is", "the design takes")


def notes(solved: Solved[HlsDesign]) -> Sequence[Note]:
    return tuple(_notes(solved))


def _notes(solved: Solved[HlsDesign]) -> Iterator[Note]:
    design, answer = solved.design, solved.answer
    job = design.job
    yield from _arithmetic(design)
    folds = ", ".join(f"{name} {fold}" for name, fold in design.folds.items())
    yield Note(f"folding, PE x SIMD: {folds}")
    faster = solved.bolder.interval if solved.bolder else None
    if answer:
        most = usable(job.target, False, KEPT)
        yield from folding_notes(answer, WORDING, job.options.target_fps, job.target, most, faster)
    if faster_clock := clock_note(job.target.clock_ns):
        yield Note(faster_clock)
    yield from fifo_note(design.buffers, job.options.fifo_depth, "words")
    yield Note(
        f"cycles are those of the generated loops, and {job.target.clock_ns:g} ns is what was asked of the tools"
    )


def _arithmetic(design: HlsDesign) -> Iterator[Note]:
    """Weights that saturate, and how near the accumulators come to their ends."""
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


def observations(solved: Solved[HlsDesign], products: Products) -> Sequence[Note]:
    """How full the FIFOs became, in C simulation, that the stream simulation sized."""
    path = products.path(Output(SIMULATE, MARKS))
    if path is None:
        return ()
    held = json.loads(path.read_text())
    fuller = {name: (most, depth) for name, (most, depth) in held.items() if most > 1}
    words = [f"{name} {most:,} of {depth:,}" for name, (most, depth) in fuller.items()]
    if others := len(held) - len(fuller):
        words.append(f"{'the others' if fuller else 'all'} 1 word ({others})")
    text = f"in C simulation {FIFO_FRAMES} frames passed FIFOs of these depths, which held at most: {', '.join(words)}"
    return (Note(text),)
