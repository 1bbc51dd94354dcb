"""`flows store prune`: lists or deletes what no recorded run refers to."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from flows.cli import arguments, session
from flows.cli.argument_types import days
from flows.cli.parser import Parser

ABOUT = "delete what no recorded run refers to: old steps, failures, what killed runs left"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("action", metavar="prune", choices=("prune",), help="delete what no recorded run refers to")
    parser.add_argument(
        "--older-than", metavar="DAYS", type=days, default=30.0,
        help="only what was not used for so many days (default 30)",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="delete nothing: print what would go, with its size")
    arguments.add_store(parser)


def execute(args: Namespace) -> int:
    from flows.core.text import printable
    from flows.prune import leftovers, prune
    from reports.terminal.layout import table

    place = session.open_store(args)
    old = leftovers(place, args.older_than)
    removed = old if args.dry_run else list(prune(place, old))
    if removed:
        rows = [["what", "where", "not used for", "size"]]
        for leftover in removed:
            where = printable(str(leftover.path.relative_to(place.root)))
            rows.append([printable(leftover.about), where, f"{leftover.days:.0f} days", _size(leftover.size)])
        print(table(rows, frozenset({0, 1})))
    done = "would be removed" if args.dry_run else "removed"
    print(f"{len(removed)} {done} from {place.root}: {_size(sum(leftover.size for leftover in removed))}")
    if busy := len(old) - len(removed):
        print(f"{busy} left: a run uses {'it' if busy == 1 else 'them'} now")
    return 0


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
