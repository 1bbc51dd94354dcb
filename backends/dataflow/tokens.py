"""The stream simulation token by token, in a loop. It is slow, and it recognises deadlocks.

Cycles do not depend on data, so the order in which stages are visited does not change when they fire. Each stage is
advanced as far as the known times of the others allow, until nothing moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from backends.dataflow.stages import BOUNDLESS, INPUT, Deadlock, Fifo, Simulation, Stage, busiest, fifos
from backends.dataflow.track import filled


def simulate_tokens(stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int) -> Simulation:
    """As `stream.simulate`."""
    by_name = {stage.name: stage for stage in stages}
    links = {fifo: _Link(by_name[fifo[0]], depths.get(fifo)) for fifo in fifos(stages)}
    processes = {
        stage.name: _Process(
            stage,
            frames,
            [links[source, stage.name] for source in stage.sources if source != INPUT],
            [link for (writer, _), link in links.items() if writer == stage.name],
        )
        for stage in stages
    }
    neighbours: dict[str, list[str]] = {stage.name: [] for stage in stages}
    for writer, reader in links:
        neighbours[writer].append(reader)
        neighbours[reader].append(writer)
    waiting, queued = deque(processes), set(processes)
    while waiting:
        name = waiting.popleft()
        queued.discard(name)
        if next(processes[name].advance, False):
            waiting.extend(neighbour for neighbour in neighbours[name] if neighbour not in queued)
            queued.update(neighbours[name])
    last = stages[-1]
    return Simulation(
        tuple(processes[last.name].ends[last.tokens - 1 :: last.tokens]),
        busiest(stages).name,
        {fifo: link.fill() for fifo, link in links.items()},
        deadlock(
            links,
            lambda fifo: processes[fifo[1]].lacks(links[fifo]),
            lambda fifo: processes[fifo[0]].blocked and links[fifo].is_full,
        ),
    )


def deadlock(fifos: Iterable[Fifo], lacks: Callable[[Fifo], bool], blocks: Callable[[Fifo], bool]) -> Deadlock | None:
    """The first circle of stages that wait for each other, None where no stage waits. The reader of a FIFO may lack its
    tokens, or the FIFO may block its writer."""
    waits_for: dict[str, Fifo] = {}
    for fifo in fifos:
        writer, reader = fifo
        if lacks(fifo):
            waits_for.setdefault(reader, fifo)
        if blocks(fifo):
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
    return Deadlock(circle, tuple(waits_for[member] for member in circle if waits_for[member][0] == member))


class _Link:
    """A FIFO and the pipeline of its writer: when each token could be taken, and when it was taken."""

    def __init__(self, writer: Stage, depth: int | None) -> None:
        self.writer = writer
        self.depth = BOUNDLESS if depth is None else depth
        self.capacity = self.depth + writer.in_pipeline
        self.ready: list[int] = []
        self.taken: list[int] = []

    @property
    def is_full(self) -> bool:
        return len(self.ready) - len(self.taken) >= self.capacity

    def fill(self) -> int:
        """The most tokens that the FIFO held."""
        import numpy as np

        return filled(self.writer, np.array(self.ready, np.int64), np.array(self.taken, np.int64), self.depth)


class _Process:
    """The state of a stage: how far it has advanced, and what it waits for."""

    def __init__(self, stage: Stage, frames: int, sources: list[_Link], readers: list[_Link]) -> None:
        self.stage, self.frames, self.sources, self.readers = stage, frames, sources, readers
        self.ends: list[int] = []
        self.blocked = False
        """Whether it waits for room."""
        self.ended = False
        self.advance = self._firings()
        """Fires as many times as possible at each call, and yields whether it took or put anything."""

    def lacks(self, link: _Link) -> bool:
        """Whether it waits for a token of this FIFO."""
        return not self.ended and not self.blocked and len(link.taken) == len(link.ready)

    def _firings(self) -> Iterator[bool]:
        """One loop without calls, since all the time is spent here."""
        delay, ends, now, moved = self.stage.delay, self.ends, 0, False
        sources = [(link.ready, link.taken) for link in self.sources]
        readers = [(link.ready, link.taken, link.capacity) for link in self.readers]
        for run in self.stage.pattern * self.frames:
            cycles, takes, puts = run.cycles, run.takes and sources, run.puts
            if not takes and not puts:
                now += run.repeats * cycles
                continue
            for _ in range(run.repeats):
                if takes:
                    while True:
                        came: list[int] | None
                        for came, gone in sources:
                            if len(gone) == len(came):
                                break
                        else:
                            break
                        yield moved
                        moved = False
                    for came, gone in sources:
                        if came[len(gone)] > now:
                            now = came[len(gone)]
                    for _, gone in sources:
                        gone.append(now)
                    moved = True
                now += cycles
                if puts:
                    for came, gone, capacity in readers:
                        leaver = len(came) - capacity  # the number of the token that must have left
                        if leaver >= 0:
                            while leaver >= len(gone):
                                self.blocked = True
                                yield moved
                                moved = self.blocked = False
                            if gone[leaver] > now:
                                now = gone[leaver]
                    for came, _, _ in readers:
                        came.append(now + delay)
                    ends.append(now + delay)
                    moved = True
        self.ended = True
        yield moved
