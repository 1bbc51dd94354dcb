"""Cycles of a design by its stream schedule: what RTL simulation will show, and csynth's worst case of each block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

from backends.hls4ml.schedule import PACES, QUICKEST, Block, Pace, slowest, stages
from backends.protocol import Job
from backends.stream import Schedule, Stage, schedule
from flows.core.evidence import TOTAL, Metric, Reading, Tier
from models.quantised import QuantisedNetwork

BOUNDS = (
    "bounds: a computed pixel in just its reuse factor and a stored one in a cycle, and csynth's worst case, which "
    "charges every pixel as if it completed a window"
)


def timing(
    job: Job, quantised: QuantisedNetwork, design: Sequence[Block], reuse: Mapping[str, int]
) -> dict[str, list[Reading]]:
    """Readings by scope, the whole design's under `TOTAL`. The clock is the one that was asked for.

    There are no bounds for the Latency strategy, and no worst cases: no row of it is known.
    """
    tool, latency = job.options.backend.lower(), job.options.strategy.lower() == "latency"
    on = f"{tool.title()} HLS"

    def at(pace: Pace) -> tuple[Stage, ...]:
        return stages(quantised.network, design, reuse, pace, latency)

    expected = at(PACES[tool])
    bounds = None if latency else (at(QUICKEST), at(slowest(tool)))
    found = {TOTAL: list(_totals(expected, bounds, job.target.clock_ns, on))}
    for scope in dict.fromkeys(block.scope for block in design):
        members = [place for place, block in enumerate(design) if block.scope == scope]
        busiest = max(members, key=lambda place: expected[place].busy)  # clones and paddings run side by side
        quick, slow = (side[busiest] for side in bounds) if bounds else (None, None)
        found[scope] = list(_of_block(scope, expected[busiest], quick, slow, on))
    return found


def _totals(
    expected: tuple[Stage, ...], bounds: tuple[tuple[Stage, ...], tuple[Stage, ...]] | None, clock_ns: float, on: str
) -> Iterator[Reading]:
    found = _schedule(expected)
    quick, slow = (_schedule(side) for side in bounds) if bounds else (None, None)
    source = f"stream schedule with FIFOs that never fill; the bottleneck is {found.bottleneck}"
    if bounds:
        source += f"; {BOUNDS}"
    asked = f"{source}; at the clock asked for, met or not"
    on = f"{clock_ns:g} ns clock, {on}"

    def reading(metric: Metric, source: str, value: Callable[[Schedule], float]) -> Reading:
        """Also where more cycles make less of it."""
        ends = sorted(value(side) for side in (quick, slow) if side)
        low, high = ends or (None, None)
        return Reading(metric, value(found), Tier.MODELLED, on, source, TOTAL, Tier.RTL_SIMULATED, low, high)

    yield reading(Metric.LATENCY_CYCLES, source, lambda one: one.latency)
    yield reading(Metric.INTERVAL_CYCLES, source, lambda one: one.interval)
    yield reading(Metric.LATENCY_US, asked, lambda one: one.latency * clock_ns / 1e3)
    yield reading(Metric.THROUGHPUT_FPS, asked, lambda one: 1e9 / (one.interval * clock_ns))


def _of_block(scope: str, expected: Stage, quick: Stage | None, slow: Stage | None, on: str) -> Iterator[Reading]:
    """The cycles that a frame keeps a block busy, and csynth's worst case of them."""
    source = "busy cycles of one frame in the stream schedule"
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


@lru_cache(maxsize=64)
def _schedule(design: tuple[Stage, ...]) -> Schedule:
    return schedule(design)
