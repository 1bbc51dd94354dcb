"""`flows compare`: one table over recorded runs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from flows.cli import arguments, output, session, stored_runs
from flows.cli.parser import Parser
from flows.core.errors import UsageError

ABOUT = "a table of the runs in the store, one for each network"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.add_runs(parser)
    arguments.add_filter(parser)
    arguments.add_store(parser)
    arguments.add_json(parser)


def execute(args: Namespace) -> int:
    from reports.terminal.comparison import comparison

    documents = stored_runs.of_network(stored_runs.read_documents(session.open_store(args), args.runs), args.network)
    print("\n\n".join(map(comparison, documents)))
    if args.json and len(documents) > 1:
        names = ", ".join(f"{document.network.architecture} ({document.network.name})" for document in documents)
        raise UsageError("--json", f"a file holds runs of one network, and these are of {names}", "name --network")
    output.write_document(args.json, documents[0])
    return 0
