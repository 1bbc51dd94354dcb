"""Cycles of a design as readings: the stream simulation predicts what RTL simulation will show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from backends.dataflow.stages import Simulation, Stage
from flows.core.evidence import MET_OR_NOT, TOTAL, Metric, Reading, Tier


@dataclass(frozen=True, slots=True)
class Ends:
    """Cycles of the first frame and between frames, at one end of the expected range."""

    latency: float
    interval: float


def totals(
    simulation: Simulation, clock_ns: float, tool: str = "", bounds: tuple[Ends, Ends] | None = None, why: str = ""
) -> Iterator[Reading]:
    """Latency and interval of the whole design, in cycles and at the requested clock.

    `tool` is the HLS compiler whose schedule is predicted, `bounds` are the fastest and the slowest schedule, and `why`
    says where the bounds come from.
    """
    ends = bounds or ()
    source = f"stream simulation with the FIFOs of this design; the bottleneck is {simulation.bottleneck}"
    source += f"; {why}" if bounds else ""
    asked = f"{source}; {MET_OR_NOT}"
    on = ", ".join(filter(None, (f"{clock_ns:g} ns clock", tool)))
    known = Ends(simulation.latency, simulation.interval)

    def reading(metric: Metric, source: str, value: Callable[[Ends], float]) -> Reading:
        """A reading of `value`, which may rise or fall with the cycles."""
        sides = [value(end) for end in (known, *ends)]
        low, high = (min(sides), max(sides)) if ends else (None, None)
        return Reading(metric, value(known), Tier.MODELLED, on, source, TOTAL, Tier.RTL_SIMULATED, low, high)

    yield reading(Metric.LATENCY_CYCLES, f"first frame, {source}", lambda end: end.latency)
    yield reading(Metric.INTERVAL_CYCLES, f"steady state, {source}", lambda end: end.interval)
    yield reading(Metric.LATENCY_US, f"first frame, {asked}", lambda end: end.latency * clock_ns / 1e3)
    yield reading(Metric.THROUGHPUT_FPS, f"steady state, {asked}", lambda end: 1e9 / (end.interval * clock_ns))


def busy(scope: str, stages: Sequence[Stage], on: str, sides: Sequence[Sequence[Stage]] = (), why: str = "") -> Reading:
    """The busy cycles a frame of the busiest of these stages, which run in parallel. `sides` are the same stages at
    their fastest and their slowest."""
    place = max(range(len(stages)), key=lambda index: stages[index].busy)
    low, high = (side[place].busy for side in sides) if sides else (None, None)
    source = f"busy cycles of one frame of the stage {stages[place].name}" + (f"; {why}" if sides else "")
    value = stages[place].busy
    return Reading(Metric.INTERVAL_CYCLES, value, Tier.MODELLED, on, source, scope, Tier.RTL_SIMULATED, low, high)
