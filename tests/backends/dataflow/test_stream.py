"""The simulation against one that steps through every cycle and is too plain to be wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dataflow import compiled, stream, times, track
from backends.dataflow.fifos import LEAST, ahead, sized
from backends.dataflow.stages import INPUT, Fifo, Run, Stage, fifos
from backends.dataflow.stream import FRAMES, simulate, simulate_arrays, simulate_compiled
from backends.dataflow.tokens import simulate_tokens


class Clerk:
    """One stage, a cycle at a time. A queue holds the cycles from which its tokens may be taken."""

    def __init__(self, stage: Stage, queues: dict[Fifo, list[int]], room: dict[Fifo, float], frames: int) -> None:
        self.stage, self.room = stage, room
        self.mine = [queues[fifo] for fifo in queues if fifo[1] == stage.name]
        self.others = {fifo: queues[fifo] for fifo in queues if fifo[0] == stage.name}
        self.todo = [run for _ in range(frames) for run in stage.pattern for _ in range(run.repeats)]
        self.busy_until: int | None = None
        self.outputs: list[int] = []

    def step(self, now: int) -> bool:
        """Do at the moment `now` one thing that can be done; whether there was one."""
        if not self.todo:
            return False
        firing = self.todo[0]
        if self.busy_until is None:
            if firing.takes:
                if any(not queue or queue[0] > now for queue in self.mine):
                    return False
                for queue in self.mine:
                    queue.pop(0)
            self.busy_until = now + firing.cycles
            return True
        if now < self.busy_until:
            return False
        if firing.puts:
            if any(len(queue) >= self.room[fifo] for fifo, queue in self.others.items()):
                return False
            self.outputs.append(now + self.stage.delay)
            for queue in self.others.values():
                queue.append(now + self.stage.delay)
        self.busy_until = None
        self.todo.pop(0)
        return True


def in_pipeline(stage: Stage) -> int:
    """The most tokens that leave a stage during its delay, as close together as it puts any."""
    cycles = [run.cycles for run in stage.pattern * 2 for _ in range(run.repeats)]
    puts = [run.puts for run in stage.pattern * 2 for _ in range(run.repeats)]
    times = [sum(cycles[: place + 1]) for place, is_put in enumerate(puts) if is_put]
    return stage.delay // min(later - earlier for earlier, later in pairwise(times))


def stepped(stages: list[Stage], depths: dict[Fifo, int], frames: int) -> list[int] | None:
    """When each frame of the last stage is complete; None where everything stands still before that."""
    pipelines = {stage.name: in_pipeline(stage) for stage in stages}
    queues: dict[Fifo, list[int]] = {fifo: [] for fifo in fifos(stages)}
    room = {fifo: depths.get(fifo, float("inf")) + pipelines[fifo[0]] for fifo in queues}
    clerks = [Clerk(stage, queues, room, frames) for stage in stages]
    now = idle = 0
    while any(clerk.todo for clerk in clerks):
        moved = False
        while sum(clerk.step(now) for clerk in clerks):
            moved = True
        idle = 0 if moved else idle + 1
        if idle > 50:  # longer than any firing and any delay
            return None
        now += 1
    return clerks[-1].outputs[stages[-1].tokens - 1 :: stages[-1].tokens]


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


@st.composite
def shallow(draw: st.DrawFn) -> tuple[list[Stage], dict[Fifo, int]]:
    """A graph, some of whose FIFOs are of finite depth."""
    stages = draw(graphs())
    return stages, {fifo: draw(st.integers(1, 6)) for fifo in fifos(stages) if draw(st.booleans())}


@settings(deadline=None)
@given(design=shallow(), frames=st.integers(1, 4))
def test_the_simulation_is_what_stepping_through_every_cycle_gives(
    design: tuple[list[Stage], dict[Fifo, int]], frames: int
) -> None:
    stages, depths = design
    simulation, expected = simulate(stages, depths, frames), stepped(stages, depths, frames)
    if expected is None:
        assert simulation.deadlock and simulation.deadlock.full and len(simulation.completions) < frames
        assert all(depths.get(fifo) for fifo in simulation.deadlock.full)
    else:
        assert simulation.deadlock is None and list(simulation.completions) == expected


def with_cycles(stage: Stage, change: Callable[[int], int]) -> Stage:
    return replace(stage, pattern=tuple(run._replace(cycles=change(run.cycles)) for run in stage.pattern))


@settings(deadline=None, max_examples=300)
@given(design=shallow(), frames=st.integers(1, 4), idle=st.booleans(), spans=st.sampled_from([1, 8, 300]))
def test_arrays_and_the_compiled_loop_come_to_what_the_loop_over_tokens_does(
    design: tuple[list[Stage], dict[Fifo, int]], frames: int, idle: bool, spans: int
) -> None:
    """Completions and fill, also where firings take no cycle; arrays leave a deadlock to the last, which names it."""
    stages, depths = design
    if idle:
        stages = [
            replace(stage, pattern=tuple(run._replace(cycles=run.cycles // 3) for run in stage.pattern))
            for stage in stages
        ]
    expected = simulate_tokens(stages, depths, frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(times, "SPANS", spans)
        patch.setattr(times, "PATIENCE", 1_000_000)
        if expected.deadlock:
            with pytest.raises(times.Unsettled):
                simulate_arrays(stages, depths, frames)
        else:
            patch.setattr(times, "STUCK", 1_000_000)
            assert simulate_arrays(stages, depths, frames) == expected
    assert compiled.available() == bool(shutil.which("g++"))
    if compiled.available():
        assert simulate_compiled(stages, depths, frames) == expected
    assert simulate(stages, depths, frames) == expected


@pytest.mark.parametrize(
    "compiler", [None, "#!/bin/sh\nexit 1\n", "#!/bin/sh\nsleep 9\n"], ids=["none", "fails", "hangs"]
)
def test_without_a_compiler_the_result_is_the_same(
    compiler: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = [Stage("one", (INPUT,), (Run(6, 2),)), Stage("two", ("one",), (Run(6, 3),))]
    expected = simulate_tokens(stages, {("one", "two"): 2}, 2)
    stream._simulate.cache_clear()
    if compiler:
        (tmp_path / "g++").write_text(compiler)
        (tmp_path / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if compiler else str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(compiled, "SECONDS", 0.5)
    monkeypatch.setattr(compiled, "library", cache(compiled.library.__wrapped__))
    assert not compiled.available()
    assert simulate_compiled(stages, {("one", "two"): 2}, 2) is None
    assert simulate(stages, {("one", "two"): 2}, 2) == expected
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".so"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ on PATH")
def test_it_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for path in (os.environ["PATH"], "/nowhere", os.environ["PATH"]):
        if path != "/nowhere":
            for damaged in (tmp_path / "zynqflows").glob("*"):
                damaged.unlink()
                damaged.write_bytes(b"damaged")
        monkeypatch.setenv("PATH", path)
        monkeypatch.setattr(compiled, "library", cache(compiled.library.__wrapped__))
        assert compiled.available()
    assert [path.suffix for path in (tmp_path / "zynqflows").iterdir()] == [".so"]


def test_stages_that_never_hold_up_their_sources_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they take makes room later than without waits, and still long before a source needs it."""
    computed, settle = list[int](), track.Track.settle

    def counted(each: track.Track) -> int:
        computed.append(settle(each))
        return computed[-1]

    monkeypatch.setattr(track.Track, "settle", counted)
    names = (INPUT, "a", "b", "c", "d")
    slower = [Stage(name, (source,), (Run(500, 3 + place),)) for place, (source, name) in enumerate(pairwise(names))]
    tracks, _ = times.settled(slower, dict.fromkeys(fifos(slower), 4000), 3)
    assert sum(computed) <= 1.01 * sum(map(len, tracks.values()))


@settings(deadline=None)
@given(design=shallow(), frames=st.integers(2, 3))
def test_fifos_as_deep_as_their_fill_change_nothing(design: tuple[list[Stage], dict[Fifo, int]], frames: int) -> None:
    stages, depths = design
    simulation = simulate(stages, depths, frames)
    if simulation.deadlock is None:
        again = simulate(stages, {fifo: max(1, fill) for fifo, fill in simulation.fill.items()}, frames)
        assert again.completions == simulation.completions


@settings(deadline=None)
@given(stages=graphs(), slower=st.integers(1, 9))
def test_sized_fifos_never_deadlock_whatever_the_cycles(stages: list[Stage], slower: int) -> None:
    depths = sized(stages, dict.fromkeys(fifos(stages), 8), LEAST)
    assert simulate(stages, depths).deadlock is None
    other = [
        replace(stage, pattern=tuple(run._replace(cycles=run.cycles * slower) for run in stage.pattern), delay=0)
        if place % 2
        else stage
        for place, stage in enumerate(stages)
    ]
    assert simulate(other, depths).deadlock is None


def test_a_stage_that_ends_with_padding_is_let_run_ahead() -> None:
    """Its writer is as busy as it is: 4 of 12 tokens are put when all are taken, and 4 come meanwhile."""
    even = Stage("even", (INPUT,), (Run(12, 3),))
    late = Stage("late", ("even",), (Run(4, 1, puts=False), Run(8, 3), Run(4, 3, takes=False)))
    assert simulate([even, late], {("even", "late"): LEAST}).interval > 1.01 * even.busy
    depths = sized([even, late], {("even", "late"): 8}, LEAST)
    assert depths == ahead([even, late]) == {("even", "late"): 4}
    assert simulate([even, late], depths).interval <= 1.01 * late.busy


@settings(deadline=None)
@given(stages=graphs())
def test_frames_settle_to_the_busiest_stage(stages: list[Stage]) -> None:
    """The mean distance of many frames is the bottleneck's, up to the start of the first."""
    simulation, busiest = simulate(stages, {}, frames=40), max(stage.busy for stage in stages)
    assert simulation.completions[-1] - simulation.completions[0] <= 39 * busiest + simulation.latency
    assert simulation.completions[-1] >= 40 * busiest


def test_a_skip_that_is_too_shallow_is_named() -> None:
    fork = Stage("fork", (INPUT,), (Run(4, 1),))
    slow = Stage("slow", ("fork",), (Run(3, 1, puts=False), Run(1, 1), Run(3, 1, takes=False)))
    join = Stage("join", ("slow", "fork"), (Run(4, 1),))
    simulation = simulate([fork, slow, join], {("fork", "join"): 2})
    assert simulation.deadlock and simulation.deadlock.full == (("fork", "join"),)
    assert set(simulation.deadlock.stages) == {"fork", "slow", "join"}
    assert sized([fork, slow, join], {("fork", "slow"): 8, ("fork", "join"): 8}, LEAST)[("fork", "join")] >= 4


def test_a_stage_that_only_stores_costs_its_cycles() -> None:
    window = Stage("window", (INPUT,), (Run(3, 4, puts=False), Run(2, 10)))
    assert simulate([window], {}, 2).completions == (32, 64)
    assert (window.busy, window.tokens) == (32, 2)


@given(
    came=st.lists(st.integers(0, 20), max_size=12).map(sorted),
    stays=st.lists(st.integers(0, 6), max_size=12),
    depth=st.none() | st.integers(1, 5),
)
def test_the_most_that_a_fifo_held_is_counted(came: list[int], stays: list[int], depth: int | None) -> None:
    """A token at a time, and one that leaves in the cycle in which another comes still counts; some never leave."""
    left = sorted(max(come + stay, come) for come, stay in zip(came, stays, strict=False))
    held = [place - sum(each < now for each in left) for place, now in enumerate(came, start=1)]
    most = max(held, default=0)
    value = track.most(np.array(came, np.int64), np.array(left, np.int64), depth)
    assert value == (most if depth is None else min(most, depth))


def test_the_interval_needs_frames_enough() -> None:
    with pytest.raises(IndexError):
        _ = simulate([Stage("one", (INPUT,), (Run(1, 1),))], {}, 1).interval
    assert FRAMES > 2


def test_stages_whose_tokens_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="one does not put as many"):
        simulate([Stage("one", (INPUT,), (Run(1, 1),)), Stage("two", ("one",), (Run(2, 1),))], {})
