"""What a user should know of a design: its arithmetic, why this folding, its FIFOs, what the C simulation showed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from backends.cost.clock import clock_note
from backends.dataflow.layers import notes as layers
from backends.dataflow.space import Solved
from backends.hls.design.design import HlsDesign
from backends.hls.plan import FIFO_FRAMES, MARKS, SIMULATE
from backends.protocol import Note
from flows.core.plan import Output, Products


def notes(solved: Solved[HlsDesign]) -> Sequence[Note]:
    clock_ns = solved.design.job.target.clock_ns
    cycles = Note(f"cycles are those of the generated loops, and {clock_ns:g} ns is what was asked of the tools")
    faster_clock = clock_note(clock_ns)
    return *layers.notes(solved), *_packing(solved.design), cycles, *([Note(faster_clock)] if faster_clock else [])


def _packing(design: HlsDesign) -> Iterator[Note]:
    """How many products share a DSP48E1, and the layers where none do."""
    in_dsp = {name: most for name, most in design.sharing.items() if not design.folds[name].in_luts}
    shared = {name: min(most, design.folds[name].pe) for name, most in in_dsp.items()}
    if not shared:
        return
    apart = [name for name, most in shared.items() if most == 1 and design.folds[name].pe > 1]
    words = ", ".join(f"{most} in {name}" for name, most in shared.items() if most > 1) or "none"
    exceptions = (
        f", but in {', '.join(apart)} a weight is the lowest number of its format, or numbers are too wide"
        * bool(apart)
    )
    yield Note(f"products that share a DSP48E1: {words}{exceptions}")


def observations(solved: Solved[HlsDesign], products: Products) -> Sequence[Note]:
    """How full the FIFOs became in C simulation; the stream simulation chose their depths."""
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
