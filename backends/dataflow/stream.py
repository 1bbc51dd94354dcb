"""The stream simulation: when each stage of a dataflow design fires, frame after frame, through finite FIFOs.

Cycles do not depend on data, so a simulation has one outcome. `times` finds it for whole arrays of tokens at once;
where that does not come to an end soon, as in a deadlock, `tokens` goes token by token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from backends.dataflow.stages import Fifo, Simulation, Stage, busiest, fifos
from backends.dataflow.times import Unsettled, most, settled
from backends.dataflow.tokens import simulate_tokens

FRAMES = 3
"""Frames simulated by default: the first for the latency, the last two for the interval."""
FOLLOWED = 128
"""Tokens of a frame that tell well enough how fast a design is at best: four of a row of 32 pixels."""


def simulate(stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int = FRAMES) -> Simulation:
    """Runs `frames` through `stages`, in an order in which every source comes first; the last one ends a frame.

    A FIFO that is not in `depths`, or is None there, is never full. Raises `ValueError` where a stage waits for tokens
    that will never come, because its pattern does not match its source's.

    >>> from backends.dataflow.stages import INPUT, Run
    >>> slow = Stage("slow", (INPUT,), (Run(4, 10),))
    >>> run = simulate([slow, Stage("half", ("slow",), (Run(1, 1, puts=False), Run(1, 1)) * 2)], {}, frames=2)
    >>> run.completions, run.bottleneck, run.interval, run.fill
    ((41, 81), 'slow', 40, {('slow', 'half'): 1})
    """
    return _simulate(tuple(stages), tuple(depths.items()), frames)


@lru_cache(maxsize=32)
def _simulate(stages: tuple[Stage, ...], given: tuple[tuple[Fifo, int | None], ...], frames: int) -> Simulation:
    depths = dict(given)
    try:
        return simulate_arrays(stages, depths, frames)
    except Unsettled:
        return simulate_tokens(stages, depths, frames)


def simulate_arrays(stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int) -> Simulation:
    """Raises `Unsettled`."""
    tracks, delays, last = settled(stages, depths, frames), {stage.name: stage.delay for stage in stages}, stages[-1]
    ends = tracks[last.name].put + last.delay
    fill = {
        (writer, reader): most(tracks[writer].put + delays[writer], tracks[reader].taken, depths.get((writer, reader)))
        for writer, reader in fifos(stages)
    }
    return Simulation(tuple(ends[last.tokens - 1 :: last.tokens].tolist()), busiest(stages).name, fill, None)


def least_interval(stages: Sequence[Stage], depths: Mapping[Fifo, int]) -> int:
    """Cycles between frames that a design takes at least once it is filled, by `FOLLOWED` of the tokens of a frame.

    Costs a tenth of a simulation or less. 0 where that does not tell.
    """
    try:
        put = settled(stages, depths, FRAMES, FOLLOWED)[stages[-1].name].put
    except Unsettled:
        return 0
    ends = put[len(put) // FRAMES - 1 :: len(put) // FRAMES]
    return int(ends[-1] - ends[-2])
