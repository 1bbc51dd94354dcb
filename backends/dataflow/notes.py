"""What a user should know of a folding and its FIFOs, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor

from backends.dataflow.buffers import STORAGES, Buffer
from backends.dataflow.folding import Cost
from backends.dataflow.options import NO_TARGET
from backends.dataflow.space import Answer
from backends.protocol import Note
from flows.core.evidence import RESOURCES
from flows.core.part import Target


@dataclass(frozen=True)
class Wording:
    """What a flow calls its folding: "folding", "it is", or "reuse factors", "they are"."""

    folding: str
    it_is: str
    count: str
    """The words before an amount of a resource: "the design takes", or "csynth would count"."""


def folding_notes(
    answer: Answer,
    wording: Wording,
    rate: str,
    target: Target,
    usable: Cost,
    faster: tuple[int, Cost] | None = None,
) -> Iterator[Note]:
    """Why this folding was chosen, and what prevents a faster one.

    `usable` is what may be taken of each of `RESOURCES`; `faster` are the cycles and the resources of `Solved.bolder`.
    """
    it_is, cycles = wording.it_is, f"the busiest layer takes {answer.folding.cycles:,} cycles"
    free = f"leave {str(target.margins).removesuffix(' kept free')} free"
    if rate != NO_TARGET:
        yield Note(f"{it_is} the cheapest for {rate} images/s: {cycles}")
    elif answer.sure:
        yield Note(f"{it_is} the fastest whose estimates {free}, with upper bounds within the part: {cycles}")
    elif not answer.lacking:
        bounds = "near it, the upper bounds of none are within the part"
        yield Note(f"{it_is} the fastest whose estimates {free} ({bounds}): {cycles}")
    if answer.lacking:
        room = dict(zip(RESOURCES, usable, strict=True))
        taken = " and ".join(
            f"{amount:,.0f} {metric.unit} ({room[metric]:,.0f} would fit)" for metric, amount in answer.lacking.items()
        )
        nearest = f"; the lightest takes {answer.nearest.cycles:,} cycles" if answer.nearest else ""
        yield Note(
            f"no {wording.folding} could be found that would {free}: {wording.count} {taken}. The fastest that fits "
            f"with no margin is taken, or else one that takes at most a tenth more than the least: {cycles}{nearest}"
        )
    if faster:
        shorter, cost = faster
        takes = ", ".join(f"{amount:,.0f} {metric.unit}" for metric, amount in zip(RESOURCES, cost, strict=True))
        reached = floor(1e9 / (shorter * target.clock_ns))
        fits = f"by the estimates, with no margin, a faster one fits, in {shorter:,} cycles"
        yield Note(f"{fits}, and takes {takes}: --target-fps {reached}")
    if answer.stops:
        names = " and ".join(metric.unit for metric in answer.stops)
        yield Note(f"more {names} would let it be faster")


def fifo_note(buffers: Sequence[Buffer], asked: str, words: str) -> Iterator[Note]:
    """The usual depth, the FIFOs of other depths, and how many are held in what; `words` is the unit of a depth."""
    if not buffers:
        return
    usual, _ = Counter(buffer.depth for buffer in buffers).most_common(1)[0]
    deeper = [f"{' to '.join(buffer.fifo)} {buffer.depth:,}" for buffer in buffers if buffer.depth != usual]
    exceptions = f", but {', '.join(deeper)}" if deeper else ""
    counts = Counter(buffer.storage for buffer in buffers)
    storages = ", ".join(f"{count} in {STORAGES[storage]}" for storage, count in counts.items())
    yield Note(f"FIFO depths ({asked}): {usual:,} {words}{exceptions}; {storages}")
