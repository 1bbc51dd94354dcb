"""Cycles of a design by its stream simulation: the first frame, and those that follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from backends.hls.design import Design
from backends.hls.schedule import QUICKEST, SLOWEST
from backends.stream import Simulation, simulate
from flows.core.evidence import TOTAL, Metric, Reading, Tier

BOUNDS = "bounds: the turns of the loops alone, and three times the pipeline depth and restart of the one known stage"


def simulation(design: Design) -> Simulation:
    """What the stream simulation says of `design` with its FIFOs."""
    return simulate(design.stages, {buffer.fifo: buffer.depth for buffer in design.buffers})


def timing(design: Design) -> dict[str, list[Reading]]:
    """Readings by scope, the whole design's under `TOTAL`. The clock is the one that was asked for."""
    sides = design.stages_at(QUICKEST), design.stages_at(SLOWEST)
    found = {TOTAL: list(_totals(design))}
    for scope in dict.fromkeys(node.scope for node in design.nodes):
        members = [place for place, node in enumerate(design.nodes) if node.scope == scope]
        slowest = max(members, key=lambda place: design.stages[place].busy)  # its stages run side by side
        value, low, high = (side[slowest].busy for side in (design.stages, *sides))
        source = f"busy cycles of one frame of the stage {design.nodes[slowest].name}; {BOUNDS}"
        found[scope] = [_cycles(Metric.INTERVAL_CYCLES, value, source, scope, low, high, "Vitis HLS")]
    return found


def _totals(design: Design) -> Iterator[Reading]:
    found, clock_ns = simulation(design), design.job.target.clock_ns
    depths = {buffer.fifo: buffer.depth for buffer in design.buffers}
    sides = [simulate(design.stages_at(pace), depths) for pace in (QUICKEST, SLOWEST)]
    source = f"stream simulation with the FIFOs of this design; the bottleneck is {found.bottleneck}; {BOUNDS}"
    asked = f"{source}; at the clock asked for, met or not"
    on = f"{clock_ns:g} ns clock, Vitis HLS"

    def reading(metric: Metric, source: str, value: Callable[[Simulation], float]) -> Reading:
        """`value` of a simulation, also where more cycles make less of it."""
        low, high = sorted(value(side) for side in sides)
        return _cycles(metric, value(found), source, TOTAL, min(low, value(found)), max(high, value(found)), on)

    yield reading(Metric.LATENCY_CYCLES, f"first frame, {source}", lambda one: one.latency)
    yield reading(Metric.INTERVAL_CYCLES, f"steady state, {source}", lambda one: one.interval)
    yield reading(Metric.LATENCY_US, f"first frame, {asked}", lambda one: one.latency * clock_ns / 1e3)
    yield reading(Metric.THROUGHPUT_FPS, f"steady state, {asked}", lambda one: 1e9 / (one.interval * clock_ns))


def _cycles(metric: Metric, value: float, source: str, scope: str, low: float, high: float, on: str) -> Reading:
    return Reading(metric, value, Tier.MODELLED, on, source, scope, Tier.RTL_SIMULATED, low, high)
