"""`flows run`: builds, verifies and estimates designs."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.core.errors import FlowsError, UnfitError, UsageError

if TYPE_CHECKING:
    from backends.protocol import Backend, Job
    from flows.core.record import Document
    from flows.jobs import Trained

from argparse import Namespace
from collections.abc import Sequence

from flows.cli import arguments, session
from flows.cli.parser import Parser

ABOUT = "build, verify and estimate designs, and print what they cost"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.add_design(parser, argv)
    arguments.add_json(parser)
    arguments.add_reports(parser)
    arguments.add_batch(parser)
    parser.add_argument(
        "--data",
        metavar="DATA",
        type=Path,
        help="CIFAR-10 in a folder, or FILE.npz of yours: evaluates the test images",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="copy the files of every step here, each checked")
    parser.add_argument("--jobs", metavar="N", type=arguments.count, default=2, help="processes at a time (default 2)")
    parser.add_argument(
        "--record",
        action="store_true",
        help="with --data: write accuracy and agreement into the card beside the weights",
    )
    parser.add_argument("--require-fit", action="store_true", help="fail where a design does not fit its part")


def execute(given: Namespace) -> int:
    from flows import runner
    from flows.core.fit import Verdict, judge
    from flows.core.part import devices
    from flows.core.record import Document
    from reports import words
    from reports.terminal.run import comparison, details

    if given.record and not given.data:
        raise UsageError("--record", "without test images nothing is evaluated", "give --data as well")
    trained = session.trained_network(given, given.network)
    jobs = session.designs(given, trained)
    batch = session.test_images(given, trained)
    session.check_places(given)
    store = session.open_store(given)
    executor = session.executor(given, given.jobs, verify=given.out is not None)

    def run(design: tuple[Backend[Any, Any], Trained, Job[Any]]) -> Document | FlowsError:
        try:
            return runner.run(*design, batch, executor, store, session.command_line(), given.reports, given.batch)
        except FlowsError as error:
            return error

    with ThreadPoolExecutor(given.jobs) as pool:
        try:
            results = list(pool.map(run, jobs))
        except KeyboardInterrupt:
            executor.stop()
            raise
    runs = tuple(run for result in results if not isinstance(result, FlowsError) for run in result.runs)
    errors = [result for result in results if isinstance(result, FlowsError)]
    if runs:
        document = Document(runner.network_facts(trained), runs)
        print(details(document))
        if len(runs) > 1:
            print(comparison(document))
        session.write_document(given.json, document)
        if given.out:
            _copy(document, given.out)
        if given.record:
            started = {job.weights.digest: trained for _, trained, job in jobs}
            for record in runs:
                runner.record_scores(started[record.weights.digest], record)
    if not errors and given.require_fit:
        for record in runs:
            fit = judge(record.readings, devices()[record.device], record.margins, record.clock_ns)
            if fit.verdict not in (Verdict.FITS, Verdict.PROCESSOR):
                remedy = "ask for a slower clock" if fit.resources is Verdict.FITS else "take a larger part"
                advice = f"{remedy}, or other options; without --require-fit this is a result"
                errors.append(UnfitError(f"{record.flow} on {record.part}", words.verdict(fit), advice))
    if errors:
        for error in errors[:-1]:
            print(f"error: {error}", file=sys.stderr)
        raise errors[-1]
    return 0


def _copy(document: Document, out: Path) -> None:
    """A copy for people: OUT/RUN/STEP/..., of what each step left and nothing else; links followed, digests checked."""
    from flows.manifest import copy_step

    for record in document.runs:
        for step in record.steps:
            if step.folder:
                copy_step(Path(step.folder), out / record.name / step.name)
        print(f"files of {record.name} are in {out / record.name}", file=sys.stderr)
