"""What a user should know of a program: its arithmetic, its memory against the processor's, and what time rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.c.design import CDesign
from backends.c.estimate import model_of
from backends.c.instructions import cycles
from backends.dataflow.layers.arithmetic import reaches
from backends.protocol import Note

KIB = 1024
PLACES = ((32, "the first-level data cache"), (256, "the on-chip memory"), (512, "the second-level cache"))
"""KiB of a Zynq-7000's memories beside the cores (AMD UG585); what is larger is in the board's DDR memory."""


def notes(design: CDesign) -> Sequence[Note]:
    return tuple(_notes(design))


def _notes(design: CDesign) -> Iterator[Note]:
    quantised, program = design.quantised, design.program
    if sums := list(reaches(design.job, quantised)):
        widest = max(sums, key=lambda reach: reach.bits)
        yield Note(
            f"no accumulator can overflow: by its weights, {widest.layer} may come to "
            f"{max(widest.high, -widest.low):,}, which takes {widest.bits} of {widest.holds.width} bits"
        )
    yield Note(
        f"elements of tensors are int{program.value_bits}_t, weights int{program.weight_bits}_t, sums "
        f"int{program.sum_bits}_t; codes are multiplied as int{program.factor_bits}_t"
    )
    yield Note(f"{design.static_bytes:,} bytes of constants and tensors: {_place(design.static_bytes)}")
    each = cycles()
    yield Note(
        f"time is instructions times {each.low:g} to {each.high:g} cycles of each, by {each.source}; these programs "
        "were not timed"
    )
    if model_of(design) is None:
        widths = f"{program.value_bits}-bit elements, {program.weight_bits}-bit weights, {program.sum_bits}-bit sums"
        yield Note(f"no program of {widths} was counted, so instructions are known only where qemu-arm is on PATH")
    if (program.factor_bits, program.weight_bits, program.sum_bits) != (16, 8, 32):
        yield Note("the NEON path is for int16_t by int8_t: here the compiler vectorises plain C")


def _place(size: int) -> str:
    fitting = [name for kib, name in PLACES if size <= kib * KIB]
    return f"they fit {fitting[0]} ({_kib(fitting[0])} KiB)" if fitting else "they are in DDR memory, beyond the caches"


def _kib(name: str) -> int:
    return next(kib for kib, place in PLACES if place == name)
