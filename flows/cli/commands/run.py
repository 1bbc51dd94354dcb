"""`flows run`: builds, verifies and estimates designs."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli import arguments, output, session
from flows.cli.argument_types import count
from flows.cli.parser import Parser
from flows.core.errors import UnfitError, UsageError

if TYPE_CHECKING:
    from flows.core.record import Document

ABOUT = "build, verify and estimate designs, and print what they cost"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.add_design(parser, argv)
    arguments.add_verbose(parser)
    arguments.add_json(parser)
    arguments.add_csv(parser)
    arguments.add_reports(parser)
    arguments.add_batch(parser)
    parser.add_argument(
        "--data", metavar="DATA", type=Path,
        help="CIFAR-10 in a folder, or FILE.npz of yours: evaluates the test images",
    )  # fmt: skip
    parser.add_argument("--out", metavar="DIR", type=Path, help="copy the files of every step here, each checked")
    parser.add_argument("--jobs", metavar="N", type=count, default=2, help="processes at a time (default 2)")
    parser.add_argument(
        "--record", action="store_true",
        help="with --data: write accuracy and agreement into the card beside the weights",
    )  # fmt: skip
    arguments.add_submission(parser)
    parser.add_argument("--require-fit", action="store_true", help="fail where a design does not fit its part")


def execute(args: Namespace) -> int:
    from flows import designs
    from flows.scores import record_scores
    from reports.terminal.comparison import comparison
    from reports.terminal.run import details

    if args.record and not args.data:
        raise UsageError("--record", "without test images nothing is evaluated", "give --data as well")
    resources = arguments.asked_of_submission(args)
    request = session.request(args)
    trained = session.trained_network(args, args.network)
    batch = session.test_images(args, trained)
    output.check_places(args)
    if args.submit:
        possible = designs.estimated(request, trained)
        if not possible.runs:  # the job would say so after hours in a queue
            session.raise_last(possible.errors)
        return _submit(args, resources)
    store = session.open_store(args)
    executor = session.executor(args, args.jobs, verify=args.out is not None)
    outcome = designs.built([request], trained, batch, executor, store, args.jobs)
    document, errors = outcome.document, list(outcome.errors)
    if document.runs:
        print(details(document, full=args.verbose))
        if len(document.runs) > 1:
            print(comparison(document))
        output.write_document(args.json, document)
        output.write_table(args.csv, document)
        if args.out:
            _copy(document, args.out)
        if args.record:
            started = {design[2].weights.digest: design[1] for design in designs.designs(request, trained)}
            for record in document.runs:
                record_scores(started[record.weights.digest], record)
    if not errors and args.require_fit:
        errors = list(_unfit(document))
    session.raise_last(errors)
    return 0


def _submit(args: Namespace, asked: dict[str, Any]) -> int:
    """Hands this very command to a batch system, without the options that are of submitting."""
    from flows import submission

    store = session.open_store(args)
    store.prepare()
    ticket = submission.submit(args.submit, session.rerun(args, store), submission.Resources(**asked), store)
    print(f"{ticket.name}: {submission.state(ticket, store)} ({ticket.scheduler} {ticket.job})")
    print(f"`python -m flows wait {ticket.name}` waits for it and prints the run", file=sys.stderr)
    return 0


def _unfit(document: Document) -> Iterator[UnfitError]:
    from flows.core.fit import Verdict, judge
    from flows.core.part import devices
    from reports import words

    for record in document.runs:
        fit = judge(record.readings, devices()[record.device], record.margins, record.clock_ns)
        if fit.verdict not in (Verdict.FITS, Verdict.PROCESSOR):
            remedy = "ask for a slower clock" if fit.resources is Verdict.FITS else "take a larger part"
            advice = f"{remedy}, or other options; without --require-fit this is a result"
            yield UnfitError(f"{record.flow} on {record.part}", words.verdict(fit), advice)


def _copy(document: Document, out: Path) -> None:
    """A copy for people: OUT/RUN/project and OUT/RUN/steps, of what each step left and nothing else; links followed,
    digests checked."""
    from flows.manifest import copy_step

    for record in document.runs:
        for step in record.steps:
            if step.folder:
                copy_step(Path(step.folder), out / record.name, step.name)
        print(f"files of {record.name} are in {out / record.name}", file=sys.stderr)
