"""`flows show`: one recorded run in full."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from flows.cli import arguments, output, session
from flows.cli.parser import Parser

ABOUT = "one run, in full, block by block"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.offer_runs(parser.add_argument("run", metavar="RUN", help="a run by name, or the beginning of one"))
    arguments.add_store(parser)
    arguments.add_json(parser)


def execute(args: Namespace) -> int:
    from reports.terminal.bars import waterfalls
    from reports.terminal.run import details

    document = session.open_store(args).record(args.run)
    print(details(document, layers=True))
    for run in document.runs:
        print(waterfalls(run))
    output.write_document(args.json, document)
    return 0
