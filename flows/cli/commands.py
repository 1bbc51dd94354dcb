"""What each command does. Whatever is heavy is imported inside the command that needs it."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from flows.core.errors import FlowsError, InputError, UnfitError, UsageError

if TYPE_CHECKING:
    from backends.protocol import Backend, Job
    from flows.core.record import Document
    from flows.jobs import Trained
    from flows.store import Store

DEFAULT_PARTS = ("xc7z020",)


def _jobs(arguments: Namespace, trained: Trained) -> Iterator[tuple[Backend, Trained, Job]]:
    """Every flow on every part that the user named. A flow may start from shipped weights of its own."""
    from flows import registry
    from flows.cli.options import options_of
    from flows.core.part import Target, find_part
    from flows.jobs import find_trained, is_file

    backends = [registry.load(name) for name in dict.fromkeys(arguments.flows)]
    parts = [find_part(text) for text in dict.fromkeys(arguments.parts or DEFAULT_PARTS)]
    for backend in backends:
        options = options_of(backend, arguments)
        variant = getattr(backend, "WEIGHTS", "")
        started = trained
        if variant and not arguments.weights and not is_file(arguments.network):
            started = find_trained(arguments.network, None, variant)
        for part in parts:
            yield backend, started, started.job(Target(part, arguments.clock), options)


def _designs(arguments: Namespace, trained: Trained) -> list[tuple[Backend, Trained, Job]]:
    """The jobs; raises `UsageError` where reports are given and it is not clear of which design they are."""
    jobs = list(_jobs(arguments, trained))
    if arguments.reports and len(jobs) > 1:
        raise UsageError("--report", f"{len(jobs)} designs are asked for", "name one flow and one part")
    return jobs


def trained_network(arguments: Namespace, name: str) -> Trained:
    """The network called `name`: one of the project's, or a file of the user's own."""
    from flows.jobs import find_trained, is_file

    if not is_file(name):
        if arguments.calibration:
            raise UsageError("--calibration", f"{name} has ranges beside its weights", "leave it out")
        return find_trained(name, arguments.weights)
    if arguments.weights:
        raise UsageError("--weights", f"{name} brings its own", "leave it out")

    from flows import imports
    from flows.cli.progress import Progress
    from flows.executor import Executor

    executor = Executor(open_store(arguments), 1, Progress(many=False), arguments.verify)
    return imports.import_trained(Path(name), arguments.data, arguments.calibration, executor)


def open_store(arguments: Namespace) -> Store:
    from flows.store import Store, default_root

    return Store(arguments.store or default_root())


def read_records(store: Store, names: Sequence[str]) -> list[Document]:
    """The runs of these names, or else all of the store: what cannot be read is then named, and left out.

    Raises `InputError` where that leaves nothing.
    """
    from flows.core.text import printable

    if names:
        return [store.record(name) for name in names]
    documents, errors = store.records()
    for error in errors:
        print(f"warning: left out: {printable(str(error))}", file=sys.stderr)
    if not documents:
        fact = "no run in it can be read" if errors else "no runs in it"
        raise InputError(f"store {store.root}", fact, "make one: python -m flows run hls4ml --part xc7z020")
    return documents


def run(arguments: Namespace) -> int:
    from flows import runner
    from flows.cli.progress import Progress
    from flows.core.fit import Verdict, judge
    from flows.core.part import devices
    from flows.core.record import Document
    from flows.executor import Executor
    from reports import terminal, words

    trained = trained_network(arguments, arguments.network)
    jobs = _designs(arguments, trained)
    batch = runner.test_batch(arguments.data) if arguments.data else None
    for place in filter(None, (arguments.out, arguments.json and arguments.json.parent)):
        check_writable(place)
    store = open_store(arguments)
    thorough = arguments.verify or arguments.out is not None
    executor = Executor(store, arguments.jobs, Progress(many=len(jobs) > 1), thorough)

    def one(design: tuple[Backend, Trained, Job]) -> Document | FlowsError:
        try:
            return runner.run(*design, batch, executor, store, _command(), arguments.reports)
        except FlowsError as error:
            return error

    with ThreadPoolExecutor(arguments.jobs) as pool:
        try:
            results = list(pool.map(one, jobs))
        except KeyboardInterrupt:
            executor.stop()
            raise
    runs = tuple(run for result in results if not isinstance(result, FlowsError) for run in result.runs)
    errors = [result for result in results if isinstance(result, FlowsError)]
    if runs:
        document = Document(runner.network_facts(trained), runs)
        print(terminal.details(document))
        if len(runs) > 1:
            print(terminal.comparison(document))
        _write_json(arguments.json, document)
        if arguments.out:
            _copy(document, arguments.out)
        if arguments.record:
            started = {job.weights.digest: trained for _, trained, job in jobs}
            for record in runs:
                runner.record_scores(started[record.weights.digest], record)
    if not errors and arguments.require_fit:
        for record in runs:
            fit = judge(record.readings, devices()[record.device], clock_ns=record.clock_ns)
            if fit.verdict is not Verdict.FITS:
                remedy = "ask for a slower clock" if fit.resources is Verdict.FITS else "take a larger part"
                advice = f"{remedy}, or other options; without --require-fit this is a result"
                errors.append(UnfitError(f"{record.flow} on {record.part}", words.verdict(fit), advice))
    if errors:
        for error in errors[:-1]:
            print(f"error: {error}", file=sys.stderr)
        raise errors[-1]
    return 0


def _command() -> str:
    """What reproduces this."""
    return shlex.join(["python", "-m", "flows", *sys.argv[1:]])


def estimate(arguments: Namespace) -> int:
    from flows import runner
    from flows.core.record import Document
    from reports import terminal

    trained = trained_network(arguments, arguments.network)
    runs = tuple(runner.estimated(*design, _command(), arguments.reports) for design in _designs(arguments, trained))
    document = Document(runner.network_facts(trained), runs)
    if len(runs) == 1 or arguments.layers:
        print(terminal.details(document, layers=arguments.layers))
    if len(runs) > 1:
        print(terminal.comparison(document))
    return 0


def plan(arguments: Namespace) -> int:
    from flows import runner
    from flows.executor import step_digest
    from reports import terminal

    trained = trained_network(arguments, arguments.network)
    batch = runner.test_batch(arguments.data) if arguments.data else None
    for backend, started, job in _jobs(arguments, trained):
        full = runner.full_plan(backend, runner.design(backend, job), batch, started.card)
        digests: dict[str, str] = {}
        for step in full.steps:
            digests[step.name] = step_digest(step, digests)
        print(terminal.plan(f"{backend.NAME} on {job.target.part.full_name}", full, digests))
    return 0


def compare(arguments: Namespace) -> int:
    from reports import terminal
    from reports.comparison import merged

    document = merged(read_records(open_store(arguments), arguments.runs))
    print(terminal.comparison(document))
    _write_json(arguments.json, document)
    return 0


def show(arguments: Namespace) -> int:
    from reports import bars, terminal

    document = open_store(arguments).record(arguments.run)
    print(terminal.details(document, layers=True))
    for run in document.runs:
        print(bars.waterfalls(run))
    _write_json(arguments.json, document)
    return 0


def listing(arguments: Namespace) -> int:
    from flows.cli import listings

    print(
        {"flows": listings.flows, "parts": listings.parts, "boards": listings.boards, "networks": listings.networks}[
            arguments.what
        ]()
    )
    return 0


def doctor(arguments: Namespace) -> int:
    from flows.cli import listings

    print(listings.doctor())
    return 0


def train(arguments: Namespace) -> int:
    from flows.cli import training

    return training.train(arguments)


def check_writable(folder: Path) -> None:
    """Raises `SetupError` now rather than after the work."""
    from flows.core.files import writing

    with writing(f"folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".zynqflows-probe"
        probe.touch()
        probe.unlink()


def _write_json(path: Path | None, document: Document) -> None:
    from flows.core.files import write_atomic
    from flows.core.record import document_to_json

    if path is not None:
        write_atomic(path, document_to_json(document))


def _copy(document: Document, out: Path) -> None:
    """A copy for people: OUT/RUN/STEP/..., of what each step left and nothing else; links followed, digests checked."""
    from flows.manifest import copy_step

    for record in document.runs:
        for step in record.steps:
            if step.folder:
                copy_step(Path(step.folder), out / record.name / step.name)
        print(f"files of {record.name} are in {out / record.name}", file=sys.stderr)
