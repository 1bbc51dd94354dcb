"""The stream simulation: when each stage of a dataflow design fires, frame after frame, through finite FIFOs.

Cycles do not depend on data, so a simulation has one outcome, whichever way it is computed. `compiled` is the quickest,
where there is a compiler. Elsewhere `times` computes whole arrays of tokens at once; where that does not converge soon,
as in a deadlock, `tokens` goes token by token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from backends.dataflow import compiled
from backends.dataflow.stages import Deadlock, Fifo, Simulation, Stage, busiest, fifos
from backends.dataflow.times import Unsettled, settled
from backends.dataflow.tokens import simulate_tokens
from backends.dataflow.track import filled

if TYPE_CHECKING:
    from backends.dataflow.stages import Times

FRAMES = 3
"""Frames simulated by default: the first for the latency, the last two for the interval."""
KEPT = 1_000_000
"""The most times of a simulation that are kept until the fill of a FIFO is asked for, at 8 bytes each."""


def simulate(stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int = FRAMES) -> Simulation:
    """Runs `frames` through `stages`, which are ordered so that sources come first; the last stage ends a frame.

    A FIFO that is not in `depths`, or is None there, is never full. Raises `ValueError` where a stage waits for tokens
    that will never come, because its pattern does not match its source's.

    >>> from backends.dataflow.stages import INPUT, Run
    >>> slow = Stage("slow", (INPUT,), (Run(4, 10),))
    >>> run = simulate([slow, Stage("half", ("slow",), (Run(1, 1, puts=False), Run(1, 1)) * 2)], {}, frames=2)
    >>> run.completions, run.bottleneck, run.interval, dict(run.fill)
    ((41, 81), 'slow', 40, {('slow', 'half'): 1})
    """
    return _simulate(tuple(stages), tuple(depths.items()), frames)


@lru_cache(maxsize=8)  # what one search for FIFO depths asks for again
def _simulate(stages: tuple[Stage, ...], depth_items: tuple[tuple[Fifo, int | None], ...], frames: int) -> Simulation:
    depths = dict(depth_items)
    if simulation := simulate_compiled(stages, depths, frames):
        return simulation
    try:
        return simulate_arrays(stages, depths, frames)
    except Unsettled:
        return simulate_tokens(stages, depths, frames)


def simulate_compiled(stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int) -> Simulation | None:
    """None where nothing is compiled."""
    if (ran := compiled.simulated(stages, depths, frames)) is None:
        return None
    return _simulation(stages, depths, ran.taken, ran.ready, ran.deadlock)


def simulate_arrays(stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int) -> Simulation:
    """Raises `Unsettled`."""
    tracks, bits = settled(stages, depths, frames)
    taken = {name: track.taken >> bits for name, track in tracks.items()}
    ready = {name: track.ready >> bits for name, track in tracks.items()}
    return _simulation(stages, depths, taken, ready)


def _simulation(
    stages: Sequence[Stage],
    depths: Mapping[Fifo, int | None],
    taken: Mapping[str, Times],
    ready: Mapping[str, Times],
    deadlock: Deadlock | None = None,
) -> Simulation:
    """From the cycles at which each stage takes its tokens, and those at which the tokens that it puts can be taken."""
    last, by_name = stages[-1], {stage.name: stage for stage in stages}
    ends = ready[last.name][last.tokens - 1 :: last.tokens]

    def held(fifo: Fifo) -> int:
        writer, reader = fifo
        return filled(by_name[writer], ready[writer], taken[reader], depths.get(fifo))

    fill, kept = _Fill(fifos(stages), held), sum(map(len, (*taken.values(), *ready.values())))
    return Simulation(tuple(ends.tolist()), busiest(stages).name, fill if kept <= KEPT else dict(fill), deadlock)


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
