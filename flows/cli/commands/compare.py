"""`flows compare`: one table over recorded runs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from flows.cli import arguments, session
from flows.cli.parser import Parser

ABOUT = "one table over the runs in the store"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="*", help="runs by name (default: all in the store)")
    arguments.add_store(parser)
    arguments.add_json(parser)


def execute(given: Namespace) -> int:
    from reports.comparison import merged
    from reports.terminal.run import comparison

    document = merged(session.read_records(session.open_store(given), given.runs))
    print(comparison(document))
    session.write_document(given.json, document)
    return 0
