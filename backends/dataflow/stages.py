"""The model of the stream simulation and its result: stages that pass tokens to each other through FIFOs.

A token is a pixel, or a word of one. A stage repeats a fixed sequence of firings every frame. Each firing may take one
token from every input, keeps the stage busy for some cycles, and may put one token into the FIFO of every reader. A
firing begins when its tokens have arrived. The stage holds its result until every FIFO has room.

A tensor that several stages read must pass a stage that copies it (a fork). A join is a stage with several inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Times = NDArray[Any]

INPUT = "input"
"""The stream of images: every token is available from the start."""

BOUNDLESS = 1 << 60
"""The depth of a FIFO that never fills."""

Fifo = tuple[str, str]
"""A FIFO by its writer and its reader."""


class Run(NamedTuple):
    """`repeats` equal firings: the `cycles` of each, whether it takes tokens, and whether it puts one."""

    repeats: int
    cycles: int
    takes: bool = True
    puts: bool = True


REPEATS, FIRING = itemgetter(0), itemgetter(slice(1, None))


def merged(runs: Iterable[Run]) -> tuple[Run, ...]:
    """The same firings in as few runs as possible.

    >>> merged([Run(1, 2), Run(3, 2), Run(0, 5), Run(1, 2, puts=False)])
    (Run(repeats=4, cycles=2, takes=True, puts=True), Run(repeats=1, cycles=2, takes=True, puts=False))
    """
    alike = groupby(filter(REPEATS, runs), key=FIRING)
    return tuple(Run(sum(map(REPEATS, group)), *firing) for firing, group in alike)


@dataclass(frozen=True)
class Frame:
    """The events of one frame of a stage, as arrays.

    `takes` and `puts` are the cycles before each token is taken and put, if the stage never waits. `puts_before` and
    `takes_before` count the earlier events of the other kind; a put comes after the take of its firing.
    """

    takes: Times
    puts: Times
    puts_before: Times
    takes_before: Times

    @classmethod
    def of(cls, runs: Times) -> Frame:
        """Of runs as in `Stage.runs`."""
        import numpy as np

        counts, *firings = runs.T
        cycles, takes, puts = (np.repeat(each, counts) for each in firings)
        takes, puts = takes.astype(bool), puts.astype(bool)
        ends, taken, put = np.cumsum(cycles), np.cumsum(takes), np.cumsum(puts)
        return cls((ends - cycles)[takes], ends[puts], (put - puts)[takes], taken[puts])

    @cached_property
    def alternates(self) -> bool:
        """Whether every firing takes a token and puts one."""
        import numpy as np

        number = np.arange(len(self.takes))
        return np.array_equal(self.puts_before, number) and np.array_equal(self.takes_before, number + 1)


@dataclass(frozen=True)
class Stage:
    """`pattern` is one frame; `delay` is the number of cycles from the end of a firing until its token can be taken."""

    name: str
    sources: tuple[str, ...]
    pattern: tuple[Run, ...]
    delay: int = 0

    @cached_property
    def runs(self) -> Times:
        """The pattern: (runs, the four fields of a `Run`)."""
        import numpy as np

        return np.fromiter(chain.from_iterable(self.pattern), np.int64).reshape(-1, len(Run._fields))

    @cached_property
    def busy(self) -> int:
        """Cycles of one frame, if its tokens are always available and its FIFOs never full."""
        count, cycles, _, _ = self.runs.T
        return int(count @ cycles)

    @cached_property
    def taken(self) -> int:
        """Tokens taken in one frame."""
        count, _, takes, _ = self.runs.T
        return int(count @ takes)

    @cached_property
    def tokens(self) -> int:
        """Tokens put in one frame."""
        count, _, _, puts = self.runs.T
        return int(count @ puts)

    @cached_property
    def frame(self) -> Frame:
        """The events of one frame."""
        return Frame.of(self.runs)

    @cached_property
    def in_pipeline(self) -> int:
        """The most tokens in its pipeline, in addition to those in its FIFOs: as many as it puts during `delay`."""
        import numpy as np

        puts = self.frame.puts
        if self.delay == 0 or not len(puts):
            return 0
        least_gap = np.diff(puts, append=puts[0] + self.busy).min()
        return self.delay // max(1, int(least_gap))

    @cached_property
    def untimed(self) -> Stage:
        """The same firings with one cycle each and no pipeline, in as few runs as possible; several designs of a
        network often share it."""
        import numpy as np

        runs = self.runs[self.runs[:, 0] > 0]
        starts = np.flatnonzero((np.diff(runs[:, 2:], axis=0, prepend=-1) != 0).any(1))
        counts, (takes, puts) = np.add.reduceat(runs[:, 0], starts), runs[starts, 2:].astype(bool).T.tolist()
        pattern = map(Run, counts.tolist(), repeat(1), takes, puts)
        return Stage(self.name, self.sources, tuple(pattern))

    def __hash__(self) -> int:
        """Leaves out the pattern, which has thousands of runs."""
        return hash((self.name, self.sources, self.delay, self.busy, self.tokens))


@dataclass(frozen=True, slots=True)
class Deadlock:
    """A circle of stages that wait for each other, and its full FIFOs, at least one of which is too small."""

    stages: tuple[str, ...]
    full: tuple[Fifo, ...]


@dataclass(frozen=True)
class Simulation:
    """The result of a simulation. `fill` is the most tokens that each FIFO held.

    `completions` are the cycles at which the last stage had put the last token of each frame. After a `deadlock` it has
    fewer frames than were simulated.
    """

    completions: tuple[int, ...]
    bottleneck: str
    fill: Mapping[Fifo, int]
    deadlock: Deadlock | None

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
    """The bottleneck: the first of the stages with the most busy cycles a frame."""
    return max(stages, key=lambda stage: stage.busy)
