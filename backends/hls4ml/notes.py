"""What a user should know of a design: why these reuse factors, FIFOs and types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.dataflow.notes import Wording, fifo_note, folding_notes
from backends.dataflow.space import Solved
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.options import parse_reuse
from backends.hls4ml.precision import explain
from backends.hls4ml.resolve import usable
from backends.protocol import Note, warning
from flows.core.fit import MARGIN

WORDING = Wording("reuse factors", "they are", "csynth counts", is_of_the_design_alone=True)


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
    if answer:
        yield from folding_notes(
            answer, WORDING, job.options.target_fps, job.target.clock_ns, usable(design, False, MARGIN)
        )
    yield from fifo_note(design.buffers, job.options.fifo_depth, "tokens")
    yield from explain(job, design.quantised)
    if job.options.io_type == "io_parallel":
        yield warning("no resource model of io_parallel is known: resources and cycles are not estimated")
