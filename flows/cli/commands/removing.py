"""`flows rm`: takes runs out of the store."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from flows.cli import arguments, session
from flows.cli.parser import Parser

ABOUT = "take runs out of the store; `store prune` then frees what only they needed"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    words = "runs by name (`flows list runs`)"
    arguments.offer_runs(parser.add_argument("runs", metavar="RUN", nargs="+", help=words))
    arguments.add_store(parser)


def execute(args: Namespace) -> int:
    store = session.open_store(args)
    for name in [store.find(name) for name in args.runs]:  # all of them are known before one is removed
        store.remove_run(name)
        print(f"removed: {name}")
    return 0
