"""What a user should know of a design, and what the simulation of its RTL showed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.dataflow.layers import notes as layers
from backends.dataflow.space import Solved
from backends.protocol import Note, Refusal, warning
from backends.rtl import built
from backends.rtl.design.design import RtlDesign
from backends.rtl.plan import FRAMES, STALLED
from backends.rtl.simulated import AGREE, Simulated, cycles_of, fifo_names
from flows.core.plan import Products


def notes(solved: Solved[RtlDesign]) -> Sequence[Note]:
    asked = f"{solved.design.job.target.clock_ns:g} ns is what was asked for"
    cycles = Note(f"cycles are those of the generated SystemVerilog, and {asked}")
    return *layers.notes(solved), *_integers(solved.design), cycles, *built.choices(solved.design)


def _integers(design: RtlDesign) -> Iterator[Note]:
    """Of a QONNX file: what of it is built."""
    integer = design.job.integer
    if isinstance(integer, Refusal):
        fact = f"{integer.culprit}: {integer.fact}"
        yield warning(f"the file's integers are not built, but its float network, quantised anew: {fact}")
    elif integer:
        yield Note(
            f"the file's integers are built as they were trained, with exact thresholds in {len(design.searches)} "
            "layers; the last scale is the host's (driver.py)"
        )


def observations(solved: Solved[RtlDesign], products: Products) -> Sequence[Note]:
    """How the simulation of the RTL agrees with the stream simulation that sized its FIFOs, and what did not route."""
    cycles = cycles_of(products)
    compared = _compared(solved.design, cycles) if cycles else ()
    return *compared, *built.observations(solved.design, products)


def _compared(design: RtlDesign, cycles: Simulated) -> Iterator[Note]:
    yield Note(
        f"RTL simulation: {FRAMES} frames back to back, {FRAMES - STALLED} without stalls, then {STALLED} with seeded "
        f"random stalls at both ends"
    )
    expected = design.simulation
    off = abs(cycles.interval - expected.interval) / expected.interval
    counts = f"{cycles.interval:,} cycles a frame, and {cycles.latency:,} for the first"
    model = f"{expected.interval:,} and {expected.latency:,} by the stream simulation"
    if off > AGREE:
        yield warning(f"RTL simulation counts {counts}, {off:.1%} off: {model}. Please report it")
    else:
        yield Note(f"RTL simulation counts {counts}: {model}")
    names = fifo_names(design)
    held = {fifo: (cycles.fifos[name], design.depths[fifo]) for fifo, name in names.items() if name in cycles.fifos}
    fuller = sorted((most, fifo) for fifo, (most, _) in held.items() if most > expected.fill[fifo] + SLACK)
    if fuller:
        most, fifo = fuller[-1]
        words = f"{most:,} instead of {expected.fill[fifo]:,}, of {design.depths[fifo]:,}"
        yield Note(
            f"in RTL simulation {len(fuller)} of {len(held)} FIFOs held more words than in the stream simulation, the "
            f"fullest {' to '.join(fifo)}: {words}"
        )
    else:
        yield Note(f"in RTL simulation no FIFO held more than {SLACK} words more than in the stream simulation")


SLACK = 4
"""Words that may be on their way from a stage to its FIFO, which the stream simulation counts as in the stage."""
