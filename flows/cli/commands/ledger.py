"""`flows ledger`: predictions beside what was built and measured."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, output, session, stored_runs
from flows.cli.parser import Parser

ABOUT = "predictions beside what was built and measured, as residuals"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("designs", metavar="DESIGN", nargs="*", help="designs of the ledger by name (default: all)")
    parser.add_argument("--blocks", action="store_true", help="also every instance that was predicted by name")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write every residual as JSON")
    arguments.add_store(parser)


def execute(args: Namespace) -> int:
    from flows.ledger import book
    from reports import ledger

    store = session.open_store(args)
    if args.designs:
        pages = [book.find(store.root, name) for name in dict.fromkeys(args.designs)]
        accounts = stored_runs.accounts(store, pages)
    else:
        accounts = stored_runs.ledger(store)
    if args.json:
        output.write(args.json, ledger.to_json(accounts))
    if not accounts:
        print(
            "the ledger is empty: `python -m flows import FILE --as NAME` takes a report, a bitstream or a board.toml"
        )
        return 0
    if args.designs:
        print("\n\n".join(ledger.files(page) for page in pages) + "\n")
    print(ledger.terminal(accounts, args.blocks))
    return 0
