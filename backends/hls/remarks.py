"""What a user should know of a folding: why this one, what stops it, what packing would bring, and the FIFOs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import floor

from backends.fold import fastest
from backends.hls.arithmetic import lower, reaches
from backends.hls.folding import Answer
from backends.hls.folding_options import BRAM, LUTRAM, SRL
from backends.hls.options import BY_LAYER
from backends.hls.resolve import Resolved, limit_of, resolved
from backends.protocol import Job
from flows.core.evidence import Metric
from flows.core.fit import MARGIN
from models.quantised import QuantisedNetwork

STORAGES = {SRL: "shift registers", LUTRAM: "LUT RAM", BRAM: "block RAM"}


def notes(job: Job) -> Sequence[str]:
    quantised = lower(job)
    return (*_arithmetic(job, quantised), *folding_notes(resolved(job, quantised)))


def _arithmetic(job: Job, quantised: QuantisedNetwork) -> Iterator[str]:
    """Weights that saturate, and how near the accumulators come to their ends."""
    tensors = job.weights.tensors()
    lost = {}
    for name, types in quantised.layers.items():
        if types.kernel:
            beyond = (types.kernel.high + 0.5) * 2.0**-types.kernel.fraction
            lost[name] = int((abs(tensors[f"{name}/kernel"]) > beyond).sum())
    if job.options.weight_scale != BY_LAYER and any(lost.values()):
        worst = max(lost, key=lambda name: lost[name])
        yield (
            f"warning: {sum(lost.values()):,} weights lie outside {job.options.weight_format} and saturate, "
            f"{lost[worst]:,} of them in {worst}: --weight-scale {BY_LAYER} divides them by a power of two first"
        )
    widest = max(reaches(job, quantised), key=lambda one: one.bits)
    yield (
        f"no accumulator can overflow: by its weights, {widest.layer} may come to {max(widest.high, -widest.low):,}, "
        f"which takes {widest.bits} of {widest.holds.width} bits"
    )


def folding_notes(found: Resolved) -> Iterator[str]:
    """One line each, of the folding and the FIFOs."""
    job = found.design.job
    folds = ", ".join(f"{name} {fold}" for name, fold in found.design.folds.items())
    yield f"folding, PE x SIMD: {folds}"
    if len(found.space.asked) < len(found.design.folds):
        yield from _answer(found, found.answer)
    yield _fifos(found)
    yield from _packing(found)
    yield f"cycles are those of the generated loops, and {job.target.clock_ns:g} ns is what was asked of the tools"


def _answer(found: Resolved, answer: Answer) -> Iterator[str]:
    job, cycles = found.design.job, f"{answer.folding.cycles:,} cycles"
    free = f"leave {MARGIN:.0%} of every resource free"
    if limit_of(job) is not None:
        yield f"it is the cheapest for {job.options.target_fps} images/s: the busiest layer takes {cycles}"
    elif answer.sure:
        yield f"it is the fastest whose upper bounds {free}: the busiest layer takes {cycles}"
    elif not answer.lacking:
        yield f"it is the fastest whose estimates {free} (no upper bounds near it do): the busiest layer takes {cycles}"
    if answer.lacking:
        taken = " and ".join(
            f"{amount:,.0f} {metric.unit} ({found.space.usable(metric):,.0f} are usable)"
            for metric, amount in answer.lacking.items()
        )
        yield f"no folding fits. This is the fastest that does but for {taken}: the busiest layer takes {cycles}"
    if answer.bolder and answer.bolder.cycles < answer.folding.cycles:
        rate = floor(1e9 / (answer.bolder.cycles * job.target.clock_ns))
        how = "by their estimates alone" if answer.sure else "by their estimates, with no margin,"
        yield f"{how} faster ones fit, down to {answer.bolder.cycles:,} cycles: --target-fps {rate}"
    if answer.stops:
        names = " and ".join(metric.unit for metric in answer.stops)
        yield f"more {names} would let it be faster"


def _packing(found: Resolved) -> Iterator[str]:
    """What two products in a DSP48E1 would change. The templates do not build it."""
    if limit_of(found.design.job) is not None:
        return
    answer, but = found.answer, frozenset(found.answer.lacking)
    packed = replace(found.space, sure=answer.sure, packed=True)
    faster = fastest(packed.layers, lambda cost: packed.within(cost, but), packed.share)
    if faster is None or faster.cycles >= answer.folding.cycles:
        yield "two 8-bit products in one DSP48E1 (not built) would not make it faster: their sums take LUTs instead"
        return
    before = replace(found.space, sure=answer.sure).totals(answer.folding.cost)
    after, bound = packed.totals(faster.cost), "at most " if answer.sure else ""
    dsp, lut = ((f"{bound}{after[one]:,.0f}", f"{before[one]:,.0f}") for one in (Metric.DSP, Metric.LUT))
    yield (
        f"two 8-bit products in one DSP48E1 (not built) would allow {faster.cycles:,} cycles: {dsp[0]} DSP48E1 in "
        f"place of {dsp[1]}, {lut[0]} LUT in place of {lut[1]}, as sums of two products leave the DSP48E1 for LUTs"
    )


def _fifos(found: Resolved) -> str:
    """Depths that differ from most, and what holds how many."""
    buffers = found.design.buffers
    usual, _ = Counter(buffer.depth for buffer in buffers).most_common(1)[0]
    deeper = [f"{' to '.join(buffer.fifo)} {buffer.depth:,}" for buffer in buffers if buffer.depth != usual]
    but = f", but {', '.join(deeper)}" if deeper else ""
    kept = ", ".join(f"{count} in {STORAGES[way]}" for way, count in Counter(one.storage for one in buffers).items())
    return f"FIFO depths ({found.design.job.options.fifo_depth}): {usual:,} words{but}; {kept}"
