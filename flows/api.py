"""The Python API: ``import flows``, then `flows.estimate`, `run`, `sweep`, `search`, `review`, `check`, `report`.

    >>> import flows
    >>> result = flows.estimate("hls4ml", part="xc7z020", precision="8")[0]
    >>> result["lut"].tier.value, result.fit.verdict.value
    ('modelled', 'fits')

Names, options and errors are those of the command line, which stands on the same functions: an option is an argument
with underscores, its value a number or a text, and what is wrong raises a `FlowsError` that says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor as Pool
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from flows import arguments, designs, registry, values
from flows.arguments import Names, Place
from flows.core.errors import FlowsError, UsageError
from flows.core.files import write_atomic, writing
from flows.core.margins import MARGINS, Margins
from flows.core.plan import Step
from flows.core.readiness import Readiness
from flows.designs import CLOCK_NS, PARTS, Outcome
from reports import mixed
from reports.results import Results, Searched, Sweep

__all__ = ["FlowsError", "check", "estimate", "report", "review", "run", "search", "sweep"]


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
    source = arguments.source(network, weights, calibration, data, pixels)
    request = arguments.request("estimate", flow, source, part, clock_ns, margins, reports, options)
    designs.check_training_images(source.data)
    trained = designs.trained_network(source, lambda: arguments.executor(store, 1))
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
    source = arguments.source(network, weights, calibration, data, pixels)
    request = arguments.request("run", flow, source, part, clock_ns, margins, reports, options)
    executor = arguments.executor(store, jobs, listener)
    trained = designs.trained_network(source, lambda: executor)
    batch = designs.test_images([source], [trained], lambda: executor)
    return _results(designs.built([request], trained, batch, executor, arguments.open_store(store), jobs))


def sweep(
    *flow: str,
    network: Place = "arch8",
    part: Names = PARTS,
    clock_ns: float | str | Iterable[float | str] = CLOCK_NS,
    weights: Place | None = None,
    calibration: Place | None = None,
    data: Place | None = None,
    pixels: str | None = None,
    margins: Margins = MARGINS,
    store: Place | None = None,
    jobs: int | None = None,
    executor: str | Pool | None = None,
    progress: Callable[[int, int, int], None] = lambda done, of, kept: None,
    **options: Any,
) -> Sweep:
    """Estimates of every combination: `part`, `clock_ns` and each of `options` may be a list, a range or an
    array; the last two also a text as on the command line, "4..8" or "8,10,12".

    They are computed by `jobs` processes (as many as there are cores), or by `executor`: an executor of
    `concurrent.futures`, or a text as ``--executor`` takes it; each is kept in the store as soon as it is there. `data`
    has the accuracy of each arithmetic evaluated, once. `progress` is called with the number of points that are done,
    of all, and of those that were kept from before.
    """
    from flows import pools, sweeping

    source = arguments.source(network, weights, calibration, data, pixels)
    axes = {name: value for name, value in options.items() if isinstance(value, str) or values.is_several(value)}
    single = {name: value for name, value in options.items() if name not in axes}
    asked = arguments.request("sweep", flow, source, part, CLOCK_NS, margins, (), single)
    backends = [registry.load(name) for name in dict.fromkeys(flow)]
    grid: dict[str, Any] = {name: values.axis(backends, name, axis) for name, axis in axes.items()}
    grid |= {sweeping.PART: list(asked.parts), sweeping.CLOCK: arguments.periods(clock_ns)}
    points = sweeping.grid(asked, grid)
    steps = arguments.executor(store, 1)
    trained = designs.trained_network(source, lambda: steps)
    batch = designs.test_images([source], [trained], lambda: steps)
    if isinstance(executor, Pool):
        opened: AbstractContextManager[tuple[Pool, int]] = nullcontext((executor, jobs or 1))
    else:
        opened = pools.opened(executor, None if jobs is None else values.count("jobs", jobs))
    with opened as (pool, workers):
        outcome = sweeping.sweep(points, trained, batch, arguments.open_store(store), steps, pool, workers, progress)
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
    progress: Callable[[int, int, int], None] = lambda done, of, kept: None,
    **options: Any,
) -> Searched:
    """The cheapest bits of each layer that lose at most `keep_accuracy` points (of 100) against the float network.

    Each tensor has one of `bits`; `cost` is the resource to save ("lut", "ff", "bram18", "dsp"), by default the one
    that binds the widest design. At most `images` images of `data` choose, never the test images, on which the best is
    evaluated in the end. `progress` counts the `trials` designs; a search that was ended goes on where it stopped.
    """
    from flows.searching import search as searching
    from flows.searching.goal import goal

    wanted = goal(keep_accuracy, bits, cost, trials, images)
    source = arguments.source(network, weights, calibration, data, pixels)
    request = arguments.request("search", (flow,), source, part, clock_ns, margins, (), options)
    steps = arguments.executor(store, 1, listener)
    trained = designs.trained_network(source, lambda: steps)
    outcome = searching.search(request, wanted, trained, arguments.open_store(store), steps, progress)
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

    boards = None if part is None else list(arguments.part_names(part))
    places = {"network": network, "data": data, "out": out}
    overrides = {name: str(arguments.path(name, place)) for name, place in places.items() if place is not None}
    asked = reviewing.opened(arguments.path("project", project), {**overrides, "boards": boards, "clock": clock_ns})
    reviewed = reviewing.review(
        asked,
        arguments.executor(store, jobs, listener),
        arguments.open_store(store),
        jobs,
        lambda done, of, before: None,
    )
    reviewing.write(reviewed, _written)
    return _results(reviewed.outcome)


def check(flow: str, model: Place, *, network: str | None = None, store: Place | None = None) -> Readiness:
    """Whether a model file made elsewhere can go through a flow (``flows check``), condition by condition; with
    `network`, also whether it is that one."""
    from flows import readiness

    model = arguments.path("model", model)
    return readiness.assess(readiness.judge_of(flow), model, network, arguments.executor(store, 1))


def report(results: Results, out: Place) -> Path:
    """Writes the review document of these designs to the folder `out`: HTML, Markdown, CSV, JSON and JUnit XML. Returns
    the HTML file."""
    from reports.comparison import compare
    from reports.formats import FORMATS

    if not isinstance(results, Results) or not len(results):
        raise UsageError("report", "there is no design in it", "give what flows.estimate or flows.run returns")
    folder, comparison = arguments.path("out", out), compare([results.document])
    for name, render in FORMATS.items():
        _written(folder / name, render(comparison))
    return folder / "report.html"


def _written(path: Path, text: str) -> None:
    with writing(f"folder {path.parent}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text)


def _results(outcome: Outcome) -> Results:
    """Raises the first error where no design could be had."""
    if not outcome.runs:
        raise outcome.errors[0]
    return Results(outcome.document, outcome.errors)
