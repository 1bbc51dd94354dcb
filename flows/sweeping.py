"""Sweeps: estimates of every point of a grid, in several processes, each kept as soon as it is there.

A point is a `Request` for one design, whose estimate is kept in the store (`flows.stored_estimates`). So a sweep that
was interrupted continues where it stopped, and two sweeps share their common points.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from flows import designs, registry
from flows.core.errors import FlowsError, SetupError, UsageError
from flows.core.evidence import NO_BLOCKS, Reading
from flows.core.part import find_part
from flows.core.plan import Asset
from flows.core.record import Run
from flows.designs import CLOCK_NS, Failure, Outcome, Request, Source, outcome_of
from flows.executor import Executor as Steps
from flows.jobs import Trained, run_name
from flows.prepared import prepare
from flows.scores import accuracy, with_scores
from flows.store import Store
from flows.stored_estimates import estimate_path, read_estimate, versions, write_estimate

AHEAD = 4
"""Groups of points handed out beyond the number of workers, so that none waits."""
TOGETHER = 10
"""Points of a group at most: of one arithmetic at several clocks and rates, whose foldings a worker prices once."""
MOST = 100_000
"""Points of a sweep."""
PART, CLOCK = "part", "clock_ns"
"""Axes that every flow has; the others are options."""
RATE = "target_fps"
"""The option that says which rate to reach."""
T = TypeVar("T")
Told = Callable[[int, int, int], None]
"""A progress callback: called with the points done, their total, and how many were in the store before."""


def grid(request: Request, axes: Mapping[str, Sequence[Any]]) -> tuple[Request, ...]:
    """`request` at every combination of `axes`: `PART`, `CLOCK`, and options by name. A flow without an option has no
    points along that axis, nor has a program along `CLOCK`, which is the fabric's. Each point has the command that
    builds it. Raises `UsageError` for an axis without values, and for more points than `MOST`.

    Points that differ only in clock and rate stand together, since a flow reuses what it computed for one of them.
    """
    if empty := [name for name, values in axes.items() if not values]:
        raise UsageError(f"axis {empty[0]}", "it has no value", "give one or more, or leave it out")
    grids = {flow: _axes(request, flow, axes) for flow in dict.fromkeys(request.flows)}
    if (count := sum(prod(map(len, own.values())) for own in grids.values())) > MOST:
        advice = "give fewer values; for the bits of each layer, `python -m flows search` tries those that promise most"
        raise UsageError("sweep", f"{count:,} designs, where at most {MOST:,} can be swept", advice)
    points = []
    for flow, own in grids.items():
        for values in product(*own.values()):
            chosen = dict(zip(own, values, strict=True))
            part, clock_ns = chosen.pop(PART), chosen.pop(CLOCK)
            asked = {flow: replace(request.options[flow], **chosen)}
            point = replace(request, flows=(flow,), options=asked, parts=(part,), clock_ns=clock_ns)
            points.append(replace(point, command=designs.command("run", point)))
    return tuple(points)


def _axes(request: Request, flow: str, axes: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
    """Those of one flow, each value once; the last ones vary first."""
    own = {name: values for name, values in axes.items() if hasattr(request.options[flow], name)}
    clocks = (CLOCK_NS,) if registry.load(flow).on_processor else axes.get(CLOCK, (request.clock_ns,))
    own |= {PART: axes.get(PART, request.parts), **({RATE: own.pop(RATE)} if RATE in own else {}), CLOCK: clocks}
    return {name: tuple(dict.fromkeys(values)) for name, values in own.items()}


@dataclass(frozen=True)
class Point:
    """What a worker is given: a design, the store, where a file of the user's own lies once it was read, and the
    `versions` of what it is to be estimated with."""

    request: Request
    store: Path
    versions: Mapping[str, str]


def estimated_together(points: Sequence[Point]) -> list[Run | Failure]:
    """Runs in a worker: estimates the points one after the other."""
    return [estimated(point) for point in points]


def estimated(point: Point) -> Run | Failure:
    """Runs in a worker: the estimate of the one design of `point`, without its blocks. Refuses where the worker,
    perhaps on another machine, has another version of the project: its numbers would not be comparable."""
    request = point.request
    try:
        mine = versions(request)
        if others := [f"{name} {mine[name]}, not {its}" for name, its in point.versions.items() if mine[name] != its]:
            fact = f"it has other versions than are asked for: {'; '.join(others)}"
            raise SetupError(f"worker on {platform.node()}", fact, "install the same version of everything there")
        outcome = designs.estimated(request, _trained(request.source, point.store))
    except FlowsError as error:
        return Failure(request.flows[0], find_part(request.parts[0]).full_name, error)
    if outcome.failures:
        return outcome.failures[0]
    (run,) = outcome.runs
    return replace(run, readings=tuple(reading for reading in run.readings if reading.scope in NO_BLOCKS))


@cache
def _trained(source: Source, store: Path) -> Trained:
    return designs.trained_network(source, lambda: Steps(Store(store), 1, lambda event, step, text: None))


def sweep(
    points: Sequence[Request],
    trained: Trained,
    batch: Asset | None,
    store: Store,
    steps: Steps,
    pool: Executor,
    workers: int,
    progress: Told,
) -> Outcome:
    """The estimates of `points`, all of the network of `trained`; `pool` has this many workers. With test
    images, `steps` evaluates the accuracy of each arithmetic on them, once.

    What is not in the store is estimated, and kept there. A `KeyboardInterrupt` loses the points under way, no others.
    """
    store.prepare()
    results: dict[int, Run | Failure] = {}
    places = {place: estimate_path(store, point, trained) for place, point in enumerate(points)}
    for place, path in places.items():
        if path and (stored := read_estimate(path, points[place])):
            results[place] = stored
    before, waiting = len(results), _groups(points, sorted(places.keys() - results.keys()))
    progress(before, len(points), before)

    def submit(group: Sequence[int]) -> Future[list[Run | Failure]]:
        asked = [Point(points[place], store.root, versions(points[place])) for place in group]
        return pool.submit(estimated_together, asked)

    for group, answers in _answers(submit, waiting, workers + AHEAD):
        for place, answer in zip(group, answers, strict=True):
            results[place] = answer
            if (path := places[place]) and isinstance(answer, Run):
                write_estimate(path, trained, answer)
            progress(len(results), len(points), before)
    outcome = outcome_of(trained, [results[place] for place in places])
    return _evaluated(points, outcome, trained, batch, steps) if batch else outcome


def _answers(
    submit: Callable[[Sequence[int]], Future[T]], groups: Iterator[Sequence[int]], most: int
) -> Iterator[tuple[Sequence[int], T]]:
    """Each group with its answer, as soon as it is there; `most` are under way at a time. A caller that stops early
    waits for no group that has not begun. Raises `SetupError` where a worker gives no answer."""
    running: dict[Future[T], Sequence[int]] = {}
    try:
        while True:
            with _answering():
                running |= {submit(group): group for group in islice(groups, max(most - len(running), 0))}
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                group = running.pop(future)
                with _answering():
                    answer = future.result()
                yield group, answer
    finally:
        for future in running:
            future.cancel()


@contextmanager
def _answering() -> Iterator[None]:
    """Turns foreign exceptions of an executor into a `SetupError`: a killed process, say, or a worker without this
    program."""
    try:
        yield
    except FlowsError:
        raise
    except Exception as reason:
        fact = f"a worker gave no answer ({type(reason).__name__}: {reason})"
        advice = "look at its log or its memory, then give the command again: what was estimated is kept"
        raise SetupError("executor of the sweep", fact, advice) from reason


def _groups(points: Sequence[Request], places: Sequence[int]) -> Iterator[Sequence[int]]:
    """Neighbours that differ in clock and rate alone."""
    group: list[int] = []
    for place in places:
        if group and (len(group) == TOGETHER or _alike(points[place]) != _alike(points[group[0]])):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _alike(point: Request) -> Request:
    """The same for points that differ in clock and rate alone."""
    options = {
        flow: replace(each, **{RATE: None}) if hasattr(each, RATE) else each for flow, each in point.options.items()
    }
    return replace(point, clock_ns=CLOCK_NS, options=options, command="")


def _evaluated(points: Sequence[Request], outcome: Outcome, trained: Trained, batch: Asset, steps: Steps) -> Outcome:
    """`outcome` with the accuracy of each arithmetic on the test images of `batch`. One design of each is prepared."""
    wanted = {run.name: run.quantised for run in outcome.runs}
    scores: dict[str, tuple[Reading, ...]] = {}
    for point in points:
        for backend, started, job in designs.designs(point, trained):
            digest = wanted.get(run_name(backend.name, job))  # None where it is refused
            if digest and digest not in scores:
                scores[digest] = accuracy(prepare(backend, job), started, batch, steps)
    return replace(outcome, runs=tuple(with_scores(run, scores[run.quantised]) for run in outcome.runs))
