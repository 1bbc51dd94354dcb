"""`flows diff`: what changed between two runs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, output, session, stored_runs
from flows.cli.argument_types import tolerance
from flows.cli.parser import Parser

ABOUT = "what changed between two runs: inputs, options and numbers, layer by layer"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.offer_runs(parser.add_argument("before", metavar="A", help="a run by name, or a JSON file of runs"))
    arguments.offer_runs(parser.add_argument("after", metavar="B", help="another"))
    parser.add_argument(
        "--tolerance", dest="tolerances", metavar="[METRIC=]PERCENT", type=tolerance, action="append",
        default=[],
        help="what a number may change by without being counted; may be repeated (default 0)",
    )  # fmt: skip
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for a pull request")
    parser.add_argument("--html", metavar="FILE", type=Path, help="also write a page")
    arguments.add_store(parser)


def execute(args: Namespace) -> int:
    from reports import changes
    from reports.difference import difference

    store = session.open_store(args)
    before, after = (stored_runs.read_documents(store, [name])[0] for name in (args.before, args.after))
    changed = difference(before, after, dict(args.tolerances))
    print(changes.to_markdown(changed) if args.markdown else changes.terminal(changed))
    if args.html:
        output.check_writable(args.html.parent)
        output.write(args.html, changes.to_html(changed))
    return 0
