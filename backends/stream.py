"""A token-level schedule of a streaming dataflow: when each stage fires, frame after frame.

A token is one pixel with all its channels. A stage fires one after the other, a fixed pattern a frame: each firing may
take one token from every input, keeps the stage busy for some cycles, and may put one token on its output. Cycles do
not depend on data. A tensor that several stages read must pass a stage that copies it (a fork): each reader then
has its own stream. A join is a stage with several inputs.

Streams are unbounded here, so each stage depends on the earlier ones alone and the schedule is a max-plus recurrence:
a firing begins when the previous one has ended and its tokens are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

INPUT = "input"
"""The stream of images: every token is there from the beginning."""


@dataclass(frozen=True, slots=True)
class Run:
    """`count` equal firings: `cycles` for each, whether it takes tokens, whether it puts one."""

    count: int
    cycles: int
    takes: bool = True
    puts: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """`pattern` is one frame; `delay` are cycles from the end of a firing until its token can be taken."""

    name: str
    sources: tuple[str, ...]
    pattern: tuple[Run, ...]
    delay: int = 0

    @property
    def busy(self) -> int:
        """Cycles of one frame, were its tokens always there."""
        return sum(run.count * run.cycles for run in self.pattern)

    @property
    def tokens(self) -> int:
        """Tokens put in one frame."""
        return sum(run.count for run in self.pattern if run.puts)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`completions` are the cycles at which the last stage has put the last token of each frame."""

    completions: tuple[int, ...]
    bottleneck: str
    interval: int

    @property
    def latency(self) -> int:
        """Cycles from the start to the end of the first frame."""
        return self.completions[0]


def schedule(stages: Sequence[Stage], frames: int = 1) -> Schedule:
    """The schedule of `stages`, in an order in which every source comes first; the last one ends a frame.

    With unbounded streams and images always waiting, frames follow each other in the cycles of the busiest stage.

    >>> slow = Stage("slow", (INPUT,), (Run(4, 10),))
    >>> schedule([slow, Stage("half", ("slow",), (Run(1, 1, puts=False), Run(1, 1)) * 2)], frames=2)
    Schedule(completions=(41, 81), bottleneck='slow', interval=40)
    """
    arrivals: dict[str, list[int]] = {}
    for stage in stages:
        arrivals[stage.name] = _arrivals(stage, arrivals, frames)
    last, busiest = stages[-1], max(stages, key=lambda stage: stage.busy)
    ends = arrivals[last.name][last.tokens - 1 :: last.tokens]
    return Schedule(tuple(ends), busiest.name, busiest.busy)


def _arrivals(stage: Stage, arrivals: Mapping[str, list[int]], frames: int) -> list[int]:
    """The cycle at which each token of `stage` can be taken."""
    sources = [iter(arrivals[name]) if name != INPUT else repeat(0) for name in stage.sources]
    ready = sources[0] if len(sources) == 1 else map(max, *sources)
    put: list[int] = []
    now = 0
    for run in chain.from_iterable(repeat(stage.pattern, frames)):
        for _ in range(run.count):
            if run.takes:
                now = max(now, next(ready))
            now += run.cycles
            if run.puts:
                put.append(now + stage.delay)
    return put
