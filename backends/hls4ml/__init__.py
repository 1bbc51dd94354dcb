"""hls4ml: streaming HLS C++, a reuse factor a layer; conversion, C simulation and a csynth-level estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from backends.hls4ml import check as checks
from backends.hls4ml import estimate as estimates
from backends.hls4ml.design import design
from backends.hls4ml.options import BRAM, LUTRAM, SRL, Options, parse_reuse
from backends.hls4ml.plan import plan
from backends.hls4ml.precision import explain, lower
from backends.hls4ml.reuse import dsp, fitting, resolve
from backends.protocol import Job, Refusal
from flows.core.evidence import Reading
from flows.core.plan import Products
from models.quantised import QuantisedNetwork

API = 1
STORAGES = {SRL: "shift registers", LUTRAM: "LUT RAM", BRAM: "block RAM"}
NAME = "hls4ml"

__all__ = ["API", "NAME", "Options", "check", "estimate", "lower", "notes", "plan", "read"]


def check(job: Job) -> Sequence[Refusal]:
    return checks.check(job)


def estimate(job: Job) -> Sequence[Reading]:
    """None for io_parallel: the laws are those of io_stream."""
    if job.options.io_type == "io_parallel":
        return ()
    return estimates.estimate(design(job))


def notes(job: Job) -> Sequence[str]:
    quantised = lower(job)
    found = [_reuse(job, quantised), *_fifos(job), *explain(job, quantised)]
    if job.options.io_type == "io_parallel":
        found.append("warning: no law of io_parallel is known: resources and cycles are not estimated")
    return tuple(found)


def _reuse(job: Job, quantised: QuantisedNetwork) -> str:
    asked, _ = parse_reuse(job.options.reuse_factor)
    reuse = resolve(job, quantised)
    if asked:
        why = "asked"
    elif dsp(quantised, reuse) <= job.target.part.device.dsp:
        why = "the smallest whose DSPs fit the part"
    else:
        why = "the largest that changes anything; none fits the part's DSPs"
    number = asked or fitting(job, quantised)
    factors = ", ".join(f"{name} {factor}" for name, factor in reuse.items())
    return f"reuse factor {number} ({why}), snapped per layer to what hls4ml can build: {factors}"


def _fifos(job: Job) -> Iterator[str]:
    """Depths that differ from most, and what holds how many."""
    buffers = design(job).buffers
    if not buffers:
        return
    usual, _ = Counter(buffer.depth for buffer in buffers).most_common(1)[0]
    deeper = [f"{' to '.join(buffer.fifo)} {buffer.depth:,}" for buffer in buffers if buffer.depth != usual]
    kept = Counter(STORAGES[buffer.storage] for buffer in buffers)
    yield (
        f"FIFO depths ({job.options.fifo_depth}): {usual:,} tokens"
        + (f", but {', '.join(deeper)}" if deeper else "")
        + f"; {', '.join(f'{count} in {where}' for where, count in kept.items())}"
    )


def read(job: Job, products: Products) -> Sequence[Reading]:
    """None yet: no step of the plan is a vendor tool."""
    return ()
