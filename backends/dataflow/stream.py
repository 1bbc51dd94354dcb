"""The stream simulation: when each stage of a dataflow design fires, frame after frame, through finite FIFOs.

Cycles do not depend on data, so a simulation has one outcome. `times` computes it for whole arrays of tokens at once.
Where that does not converge soon, as in a deadlock, `tokens` goes token by token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from backends.dataflow.stages import Fifo, Simulation, Stage, busiest, fifos
from backends.dataflow.times import Settled, Unsettled, settled
from backends.dataflow.tokens import simulate_tokens
from backends.dataflow.track import filled

FRAMES = 3
"""Frames simulated by default: the first for the latency, the last two for the interval."""
KEPT = 300_000
"""The most events of a simulation whose times are kept for similar simulations, at 8 bytes each. In trials of FIFO
depths of ARCH_8 in 8 bits, which has 270,000 events, this saves more than half of the computed events."""
FOLLOWED = 128
"""How many tokens of a frame are enough to bound the speed of a design: four of a row of 32 pixels."""


def simulate(
    stages: Sequence[Stage],
    depths: Mapping[Fifo, int | None],
    frames: int = FRAMES,
    like: Simulation | None = None,
) -> Simulation:
    """Runs `frames` through `stages`, which are ordered so that sources come first; the last stage ends a frame.

    A FIFO that is not in `depths`, or is None there, is never full. Raises `ValueError` where a stage waits for tokens
    that will never come, because its pattern does not match its source's. `like` may be a similar simulation of the
    same stages and frames: it saves time and does not change the result.

    >>> from backends.dataflow.stages import INPUT, Run
    >>> slow = Stage("slow", (INPUT,), (Run(4, 10),))
    >>> run = simulate([slow, Stage("half", ("slow",), (Run(1, 1, puts=False), Run(1, 1)) * 2)], {}, frames=2)
    >>> run.completions, run.bottleneck, run.interval, dict(run.fill)
    ((41, 81), 'slow', 40, {('slow', 'half'): 1})
    """
    return _simulate(tuple(stages), tuple(depths.items()), frames, _Hint(like))


@dataclass(frozen=True)
class _Hint:
    """All hints compare equal, so that they are not part of the cache key: the result does not depend on them."""

    like: Simulation | None = field(compare=False)


@lru_cache(maxsize=8)  # what one search for FIFO depths asks for again
def _simulate(
    stages: tuple[Stage, ...], depth_items: tuple[tuple[Fifo, int | None], ...], frames: int, hint: _Hint
) -> Simulation:
    depths = dict(depth_items)
    try:
        return simulate_arrays(stages, depths, frames, hint.like.settled if hint.like else None)
    except Unsettled:
        return simulate_tokens(stages, depths, frames)


def simulate_arrays(
    stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int, like: Settled | None = None
) -> Simulation:
    """Raises `Unsettled`."""
    tracks, bits = settled(stages, depths, frames, like=like)
    last = stages[-1]
    ends = tracks[last.name].ready[last.tokens - 1 :: last.tokens] >> bits

    by_name = {stage.name: stage for stage in stages}

    def held(fifo: Fifo) -> int:
        writer, reader = fifo
        return filled(by_name[writer], tracks[writer].ready >> bits, tracks[reader].taken >> bits, depths.get(fifo))

    fill, few = _Fill(fifos(stages), held), sum(map(len, tracks.values())) <= KEPT
    held_most: Mapping[Fifo, int] = fill if few else dict(fill)
    times = Settled(depths, tracks) if few else None
    return Simulation(tuple(ends.tolist()), busiest(stages).name, held_most, None, times)


class _Fill(Mapping[Fifo, int]):
    """The fill of each FIFO, computed on first use."""

    def __init__(self, fifos: Sequence[Fifo], held: Callable[[Fifo], int]) -> None:
        self._fifos, self._held = fifos, cache(held)

    def __getitem__(self, fifo: Fifo) -> int:
        return self._held(fifo)

    def __iter__(self) -> Iterator[Fifo]:
        return iter(self._fifos)

    def __len__(self) -> int:
        return len(self._fifos)


def least_interval(stages: Sequence[Stage], depths: Mapping[Fifo, int]) -> int:
    """A lower bound on the cycles between frames in steady state, from `FOLLOWED` of the tokens of a frame.

    It costs a tenth of a simulation or less. 0 where no bound is found.
    """
    try:
        tracks, bits = settled(stages, depths, FRAMES, FOLLOWED)
    except Unsettled:
        return 0
    ready = tracks[stages[-1].name].ready >> bits
    ends = ready[len(ready) // FRAMES - 1 :: len(ready) // FRAMES]
    return int(ends[-1] - ends[-2])
