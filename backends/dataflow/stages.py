"""What a stream simulation is of, and what it finds: stages that pass tokens on to each other through FIFOs.

A token is a pixel, or a word of one. A stage fires one after the other, a fixed pattern a frame: each firing may
take one token from every input, keeps the stage busy for some cycles, and may put one token into the FIFO of every
reader. It begins when its tokens are there, and the stage waits with its token until every FIFO has room.

A tensor that several stages read must pass a stage that copies it (a fork); a join is a stage with several inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from operator import attrgetter, mul
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.dataflow.times import Settled

    Times = NDArray[Any]

INPUT = "input"
"""The stream of images: every token is there from the beginning."""

BOUNDLESS = 1 << 60
"""The depth of a FIFO that never fills."""

Fifo = tuple[str, str]
"""A FIFO by its writer and its reader."""


@dataclass(frozen=True, slots=True)
class Run:
    """`count` equal firings: `cycles` for each, whether it takes tokens, whether it puts one."""

    count: int
    cycles: int
    takes: bool = True
    puts: bool = True


COUNT, CYCLES, PUTS = attrgetter("count"), attrgetter("cycles"), attrgetter("puts")


def merged(runs: Iterable[Run]) -> tuple[Run, ...]:
    """The same firings in as few runs as possible.

    >>> merged([Run(1, 2), Run(3, 2), Run(0, 5), Run(1, 2, puts=False)])
    (Run(count=4, cycles=2, takes=True, puts=True), Run(count=1, cycles=2, takes=True, puts=False))
    """
    alike = groupby((run for run in runs if run.count), key=attrgetter("cycles", "takes", "puts"))
    return tuple(Run(sum(map(attrgetter("count"), group)), *firing) for firing, group in alike)


@dataclass(frozen=True)
class Frame:
    """The events of one frame of a stage, as arrays: the cycles before each token is taken and put, were it never to
    wait, and how many events of the other kind come before (a put comes after the take of its firing).
    """

    takes: Times
    puts: Times
    puts_before: Times
    takes_before: Times

    @classmethod
    def of(cls, pattern: Sequence[Run]) -> Frame:
        import numpy as np

        counts = [run.count for run in pattern]
        cycles = np.repeat(np.array([run.cycles for run in pattern], np.int64), counts)
        takes = np.repeat(np.array([run.takes for run in pattern], bool), counts)
        puts = np.repeat(np.array([run.puts for run in pattern], bool), counts)
        ends, taken, put = np.cumsum(cycles), np.cumsum(takes), np.cumsum(puts)
        return cls((ends - cycles)[takes], ends[puts], (put - puts)[takes], taken[puts])

    def of_every(self, taken: int, put: int) -> Frame:
        """The last of every so many tokens, as a frame of its own."""
        takes, puts = slice(taken - 1, None, taken), slice(put - 1, None, put)
        return Frame(
            self.takes[takes], self.puts[puts], self.puts_before[takes] // put, self.takes_before[puts] // taken
        )


@dataclass(frozen=True)
class Stage:
    """`pattern` is one frame; `delay` are cycles from the end of a firing until its token can be taken.

    The stages of its pipeline hold the tokens of that time, one a cycle, besides what its FIFOs hold.
    """

    name: str
    sources: tuple[str, ...]
    pattern: tuple[Run, ...]
    delay: int = 0

    @cached_property
    def busy(self) -> int:
        """Cycles of one frame, were its tokens always there and its FIFOs never full."""
        return sum(map(mul, map(COUNT, self.pattern), map(CYCLES, self.pattern)))

    @cached_property
    def tokens(self) -> int:
        """Tokens put in one frame."""
        return sum(map(mul, map(COUNT, self.pattern), map(PUTS, self.pattern)))

    @cached_property
    def frame(self) -> Frame:
        """Its events in one frame."""
        return Frame.of(self.pattern)

    @cached_property
    def shape(self) -> tuple[Run, ...]:
        """The same firings of one cycle each, in as few runs as possible: designs of one network then often are one."""
        alike = (
            (sum(map(COUNT, group)), firing) for firing, group in groupby(self.pattern, attrgetter("takes", "puts"))
        )
        return tuple(Run(count, 1, *firing) for count, firing in alike if count)

    def __hash__(self) -> int:
        """Not of its pattern, which has thousands of runs."""
        return hash((self.name, self.sources, self.delay, self.busy, self.tokens))


@dataclass(frozen=True, slots=True)
class Deadlock:
    """A circle of stages that wait for each other, and the FIFOs on it that are full: one of them is too small."""

    stages: tuple[str, ...]
    full: tuple[Fifo, ...]


@dataclass(frozen=True)
class Simulation:
    """What happened. `fill` is the most tokens that each FIFO held.

    `completions` are the cycles at which the last stage had put the last token of each frame. Where there is a
    `deadlock`, frames are missing.
    """

    completions: tuple[int, ...]
    bottleneck: str
    fill: Mapping[Fifo, int]
    deadlock: Deadlock | None
    settled: Settled | None = field(default=None, compare=False, repr=False)
    """All times, where they are few enough to be kept."""

    @property
    def latency(self) -> int:
        """Cycles from the start to the end of the first frame."""
        return self.completions[0]

    @property
    def interval(self) -> int:
        """Cycles between the ends of the last two frames."""
        return self.completions[-1] - self.completions[-2]


def fifos(stages: Sequence[Stage]) -> tuple[Fifo, ...]:
    """Every FIFO between two stages."""
    return tuple((source, stage.name) for stage in stages for source in stage.sources if source != INPUT)


def busiest(stages: Sequence[Stage]) -> Stage:
    """The bottleneck: the stage with most cycles a frame, the first of those."""
    return max(stages, key=lambda stage: stage.busy)
