"""A token-level simulation of a streaming dataflow: when each stage fires, frame after frame, through finite FIFOs.

A token is a pixel, or a word of one. A stage fires one after the other, a fixed pattern a frame: each firing may
take one token from every input, keeps the stage busy for some cycles, and may put one token into the FIFO of every
reader. It begins when its tokens are there, and the stage waits with its token until every FIFO has room. Cycles do not
depend on data, so the order in which stages are looked at does not change when they fire: each is advanced as far as
what is known of the others allows, until nothing moves.

A tensor that several stages read must pass a stage that copies it (a fork); a join is a stage with several inputs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

INPUT = "input"
"""The stream of images: every token is there from the beginning."""

FRAMES = 3
"""Frames simulated by default: the first for the latency, the last two for the interval."""

SLACK = 0.01
"""How much longer than with FIFOs that never fill an interval may be before FIFOs are made deeper for it."""

LEAST = 2
"""The least depth of a FIFO between two processes: one token is read while the next is written."""

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


@dataclass(frozen=True, slots=True)
class Stage:
    """`pattern` is one frame; `delay` are cycles from the end of a firing until its token can be taken.

    The stages of its pipeline hold the tokens of that time, one a cycle, besides what its FIFOs hold.
    """

    name: str
    sources: tuple[str, ...]
    pattern: tuple[Run, ...]
    delay: int = 0

    @property
    def busy(self) -> int:
        """Cycles of one frame, were its tokens always there and its FIFOs never full."""
        return sum(run.count * run.cycles for run in self.pattern)

    @property
    def tokens(self) -> int:
        """Tokens put in one frame."""
        return sum(run.count for run in self.pattern if run.puts)


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


def simulate(stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int = FRAMES) -> Simulation:
    """Runs `frames` through `stages`, in an order in which every source comes first; the last one ends a frame.

    A FIFO that is not in `depths`, or is None there, is never full. Raises `ValueError` where a stage waits for tokens
    that will never come, because its pattern does not match its source's.

    >>> slow = Stage("slow", (INPUT,), (Run(4, 10),))
    >>> run = simulate([slow, Stage("half", ("slow",), (Run(1, 1, puts=False), Run(1, 1)) * 2)], {}, frames=2)
    >>> run.completions, run.bottleneck, run.interval, run.fill
    ((41, 81), 'slow', 40, {('slow', 'half'): 1})
    """
    return _simulate(tuple(stages), tuple(depths.items()), frames)


@lru_cache(maxsize=64)
def _simulate(stages: tuple[Stage, ...], given: tuple[tuple[Fifo, int | None], ...], frames: int) -> Simulation:
    depths, delays = dict(given), {stage.name: stage.delay for stage in stages}
    links = {fifo: _Link(depths.get(fifo), delays[fifo[0]]) for fifo in fifos(stages)}
    processes = {
        stage.name: _Process(
            stage,
            frames,
            [links[source, stage.name] for source in stage.sources if source != INPUT],
            [link for (writer, _), link in links.items() if writer == stage.name],
        )
        for stage in stages
    }
    neighbours: dict[str, set[str]] = {stage.name: set() for stage in stages}
    for writer, reader in links:
        neighbours[writer].add(reader)
        neighbours[reader].add(writer)
    waiting = deque(processes)
    while waiting:
        name = waiting.popleft()
        if processes[name].advance():
            waiting.extend(one for one in sorted(neighbours[name]) if one not in waiting)
    last = stages[-1]
    return Simulation(
        tuple(processes[last.name].ends[last.tokens - 1 :: last.tokens]),
        max(stages, key=lambda stage: stage.busy).name,
        {fifo: link.fill() for fifo, link in links.items()},
        _deadlock(processes, links),
    )


def _deadlock(processes: Mapping[str, _Process], links: Mapping[Fifo, _Link]) -> Deadlock | None:
    """The first circle of stages that wait for each other, None where every stage has ended."""
    waits_for: dict[str, Fifo] = {}
    for fifo, link in links.items():
        writer, reader = fifo
        if processes[reader].lacks(link):
            waits_for.setdefault(reader, fifo)
        if processes[writer].blocked and link.is_full:
            waits_for[writer] = fifo
    if not waits_for:
        return None
    stage, path = next(iter(waits_for)), list[str]()
    while stage not in path:
        path.append(stage)
        if stage not in waits_for:
            raise ValueError(f"{stage} does not put as many tokens a frame as are taken from it")
        writer, reader = waits_for[stage]
        stage = reader if stage == writer else writer
    circle = tuple(path[path.index(stage) :])
    return Deadlock(circle, tuple(waits_for[one] for one in circle if waits_for[one][0] == one))


class _Link:
    """A FIFO and the writer's pipeline before it: when each token could be taken, and when it was."""

    def __init__(self, depth: int | None, delay: int) -> None:
        self.depth = BOUNDLESS if depth is None else depth
        self.capacity = self.depth + delay
        self.ready: list[int] = []
        self.taken: list[int] = []

    @property
    def is_full(self) -> bool:
        return len(self.ready) - len(self.taken) >= self.capacity

    def fill(self) -> int:
        """The most tokens that the FIFO held. One that is taken in the cycle in which another comes still counts."""
        most = gone = 0
        for number, cycle in enumerate(self.ready, start=1):
            while gone < len(self.taken) and self.taken[gone] < cycle:
                gone += 1
            most = max(most, number - gone)
        return min(most, self.depth)


class _Process:
    """A stage in time: how far it has come, and what it waits for."""

    def __init__(self, stage: Stage, frames: int, sources: list[_Link], readers: list[_Link]) -> None:
        self.delay, self.sources, self.readers = stage.delay, sources, readers
        self.ends: list[int] = []
        frame = [(run.cycles, run.takes, run.puts) for run in stage.pattern for _ in range(run.count)]
        self._firings = frame * frames
        self._place = 0
        self._now = 0
        self._taken = False  # its tokens, by the firing under way

    @property
    def blocked(self) -> bool:
        """Whether it waits for room."""
        return self._place < len(self._firings) and (self._taken or not self._firings[self._place][1])

    def lacks(self, link: _Link) -> bool:
        """Whether it waits for a token of this FIFO."""
        return self._place < len(self._firings) and not self.blocked and len(link.taken) == len(link.ready)

    def advance(self) -> bool:
        """Fires as often as possible; whether it took or put anything. One loop with no calls: all time goes here."""
        before = place, taken = self._place, self._taken
        now, delay, firings, ends = self._now, self.delay, self._firings, self.ends
        sources = [(link.ready, link.taken) for link in self.sources]
        readers = [(link.ready, link.taken, link.capacity) for link in self.readers]
        while place < len(firings):
            cycles, takes, puts = firings[place]
            if takes and not taken:
                lacking = False
                for came, gone in sources:
                    if len(gone) == len(came):
                        lacking = True
                    elif came[len(gone)] > now:
                        now = came[len(gone)]
                if lacking:
                    break
                for _, gone in sources:
                    gone.append(now)
            taken = True
            end, full = now + cycles, False
            if puts:
                for came, gone, capacity in readers:
                    leaver = len(came) - capacity  # the number of the token that must have left
                    if leaver >= len(gone):
                        full = True
                    elif leaver >= 0 and gone[leaver] > end:
                        end = gone[leaver]
                if full:
                    break
                for came, _, _ in readers:
                    came.append(end + delay)
                ends.append(end + delay)
            now, taken = end, False
            place += 1
        self._now, self._place, self._taken = now, place, taken
        return (place, taken) != before
