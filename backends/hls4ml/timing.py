"""Cycles of a design by its stream simulation: what RTL simulation will show, and csynth's worst case of each block."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from backends.hls4ml.design import Design
from backends.hls4ml.schedule import QUICKEST, slowest
from backends.stream import Simulation, Stage, simulate
from flows.core.evidence import TOTAL, Metric, Reading, Tier

BOUNDS = (
    "bounds: a computed pixel in just its reuse factor and a stored one in a cycle, and csynth's worst case, which "
    "charges every pixel as if it completed a window"
)
Sides = tuple[tuple[Stage, ...], tuple[Stage, ...]]


def timing(design: Design) -> dict[str, list[Reading]]:
    """Readings by scope, the whole design's under `TOTAL`. The clock is the one that was asked for.

    There are no bounds where a layer has the Latency strategy, and no worst cases: no row of it is known.
    """
    on = f"{design.tool.title()} HLS"
    bounds = None if design.unrolled & design.reuse.keys() else _bounds(design)
    found = {TOTAL: list(_totals(design, bounds, on))}
    for scope in dict.fromkeys(block.scope for block in design.blocks):
        members = [place for place, block in enumerate(design.blocks) if block.scope == scope]
        busiest = max(members, key=lambda place: design.stages[place].busy)  # clones and paddings run side by side
        quick, slow = (side[busiest] for side in bounds) if bounds else (None, None)
        found[scope] = list(_of_block(scope, design.stages[busiest], quick, slow, on))
    return found


def simulation(design: Design) -> Simulation:
    """What the stream simulation says of `design` with its FIFOs; those of io_parallel never fill."""
    return simulate(design.stages, {buffer.fifo: buffer.depth for buffer in design.buffers})


def _bounds(design: Design) -> Sides:
    return design.stages_at(QUICKEST), design.stages_at(slowest(design.tool))


def _totals(design: Design, bounds: Sides | None, on: str) -> Iterator[Reading]:
    found, clock_ns = simulation(design), design.job.target.clock_ns
    source = f"stream simulation with the FIFOs of this design; the bottleneck is {found.bottleneck}"
    if bounds:
        source += f"; {BOUNDS}"
    asked = f"{source}; at the clock asked for, met or not"
    on = f"{clock_ns:g} ns clock, {on}"
    stalls = found.interval / max(stage.busy for stage in design.stages)
    ends = [(simulate(side, {}, 1).latency, max(stage.busy for stage in side)) for side in bounds or ()]

    def reading(metric: Metric, source: str, value: Callable[[float, float], float]) -> Reading:
        """`value` of latency and interval, also where more cycles make less of it."""
        sides = sorted((value(ends[0][0], ends[0][1]), value(ends[1][0], ends[1][1] * stalls)) if ends else ())
        low, high = sides or (None, None)
        return Reading(
            metric,
            value(found.latency, found.interval),
            Tier.MODELLED,
            on,
            source,
            TOTAL,
            Tier.RTL_SIMULATED,
            low,
            high,
        )

    yield reading(Metric.LATENCY_CYCLES, source, lambda latency, interval: latency)
    yield reading(Metric.INTERVAL_CYCLES, source, lambda latency, interval: float(round(interval)))
    yield reading(Metric.LATENCY_US, asked, lambda latency, interval: latency * clock_ns / 1e3)
    yield reading(Metric.THROUGHPUT_FPS, asked, lambda latency, interval: 1e9 / (interval * clock_ns))


def _of_block(scope: str, expected: Stage, quick: Stage | None, slow: Stage | None, on: str) -> Iterator[Reading]:
    """The cycles that a frame keeps a block busy, and csynth's worst case of them."""
    source = "busy cycles of one frame in the stream simulation"
    if quick is None or slow is None:
        yield Reading(Metric.INTERVAL_CYCLES, expected.busy, Tier.MODELLED, on, source, scope, Tier.RTL_SIMULATED)
        return
    yield Reading(
        Metric.INTERVAL_CYCLES,
        expected.busy,
        Tier.MODELLED,
        on,
        f"{source}; {BOUNDS}",
        scope,
        Tier.RTL_SIMULATED,
        quick.busy,
        slow.busy,
    )
    worst = "csynth's worst case, which charges every pixel of a convolution as if it completed a window"
    yield Reading(Metric.LATENCY_CYCLES, slow.busy + slow.delay, Tier.MODELLED, on, worst, scope, Tier.HLS)
