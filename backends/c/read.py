"""What the compiled program was seen to take: its sections, and the instructions that qemu counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from backends.c.design import CDesign
from backends.c.elf import memory
from backends.c.estimate import law_of, times
from backends.c.plan import COUNT, COUNTED, EQUAL, NONE_COUNTED, OBJECT, VECTORS
from backends.protocol import Note
from flows.core.errors import InputError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.files import read_text
from flows.core.plan import Output, Products

AGAIN = "run it again"


def read(design: CDesign, products: Products) -> Sequence[Reading]:
    return tuple(_read(design, products))


def _read(design: CDesign, products: Products) -> Iterator[Reading]:
    if path := products.path(OBJECT):
        found, source = memory(path), f"sections of the object file of {_version(products, OBJECT)}"
        sizes = {
            Metric.CODE_BYTES: found.code,
            Metric.CONSTANT_BYTES: found.constants,
            Metric.ACTIVATION_BYTES: found.written,
        }
        for metric, size in sizes.items():
            if size:
                yield Reading(metric, size, Tier.SIMULATED, "Cortex-A9", source)
    if (none := products.path(NONE_COUNTED)) and (some := products.path(COUNT)):
        each = (_count(some) - _count(none)) / COUNTED
        source = f"counted by {_version(products, COUNT)}, of {COUNTED} images; as many for each"
        instructions = Reading(Metric.INSTRUCTIONS, each, Tier.SIMULATED, "Cortex-A9", source)
        yield instructions
        if law_of(design) is None:  # else the estimate has the time, which a few percent do not change
            yield from times(design, instructions)


def _count(path: Path) -> int:
    text = read_text(path, AGAIN).strip()
    if not text.isdecimal():
        raise InputError(str(path), "no number of instructions", AGAIN)
    return int(text)


def _version(products: Products, output: Output) -> str:
    return ", ".join(products.results[output.step].versions.values()) or output.step


def observations(design: CDesign, products: Products) -> Sequence[Note]:
    if products.path(EQUAL) is None:
        return ()
    text = f"the ARM binary gives the same integers under qemu-arm: {VECTORS} of {VECTORS} vectors equal"
    return (Note(text),)
