"""What a user should know of a design: why these reuse factors, FIFOs and types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.dataflow.notes import Wording, fifo_note, folding_notes
from backends.dataflow.space import Solved
from backends.hls4ml.design import Hls4mlDesign, asked
from backends.hls4ml.explain import explain
from backends.hls4ml.option_texts import parse_reuse
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.resolve import taken, usable
from backends.hls4ml.routed import is_modelled
from backends.hls4ml.unused import unused
from backends.protocol import Job, Note, warning
from flows.core.margins import KEPT
from models.layers import Clip, GroupedConv2D

UNKNOWN = "nor are resources: no built design with convolutions, pools or sums of io_parallel was found"
WORDING = Wording("reuse factors", "they are", "the design takes")


def notes(solved: Solved[Hls4mlDesign]) -> Sequence[Note]:
    return tuple(_notes(solved))


def _notes(solved: Solved[Hls4mlDesign]) -> Iterator[Note]:
    design, answer = solved.design, solved.answer
    job = design.job
    factors = ", ".join(f"{name} {factor}" for name, factor in design.reuse.items())
    number, _ = parse_reuse(job.options.reuse_factor)
    if number:
        yield Note(f"reuse factor {number} (asked), snapped per layer to what hls4ml can build: {factors}")
    else:
        yield Note(f"reuse factors: {factors}")
    yield from _snapped(job)
    faster = (solved.bolder.interval, taken(solved.bolder, False)) if solved.bolder else None
    if answer:
        most = usable(design, False, KEPT)
        yield from folding_notes(answer, WORDING, job.options.target_fps, job.target, most, faster)
    yield from fifo_note(design.buffers, job.options.fifo_depth, "tokens")
    yield from explain(job, design.quantised)
    yield from unused(job)
    yield from _unknown(design)
    if job.options.is_parallel:
        known = "what is routed is modelled by 4 designs of 2 repositories" if is_modelled(design) else UNKNOWN
        yield warning(f"of io_parallel no cycles are estimated; {known}")


def _unknown(design: Hls4mlDesign) -> Iterator[Note]:
    """Layers of which no report is known."""
    layers = design.quantised.computed
    if depthwise := [layer.name for layer in layers if isinstance(layer, GroupedConv2D)]:
        yield warning(
            f"{', '.join(depthwise)}: of hls4ml's depthwise convolutions no report is known. LUTs and FFs are counted "
            "by structure as routed, and absent of what csynth counts; cycles are those of the reuse factor, and at "
            "most one a product"
        )
    if clips := [layer.name for layer in layers if isinstance(layer, Clip)]:
        yield Note(
            f"{', '.join(clips)}: hls4ml 1.3.0 has relu6 of arrays alone; the project's nnet_activation_stream.h has "
            "the same of streams, which the flow adds"
        )


def _snapped(job: Job[Hls4mlOptions]) -> Iterator[Note]:
    """Factors of single layers that hls4ml builds no layer with: it warns and takes the nearest, and so do we."""
    wanted, taken = asked(job)
    if moved := [f"{name} {taken[name]} instead of {wanted[name]}" for name in wanted if taken[name] != wanted[name]]:
        yield warning(f"not every reuse factor can be built; the nearest that hls4ml can are taken: {', '.join(moved)}")
