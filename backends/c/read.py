"""What the compiled program was seen to take: its sections, and the instructions that qemu counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.c import keras2c
from backends.c.design import CDesign
from backends.c.elf import memory
from backends.c.estimate import model_of, times
from backends.c.plan import COUNT, COUNTED, EQUAL, NONE_COUNTED, OBJECT, VECTORS
from backends.c.tools import count
from backends.protocol import Note
from flows.core.evidence import Metric, Reading, Tier, total
from flows.core.plan import Output, Products


def read(design: CDesign, products: Products) -> Sequence[Reading]:
    return tuple(_read(design, products))


def _read(design: CDesign, products: Products) -> Iterator[Reading]:
    if path := products.path(OBJECT):
        sections, source = memory(path), f"sections of the object file of {_version(products, OBJECT)}"
        sizes = {
            Metric.CODE_BYTES: sections.code,
            Metric.CONSTANT_BYTES: sections.constants,
            Metric.ACTIVATION_BYTES: sections.written,
        }
        for metric, size in sizes.items():
            if size:
                yield Reading(metric, size, Tier.SIMULATED, "Cortex-A9", source)
    if (none := products.path(NONE_COUNTED)) and (some := products.path(COUNT)):
        each = (count(some) - count(none)) / COUNTED
        source = f"counted by {_version(products, COUNT)}, of {COUNTED} images; as many for each"
        instructions = Reading(Metric.INSTRUCTIONS, each, Tier.SIMULATED, "Cortex-A9", source)
        yield instructions
        if model_of(design) is None:  # else the estimate has the time, which a few percent do not change
            yield from times(design, instructions)
    yield from keras2c.read(products)


def _version(products: Products, output: Output) -> str:
    return ", ".join(products.results[output.step].versions.values()) or output.step


def observations(design: CDesign, products: Products) -> Sequence[Note]:
    return tuple(_observations(design, products))


def _observations(design: CDesign, products: Products) -> Iterator[Note]:
    if products.path(EQUAL):
        yield Note(f"the ARM binary gives the same integers under qemu-arm: {VECTORS} of {VECTORS} vectors equal")
    yield from keras2c.observations(products, total(_read(design, products), Metric.INSTRUCTIONS))
