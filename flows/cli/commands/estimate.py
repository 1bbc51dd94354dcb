"""`flows estimate`: what designs would cost."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli import arguments, output, session
from flows.cli.parser import Parser

if TYPE_CHECKING:
    from flows.core.record import Document

ABOUT = "what designs would cost, in seconds, with no tool installed"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.add_design(parser, argv)
    parser.add_argument(
        "--data", metavar="DATA", type=Path,
        help="CIFAR-10 in a folder, or FILE.npz of yours: to measure the ranges of a network of yours",
    )  # fmt: skip
    parser.add_argument("--layers", action="store_true", help="also one line a layer and block")
    arguments.add_verbose(parser)
    parser.add_argument(
        "--keep", action="store_true", help="record the estimates in the store, where compare and report find them"
    )
    arguments.add_json(parser)
    arguments.add_csv(parser)
    arguments.add_reports(parser)
    arguments.add_batch(parser)
    parser.add_argument(
        "--no-own-rows", action="store_true",
        help="leave the intervals as they are: do not recalibrate them with what the ledger has of your own designs",
    )  # fmt: skip


def _keep(args: Namespace, document: Document) -> None:
    """Records the estimates as the models give them: own rows of the ledger change over time."""
    from flows import runner

    kept = runner.keep(session.open_store(args), document)
    for run in document.runs:
        print(f"{run.name}: {'kept' if run.name in kept else 'was built before, and its record stays'}")


def execute(args: Namespace) -> int:
    from flows import designs
    from flows.cli.progress import Counter
    from flows.ledger import calibration
    from reports.terminal.comparison import comparison
    from reports.terminal.run import details

    designs.check_training_images(args.data)
    output.check_places(args)
    trained = session.trained_network(args, args.network)
    outcome = designs.estimated(session.request(args), trained, Counter())
    modelled = outcome.document
    if not args.no_own_rows:
        own = calibration.own_rows(session.open_store(args))
        outcome = replace(outcome, runs=calibration.recalibrated(outcome.runs, own))
    document = outcome.document
    if len(document.runs) == 1 or (document.runs and args.layers):
        print(details(document, args.layers, args.verbose))
    if len(document.runs) > 1:
        print(comparison(document))
    if document.runs:
        output.write_document(args.json, document)
        output.write_table(args.csv, document)
    if args.keep:
        _keep(args, modelled)
    session.raise_last(outcome.errors)
    return 0
