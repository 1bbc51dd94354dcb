"""`flows list`: what is known here."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from flows.cli import arguments, session, stored_runs
from flows.cli.parser import Parser
from flows.core.errors import UsageError

ABOUT = "the flows, parts, boards and networks that are known, and the runs in the store"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    kinds = ("flows", "parts", "boards", "networks", "runs")
    parser.add_argument("what", metavar="|".join(kinds), choices=kinds, help="what to list")
    arguments.add_filter(parser)
    arguments.add_store(parser)


def execute(args: Namespace) -> int:
    from flows.cli import listings

    if args.what == "runs":
        documents = stored_runs.of_network(stored_runs.read_records(session.open_store(args), ()), args.network)
        print(listings.runs(documents))
        return 0
    if args.network:
        raise UsageError("--network", f"{args.what} are of no network", "leave it out, or list runs")
    known = {"flows": listings.flows, "parts": listings.parts, "boards": listings.boards, "networks": listings.networks}
    print(known[args.what]())
    return 0
