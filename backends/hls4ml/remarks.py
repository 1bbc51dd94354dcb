"""What a user should know of a design: why these reuse factors, FIFOs and types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import floor

from backends.hls4ml.design import asked
from backends.hls4ml.explain import explain
from backends.hls4ml.folding import Answer, usable
from backends.hls4ml.options import BRAM, LUTRAM, SRL, parse_reuse
from backends.hls4ml.resolve import limit_of, resolved
from backends.hls4ml.unused import unused
from backends.protocol import Job
from flows.core.fit import MARGIN

STORAGES = {SRL: "shift registers", LUTRAM: "LUT RAM", BRAM: "block RAM"}


def notes(job: Job) -> Sequence[str]:
    """One line each; the first word "warning:" makes it loud."""
    design, answer = resolved(job)
    factors = ", ".join(f"{name} {factor}" for name, factor in design.reuse.items())
    number, _ = parse_reuse(job.options.reuse_factor)
    how = f"reuse factor {number} (asked), snapped per layer to what hls4ml can build" if number else "reuse factors"
    found = [f"{how}: {factors}"]
    found += _snapped(job)
    if answer:
        found += _answer(job, answer)
    found += _fifos(job)
    found += explain(job, design.quantised)
    found += unused(job)
    if job.options.io_type == "io_parallel":
        found.append("warning: no law of io_parallel is known: resources and cycles are not estimated")
    return tuple(found)


def _snapped(job: Job) -> Iterator[str]:
    """Factors of single layers that hls4ml builds no layer with: it warns and takes the nearest, and so do we."""
    wanted, taken = asked(job)
    moved = [f"{name} {taken[name]} instead of {wanted[name]}" for name in wanted if taken[name] != wanted[name]]
    if moved:
        yield f"warning: not every reuse factor can be built; the nearest that hls4ml can are taken: {', '.join(moved)}"


def _answer(job: Job, answer: Answer) -> Iterator[str]:
    cycles, free = f"{answer.folding.cycles:,} cycles", f"leave {MARGIN:.0%} of every resource free"
    if limit_of(job) is not None:
        yield f"they are the cheapest for {job.options.target_fps} images/s: the busiest layer takes {cycles}"
    elif answer.sure:
        yield f"they are the fastest whose upper bounds {free}: the busiest layer takes {cycles}"
    elif not answer.lacking:
        yield f"they are the fastest whose estimates {free} (no upper bounds do): the busiest layer takes {cycles}"
    if answer.lacking:
        part = job.target.part.device
        least = " and ".join(
            f"{amount:,.0f} {metric.unit} ({usable(metric, part):,.0f} would fit)"
            for metric, amount in answer.lacking.items()
        )
        yield (
            f"no reuse factors fit: with any of them csynth counts at least {least}. These are the fastest that "
            f"take at most a tenth more ({cycles}); those nearest to fitting take {answer.nearest.cycles:,} cycles"
        )
    if answer.bolder and answer.bolder.cycles < answer.folding.cycles:
        rate = floor(1e9 / (answer.bolder.cycles * job.target.clock_ns))
        how = "by their estimates alone" if answer.sure else "by their estimates, with no margin,"
        yield f"{how} faster ones fit, down to {answer.bolder.cycles:,} cycles: --target-fps {rate}"
    if answer.stops:
        names = " and ".join(metric.unit for metric in answer.stops)
        yield f"more {names} would let it be faster"


def _fifos(job: Job) -> Iterator[str]:
    """Depths that differ from most, and what holds how many."""
    buffers = resolved(job)[0].buffers
    if not buffers:
        return
    usual, _ = Counter(buffer.depth for buffer in buffers).most_common(1)[0]
    deeper = [f"{' to '.join(buffer.fifo)} {buffer.depth:,}" for buffer in buffers if buffer.depth != usual]
    but = f", but {', '.join(deeper)}" if deeper else ""
    kept = ", ".join(f"{count} in {STORAGES[way]}" for way, count in Counter(one.storage for one in buffers).items())
    yield f"FIFO depths ({job.options.fifo_depth}): {usual:,} tokens{but}; {kept}"
