"""The schedule against a simulation that steps one cycle at a time and is too plain to be wrong."""

from __future__ import annotations

import doctest
from collections import deque
from itertools import chain, repeat

from hypothesis import given, settings
from hypothesis import strategies as st

from backends import stream
from backends.stream import INPUT, Run, Stage, schedule


class Clerk:
    """One stage, a cycle at a time."""

    def __init__(self, stage: Stage, queues: dict[tuple[str, str], deque[int]], frames: int) -> None:
        self.stage, self.queues = stage, queues
        runs = chain.from_iterable(repeat(stage.pattern, frames))
        self.todo = deque(Run(1, run.cycles, run.takes, run.puts) for run in runs for _ in range(run.count))
        self.left = 0
        self.outputs: list[int] = []

    def step(self, now: int, readers: list[str]) -> None:
        """Do in the cycle from `now` to `now + 1` what can be done."""
        while self.todo:
            firing = self.todo[0]
            if not self.left:
                mine = [self.queues[source, self.stage.name] for source in self.stage.sources if source != INPUT]
                if firing.takes:
                    if any(not queue or queue[0] > now for queue in mine):
                        return
                    for queue in mine:
                        queue.popleft()
                self.left = firing.cycles
            self.left -= 1
            if self.left:
                return
            self.todo.popleft()
            if firing.puts:
                self.outputs.append(now + 1 + self.stage.delay)
                for reader in readers:
                    self.queues[self.stage.name, reader].append(now + 1 + self.stage.delay)
            return


def simulate(stages: list[Stage], frames: int) -> dict[str, list[int]]:
    """When each token of each stage can be taken."""
    queues = {(source, stage.name): deque[int]() for stage in stages for source in stage.sources}
    readers = {one.name: [other.name for other in stages if one.name in other.sources] for one in stages}
    clerks = [Clerk(stage, queues, frames) for stage in stages]
    now = 0
    while any(clerk.todo for clerk in clerks):
        for clerk in clerks:
            clerk.step(now, readers[clerk.stage.name])
        now += 1
        assert now < 100_000
    return {clerk.stage.name: clerk.outputs for clerk in clerks}


@st.composite
def patterns(draw: st.DrawFn, tokens: int) -> tuple[Run, ...]:
    """A frame that takes `tokens`, with stores and insertions between, and ends with a token put."""
    runs = []
    for _ in range(tokens):
        if draw(st.booleans()):
            runs.append(Run(draw(st.integers(1, 2)), draw(st.integers(1, 3)), takes=False, puts=draw(st.booleans())))
        runs.append(Run(1, draw(st.integers(1, 5)), puts=draw(st.booleans())))
    return (*runs, Run(1, 1, takes=False))


@st.composite
def graphs(draw: st.DrawFn) -> list[Stage]:
    """A fork, two branches of unlike speed, a join, and a stage behind it."""
    delay = st.integers(0, 3)
    count = draw(st.integers(2, 5))
    fork = Stage("fork", (INPUT,), (Run(count, draw(st.integers(1, 3))),), draw(delay))
    left = Stage("left", ("fork",), draw(patterns(count)), draw(delay))
    right = Stage(
        "right", ("fork",), (Run(count, draw(st.integers(1, 6)), puts=False), Run(left.tokens, 1, takes=False))
    )
    join = Stage("join", ("left", "right"), (Run(left.tokens, draw(st.integers(1, 4))),), draw(delay))
    return [fork, left, right, join, Stage("tail", ("join",), draw(patterns(join.tokens)), draw(delay))]


@settings(deadline=None)
@given(stages=graphs(), frames=st.integers(1, 4))
def test_the_schedule_is_what_the_simulation_does(stages: list[Stage], frames: int) -> None:
    found = schedule(stages, frames)
    puts = simulate(stages, frames)["tail"]
    assert found.completions == tuple(puts[stages[-1].tokens - 1 :: stages[-1].tokens])


@settings(deadline=None)
@given(stages=graphs())
def test_frames_settle_to_the_interval(stages: list[Stage]) -> None:
    """The mean distance of many frames is the interval, up to the start of the first."""
    found = schedule(stages, frames=40)
    assert found.latency <= found.completions[-1] - 39 * found.interval + sum(stage.busy for stage in stages)
    assert found.completions[-1] - found.completions[0] <= 39 * found.interval + found.latency
    assert found.completions[-1] >= 40 * found.interval


def test_a_stage_that_only_stores_costs_its_cycles() -> None:
    window = Stage("window", (INPUT,), (Run(3, 4, puts=False), Run(2, 10)))
    assert schedule([window], 2).completions == (32, 64)
    assert (window.busy, window.tokens) == (32, 2)


def test_the_examples_hold() -> None:
    result = doctest.testmod(stream)
    assert result.attempted and not result.failed
