"""The Python API: ``import flows``, then `flows.estimate`, `run`, `sweep`, `search`, `review`, `check`, `report`.

    >>> import flows
    >>> result = flows.estimate("hls4ml", part="xc7z020", precision="8")[0]
    >>> result["lut"].tier.value, result.fit.verdict.value
    ('modelled', 'fits')

Names, options and errors are those of the command line, which stands on the same functions: an option is an argument
with underscores, its value a number or a text, and what is wrong raises a `FlowsError` that says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor as Pool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from flows import designs, registry, values
from flows.core.errors import FlowsError, UsageError
from flows.core.files import write_atomic, writing
from flows.core.margins import MARGINS, Margins
from flows.core.plan import Step
from flows.core.readiness import Readiness
from flows.designs import CLOCK_NS, PARTS, Outcome, Request, Source
from flows.executor import Executor
from flows.store import Store, default_root
from models.pixels import USAGE, parse_pixels
from reports import mixed
from reports.results import Results, Searched, Sweep

__all__ = ["FlowsError", "check", "estimate", "report", "review", "run", "search", "sweep"]
Names = str | Sequence[str]
Place = str | Path


def estimate(
    *flow: str,
    network: Place = "arch8",
    part: Names = PARTS,
    clock_ns: float | str = CLOCK_NS,
    weights: Place | None = None,
    calibration: Place | None = None,
    data: Place | None = None,
    pixels: str | None = None,
    margins: Margins = MARGINS,
    reports: Sequence[Place] = (),
    store: Place | None = None,
    **options: Any,
) -> Results:
    """Estimates what designs of these flows would cost on these parts, in seconds and with no tool.

    `network` is a name of ``flows list networks``, or a file; `options` are those of the flows. Designs that a flow
    refuses are in the result's `errors`. Raises `UsageError` and `InputError`; where no design is left, the
    first reason.
    """
    source = _source(network, weights, calibration, data, pixels)
    request = _request("estimate", flow, source, part, clock_ns, margins, reports, options)
    trained = designs.trained_network(source, lambda: _executor(store, 1))
    return _results(designs.estimated(request, trained))


def run(
    *flow: str,
    network: Place = "arch8",
    part: Names = PARTS,
    clock_ns: float | str = CLOCK_NS,
    weights: Place | None = None,
    calibration: Place | None = None,
    data: Place | None = None,
    pixels: str | None = None,
    margins: Margins = MARGINS,
    reports: Sequence[Place] = (),
    store: Place | None = None,
    jobs: int = 2,
    listener: Callable[[str, Step, str], None] | None = None,
    **options: Any,
) -> Results:
    """Builds and verifies the designs that `estimate` would estimate, and keeps them in the store.

    `data`, CIFAR-10 in a folder or a file of images with labels, has the accuracy of each arithmetic evaluated. `jobs`
    processes run at a time; `listener` is told what they do, as `flows.executor.Listener` says.
    """
    source = _source(network, weights, calibration, data, pixels)
    request = _request("run", flow, source, part, clock_ns, margins, reports, options)
    executor = _executor(store, jobs, listener)
    trained = designs.trained_network(source, lambda: executor)
    batch = designs.test_images([source], [trained], lambda: executor)
    return _results(designs.built([request], trained, batch, executor, _store(store), jobs))


def sweep(
    *flow: str,
    network: Place = "arch8",
    part: Names = PARTS,
    clock_ns: float | str | Sequence[float | str] = CLOCK_NS,
    weights: Place | None = None,
    calibration: Place | None = None,
    data: Place | None = None,
    pixels: str | None = None,
    margins: Margins = MARGINS,
    store: Place | None = None,
    jobs: int | None = None,
    executor: str | Pool | None = None,
    told: Callable[[int, int, int], None] = lambda done, of, kept: None,
    **options: Any,
) -> Sweep:
    """Estimates of every combination: `part`, `clock_ns` and each of `options` may be a list, a tuple or a range;
    the last two also a text as on the command line, "4..8" or "8,10,12".

    They are computed by `jobs` processes (as many as there are cores), or by `executor`: an executor of
    `concurrent.futures`, or a text as ``--executor`` takes it; each is kept in the store as soon as it is there. `data`
    has the accuracy of each arithmetic evaluated, once. `told` hears how many points are done, of how many, and how
    many were kept from before.
    """
    from flows import pools, sweeping

    source = _source(network, weights, calibration, data, pixels)
    axes = {name: value for name, value in options.items() if isinstance(value, list | tuple | range | str)}
    single = {name: value for name, value in options.items() if name not in axes}
    asked = _request("sweep", flow, source, part, CLOCK_NS, margins, (), single)
    backends = [registry.load(name) for name in dict.fromkeys(flow)]
    grid: dict[str, Any] = {name: values.axis(backends, name, axis) for name, axis in axes.items()}
    grid |= {sweeping.PART: list(asked.parts), sweeping.CLOCK: _periods(clock_ns)}
    points = sweeping.grid(asked, grid)
    steps = _executor(store, 1)
    trained = designs.trained_network(source, lambda: steps)
    batch = designs.test_images([source], [trained], lambda: steps)
    if isinstance(executor, Pool):
        opened: AbstractContextManager[tuple[Pool, int]] = nullcontext((executor, jobs or 1))
    else:
        opened = pools.opened(executor, None if jobs is None else _count(jobs))
    with opened as (pool, workers):
        outcome = sweeping.sweep(points, trained, batch, _store(store), steps, pool, workers, told)
    if not outcome.runs:
        raise outcome.errors[0]
    return Sweep(outcome.document, outcome.errors)


def search(
    flow: str,
    *,
    data: Place,
    network: Place = "arch8",
    part: str = PARTS[0],
    clock_ns: float | str = CLOCK_NS,
    weights: Place | None = None,
    calibration: Place | None = None,
    pixels: str | None = None,
    margins: Margins = MARGINS,
    keep_accuracy: float = 0.5,
    bits: Sequence[int] | str = range(4, 9),
    cost: str | None = None,
    trials: int = 60,
    images: int = 2000,
    store: Place | None = None,
    listener: Callable[[str, Step, str], None] | None = None,
    told: Callable[[int, int, int], None] = lambda done, of, kept: None,
    **options: Any,
) -> Searched:
    """The cheapest bits of each layer that lose at most `keep_accuracy` points (of 100) against the float network.

    Each tensor has one of `bits`; `cost` is the resource to save ("lut", "ff", "bram18", "dsp"), by default the one
    that binds the widest design. At most `images` images of `data` choose, never the test images, on which the best is
    evaluated in the end. `told` is of the `trials` designs to try; a search that was ended goes on where it stopped.
    """
    from flows.searching import search as searching
    from flows.searching.goal import goal

    wanted = goal(keep_accuracy, bits, cost, trials, images)
    source = _source(network, weights, calibration, data, pixels)
    request = _request("search", (flow,), source, part, clock_ns, margins, (), options)
    steps = _executor(store, 1, listener)
    trained = designs.trained_network(source, lambda: steps)
    outcome = searching.search(request, wanted, trained, _store(store), steps, told)
    return Searched(mixed.document(outcome), search=outcome)


def review(
    project: Place = "zynqflows.toml",
    *,
    network: Place | None = None,
    part: Names | None = None,
    clock_ns: float | str | None = None,
    data: Place | None = None,
    out: Place | None = None,
    store: Place | None = None,
    jobs: int = 2,
    listener: Callable[[str, Step, str], None] | None = None,
) -> Results:
    """Builds what a project file asks for and is missing, and writes its report and its sweep (``flows review``); what
    is given here counts more than the file. Returns the designs that were built."""
    from flows import reviewing

    boards = None if part is None else list(_names(part))
    places = {"network": network, "data": data, "out": out}
    overrides = {name: None if place is None else str(place) for name, place in places.items()}
    asked = reviewing.opened(Path(project), {**overrides, "boards": boards, "clock": clock_ns})
    reviewed = reviewing.review(
        asked, _executor(store, jobs, listener), _store(store), jobs, lambda done, of, before: None
    )
    reviewing.write(reviewed, _written)
    return _results(reviewed.outcome)


def check(flow: str, model: Place, *, network: str | None = None, store: Place | None = None) -> Readiness:
    """Whether a model file made elsewhere can go through a flow (``flows check``), condition by condition; with
    `network`, also whether it is that one."""
    from flows import readiness

    return readiness.assess(readiness.judge_of(flow), Path(model), network, _executor(store, 1))


def report(results: Results, out: Place) -> Path:
    """Writes the review document of these designs to the folder `out`: HTML, Markdown, CSV, JSON and JUnit XML. Returns
    the HTML file."""
    from reports.comparison import compare
    from reports.formats import FORMATS

    if not len(results):
        raise UsageError("report", "there is no design in it", "estimate or run some first")
    comparison = compare([results.document])
    for name, render in FORMATS.items():
        _written(Path(out, name), render(comparison))
    return Path(out, "report.html")


def _written(path: Path, text: str) -> None:
    with writing(f"folder {path.parent}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text)


def _source(
    network: Place, weights: Place | None, calibration: Place | None, data: Place | None, pixels: str | None
) -> Source:
    files = [None if place is None else Path(place) for place in (weights, calibration, data)]
    try:
        return Source(str(network), files[0], files[1], files[2], parse_pixels(pixels) if pixels else None)
    except ValueError as reason:
        raise UsageError("pixels", str(reason), USAGE) from None


def _request(
    command: str,
    flows: Sequence[str],
    source: Source,
    part: Names,
    clock_ns: float | str,
    margins: Margins,
    reports: Sequence[Place],
    options: Mapping[str, Any],
) -> Request:
    if not flows:
        raise UsageError(f"flows.{command}", "no flow is named", "name one or more of `python -m flows list flows`")
    backends = {name: registry.load(name) for name in flows}
    options_by_flow = values.by_flow(backends, options)
    parts = _names(part)
    paths = tuple(Path(place) for place in reports)
    asked = Request(flows, options_by_flow, source, parts, _period(clock_ns), margins, paths)
    return replace(asked, command=designs.command(command, asked))


def _names(part: Any) -> tuple[str, ...]:
    """Raises `UsageError` where these are no names."""
    names = (part,) if isinstance(part, str) else tuple(part) if isinstance(part, list | tuple) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise UsageError("part", f"{part!r} names none", "name one or more of `python -m flows list parts`")
    return names


def _period(clock_ns: Any) -> float:
    try:
        return values.clock_period(clock_ns)
    except ValueError as reason:
        raise UsageError("clock_ns", str(reason), "the default is 10") from None


def _periods(clock_ns: Any) -> list[float]:
    if isinstance(clock_ns, list | tuple | range):
        return [_period(clock) for clock in clock_ns]
    try:
        return values.several(values.clock_period, str(clock_ns))
    except ValueError as reason:
        raise UsageError("clock_ns", str(reason), "the default is 10") from None


def _results(outcome: Outcome) -> Results:
    """Raises the first error where no design could be had."""
    if not outcome.runs:
        raise outcome.errors[0]
    return Results(outcome.document, outcome.errors)


def _store(place: Place | None) -> Store:
    return Store(Path(place) if place else default_root())


def _executor(store: Place | None, jobs: int, listener: Callable[[str, Step, str], None] | None = None) -> Executor:
    return Executor(_store(store), _count(jobs), listener or (lambda event, step, text: None))


def _count(jobs: Any) -> int:
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise UsageError("jobs", f"{jobs!r} is no number of processes", "give 1 or more")
    return jobs
