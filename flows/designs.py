"""Designs that are asked for: which flows, on which parts, of which network; estimated, or built and verified.

The command line and the Python API both fill a `Request`, and do the rest with these functions.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from backends.cost.system import BATCH
from backends.protocol import Backend, Job
from flows import registry, runner
from flows.core.clock import fastest_credible
from flows.core.errors import FlowsError, UsageError
from flows.core.margins import MARGINS, Margins
from flows.core.part import Part, Target, find_part
from flows.core.plan import Asset
from flows.core.record import Document, NetworkFacts, Run
from flows.executor import Executor
from flows.jobs import Trained, find_trained, is_file
from flows.store import Store
from flows.values import AUTO_CLOCK, flag
from models.pixels import Pixels

NETWORK, PARTS = "arch8", ("xc7z020",)
CLOCK_NS = 10.0
FILES, PIXELS = ("weights", "calibration", "data"), "--pixels"
"""Options that say more of a network."""
Design = tuple[Backend[Any, Any], Trained, Job[Any]]
"""A flow, the weights that it starts from, and what it is asked for."""


@dataclass(frozen=True)
class Source:
    """A network by the project's name, or a file of the user's own, and what is said of it besides."""

    name: str
    weights: Path | None = None
    calibration: Path | None = None
    data: Path | None = None
    pixels: Pixels | None = None


@dataclass(frozen=True)
class Request:
    """The designs that a user asks for. `options` are by the name of the flow. `reports` were made elsewhere, of the
    only design asked for. `images` is how many a call of the driver hands over, for the rate of the system. `policy`
    is the file that the margins come from, if any; `command` reproduces the request."""

    flows: Sequence[str]
    options: Mapping[str, Any]
    source: Source
    parts: Sequence[str] = PARTS
    clock_ns: float = CLOCK_NS
    margins: Margins = MARGINS
    reports: Sequence[Path] = ()
    images: int = BATCH
    policy: Path | None = None
    command: str = ""


@dataclass(frozen=True)
class Failure:
    """A design that could not be had, on a part by its full name, and why."""

    flow: str
    part: str
    error: FlowsError


@dataclass(frozen=True)
class Outcome:
    """The designs that could be had, and why others could not."""

    network: NetworkFacts
    runs: tuple[Run, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def document(self) -> Document:
        return Document(self.network, self.runs)

    @property
    def errors(self) -> tuple[FlowsError, ...]:
        """Each reason once."""
        return tuple({str(failure.error): failure.error for failure in self.failures}.values())


def trained_network(source: Source, executor: Callable[[], Executor]) -> Trained:
    """Of `source`. A file is read by a step of the executor, which is asked for only then. Raises `InputError`, and
    `UsageError` where something is said that the network has already."""
    name = source.name
    if not is_file(name):
        if source.calibration:
            raise UsageError("--calibration", f"{name} has ranges beside its weights", "leave it out")
        if source.pixels:
            raise UsageError("--pixels", f"{name} was trained here, on x / 255", "leave it out")
        return find_trained(name, source.weights)
    if source.weights:
        raise UsageError("--weights", f"{name} brings its own", "leave it out")

    from flows import imports

    return imports.import_trained(Path(name), source.data, source.calibration, executor(), source.pixels)


def check_training_images(folder: Path | None) -> None:
    """Raises `InputError` where a folder that the user names does not hold them, even where they are not needed."""
    from flows.imports import is_own
    from models import cifar10

    if folder is not None and not is_own(folder):
        cifar10.find(folder, cifar10.TRAIN[:1])


def cifar10_test_images(folder: Path) -> Asset:
    """The CIFAR-10 test images in a folder, checked."""
    from models import cifar10

    (path,) = cifar10.find(folder, cifar10.TEST)
    return Asset(path, cifar10.check(path))


def test_images(
    sources: Sequence[Source], trained: Sequence[Trained], executor: Callable[[], Executor]
) -> Asset | None:
    """The test images that `sources` name, all the same, for networks that read alike; None where they name none. What
    ranges are measured on is left out. Raises `UsageError`, and `InputError` where there are no images."""
    from flows import imports

    data, first = sources[0].data, trained[0].network
    if data is None or not imports.is_own(data):
        return cifar10_test_images(data) if data else None
    if len({(each.network.input_shape, each.network.shapes[each.network.output]) for each in trained}) > 1:
        raise UsageError(f"--data {data}", "the networks read other images", "evaluate one network at a time")
    ranges = any(is_file(source.name) and not source.calibration for source in sources)
    return imports.own_images(first, data, ranges, executor())[0]


def designs(request: Request, trained: Trained) -> list[Design]:
    """Every flow on every part. A flow may start from shipped weights of its own.

    Raises `InputError` where a flow has none, and `UsageError` where reports are given and it is not clear of which
    design they are.
    """
    every = []
    for _, _, design in _each(request, trained):
        if isinstance(design, FlowsError):
            raise design
        every.append(design)
    return every


def _each(request: Request, trained: Trained) -> Iterator[tuple[str, str, Design | FlowsError]]:
    """(flow, full name of the part, design) of each; in place of those of a flow that has no weights, the reason."""
    parts = [find_part(text) for text in dict.fromkeys(request.parts)]
    backends = {name: registry.load(name) for name in request.flows}
    if not parts:
        raise UsageError("part", "none is named", "name one or more of `python -m flows list parts`")
    if request.reports and len(parts) * len(backends) > 1:
        fact = f"{len(parts) * len(backends)} designs are asked for"
        raise UsageError("--report", fact, "name one flow and one part")
    for name, backend in backends.items():
        started = _started(backend, request, trained)
        for part in parts:
            if isinstance(started, FlowsError):
                yield name, part.full_name, started
            else:
                target = Target(part, _clock_ns(backend, part, request.clock_ns), request.margins)
                yield name, part.full_name, (backend, started, started.job(target, request.options[name]))


def _clock_ns(backend: Backend[Any, Any], part: Part, asked: float) -> float:
    """A program knows no clock of the fabric: at each that is asked for it is the same design."""
    if backend.on_processor:
        return CLOCK_NS
    return fastest_credible(part, backend.seen_clocks, CLOCK_NS) if asked == AUTO_CLOCK else asked


def _started(backend: Backend[Any, Any], request: Request, trained: Trained) -> Trained | FlowsError:
    """What a flow starts from: `trained`, unless other weights are asked for, or the flow has its own."""
    source = request.source
    wanted = source.weights or backend.weights
    if is_file(source.name) or not wanted or trained.weights.path == wanted:
        return trained
    others: dict[Any, Trained] = trained.known.setdefault(Trained, {})
    key = source.name, source.weights, backend.weights
    try:
        if key not in others:
            others[key] = find_trained(*key)
        return others[key]
    except FlowsError as error:
        return error


def command(verb: str, request: Request) -> str:
    """The command line that asks for the same, `verb` being run or estimate: with the options that have other values
    than their defaults."""
    source, words = request.source, list(dict.fromkeys(request.flows))
    words += [word for part in request.parts for word in ("--part", part)]
    clock = "auto" if request.clock_ns == AUTO_CLOCK else f"{request.clock_ns:g}"
    words += ["--clock", clock] if request.clock_ns != CLOCK_NS else []
    words += ["--network", source.name] if source.name != NETWORK else []
    for name, path in [(name, getattr(source, name)) for name in FILES] + [("policy", request.policy)]:
        words += [flag(name), str(path)] if path else []
    words += [PIXELS, source.pixels.known.removeprefix(f"{PIXELS} ")] if source.pixels else []
    words += ["--batch", str(request.images)] if request.images != BATCH else []
    chosen: dict[str, Any] = {}
    for options in request.options.values():
        for field in fields(options):
            if (value := getattr(options, field.name)) != field.default:
                chosen[field.name] = value
    for name, value in chosen.items():
        words += [flag(name)] if value is True else [flag(name), str(value)]
    words += [word for path in request.reports for word in ("--report", str(path))]
    return shlex.join(["python", "-m", "flows", verb, *words])


def _command(verb: str, request: Request, design: Design) -> str:
    """What asks for one design of a request alone, so that an option can be added to it."""
    backend, _, job = design
    if request.command and len(request.flows) == len(request.parts) == 1:
        return request.command
    options = {backend.name: job.options}
    return command(verb, replace(request, flows=(backend.name,), options=options, parts=(job.target.part.asked,)))


def estimated(
    request: Request, trained: Trained, progress: Callable[[int, int, int], None] = lambda done, of, before: None
) -> Outcome:
    """What can be said with no tool. A design that is refused is among the failures, and the others are not lost.
    `progress` hears how many designs are done, and of how many."""

    def estimate(design: Design) -> Run:
        return runner.estimated(*design, _command("estimate", request, design), request.reports, request.images)

    every = list(_each(request, trained))
    results: list[Run | Failure] = []
    for row in every:
        results.append(_tried(*row, estimate))
        progress(len(results), len(every), 0)
    return outcome_of(trained, results)


def built(
    requests: Sequence[Request], trained: Trained, batch: Asset | None, executor: Executor, store: Store, jobs: int
) -> Outcome:
    """Builds and verifies every design that is asked for, `jobs` at a time, and records each in `store`."""

    def run(asked: tuple[Request, tuple[str, str, Design | FlowsError]]) -> Run | Failure:
        request, row = asked

        def build(design: Design) -> Run:
            more = _command("run", request, design), request.reports, request.images
            return runner.run(*design, batch, executor, store, *more).runs[0]

        return _tried(*row, build)

    every = [(request, row) for request in requests for row in _each(request, trained)]
    with ThreadPoolExecutor(jobs) as pool:
        try:
            results = list(pool.map(run, every))
        except KeyboardInterrupt:
            executor.stop()
            raise
    return outcome_of(trained, results)


def _tried(flow: str, part: str, design: Design | FlowsError, action: Callable[[Design], Run]) -> Run | Failure:
    if isinstance(design, FlowsError):
        return Failure(flow, part, design)
    try:
        return action(design)
    except FlowsError as error:
        return Failure(flow, part, error)


def outcome_of(trained: Trained, results: Sequence[Run | Failure]) -> Outcome:
    """Each design once."""
    runs = {run.name: run for run in results if isinstance(run, Run)}
    failures = tuple(result for result in results if isinstance(result, Failure))
    return Outcome(runner.network_facts(trained), tuple(runs.values()), failures)
