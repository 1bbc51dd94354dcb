"""Foldings, rates and FIFO depths that cannot be built, each with the nearest legal choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from math import floor

from backends.hls.folding import nearest
from backends.hls.folding_options import SIMULATED, parse_folding
from backends.hls.nodes import MATRIX_VECTOR, nodes
from backends.hls.resolve import limit_of, quickest, resolved
from backends.protocol import Job, Refusal
from backends.stream import passable, simulate
from models.quantised import QuantisedNetwork


def refusals(job: Job, quantised: QuantisedNetwork) -> Iterator[Refusal]:
    """Why `job` cannot be built in the arithmetic `quantised`, as far as folding and FIFOs go."""
    found = tuple(_folding(job, quantised))
    yield from found
    if not found:
        yield from _target(job, quantised)
        yield from _deadlock(job, quantised)


def _folding(job: Job, quantised: QuantisedNetwork) -> Iterator[Refusal]:
    ways = {node.name: node.foldable for node in nodes(quantised) if node.kind == MATRIX_VECTOR}
    for name, asked in parse_folding(job.options.folding).items():
        if name not in ways:
            near = get_close_matches(name, ways, n=3, cutoff=0.5) or list(ways)
            yield Refusal("--folding", f"no layer with weights is called {name!r}", ", ".join(near))
            continue
        simds, pes = ways[name]
        if asked.simd not in simds or asked.pe not in pes:
            fact = f"{asked} does not divide {name}: PE divides {max(pes)} results, SIMD {max(simds)} products of each"
            yield Refusal("--folding", fact, f"{name}={nearest(ways[name], asked)}")


def _target(job: Job, quantised: QuantisedNetwork) -> Iterator[Refusal]:
    """A rate beyond reach."""
    limit = limit_of(job)
    if limit is not None and limit < (fewest := quickest(job, quantised)):
        highest = floor(1e9 / (fewest * job.target.clock_ns))
        fact = (
            f"{job.options.target_fps} images/s are beyond reach: the widest folding takes {fewest:,} cycles an image"
        )
        yield Refusal("--target-fps", f"{fact}, which is {highest:,} images/s", f"--target-fps {highest}")


def _deadlock(job: Job, quantised: QuantisedNetwork) -> Iterator[Refusal]:
    """A number of words too small for a skip connection. Pipelines are not counted on to hold any."""
    if job.options.fifo_depth == SIMULATED:
        return
    made = resolved(job, quantised).design
    stalled = [replace(stage, delay=0) for stage in made.stages]
    deadlock = simulate(stalled, {buffer.fifo: buffer.depth for buffer in made.buffers}, frames=1).deadlock
    if deadlock:
        simulated = replace(job, options=replace(job.options, fifo_depth=SIMULATED))
        enough = {one.fifo: one.depth for one in replace(made, job=simulated).buffers_by(passable)}
        full = ", ".join(" to ".join(fifo) for fifo in deadlock.full)
        needs = ", ".join(f"{' to '.join(fifo)} takes {enough[fifo]}" for fifo in deadlock.full)
        fact = f"with {job.options.fifo_depth} words the design deadlocks: {full} fill up before the other branch ends"
        yield Refusal("--fifo-depth", fact, f"{SIMULATED} ({needs}), or {max(enough.values())}")
