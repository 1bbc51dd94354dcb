"""`flows report`: the document that a design review is held over."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli import arguments, output, session, stored_runs
from flows.cli.parser import Parser
from flows.core.errors import FlowsError, MismatchError, StepFailed

if TYPE_CHECKING:
    from flows.core.record import Document
    from flows.executor import Executor
    from flows.store import Store

ABOUT = "the document for a design review: HTML, Markdown, CSV, JSON and JUnit XML"
DEFAULT_OUT = Path("zynqflows-report")
DEFAULT_PARTS = ("xc7z010", "xc7z020")


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.add_runs(parser)
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=DEFAULT_OUT, help="where it goes (default %(default)s)"
    )
    parser.add_argument("--run", action="store_true", help="first run every flow that has no run on a part")
    parser.add_argument(
        "--part", dest="parts", metavar="PART", action="append",
        help="only runs on these parts or boards: several with commas, or repeated; with --run the default is xc7z010 "
        "and xc7z020",
    )  # fmt: skip
    parser.add_argument(
        "--network", metavar="NAME",
        help="only runs of the network of this name, or of this architecture; with --run: one of `flows list networks` "
        "(default arch8), while a network of yours is run by `flows run`",
    )  # fmt: skip
    arguments.add_store(parser)
    arguments.add_verify(parser)


def execute(args: Namespace) -> int:
    from flows.arguments import part_names
    from flows.core.part import find_part
    from reports.comparison import Absent, compare
    from reports.formats import FORMATS
    from reports.terminal.brief import decisions

    parts = {find_part(name).full_name: name for name in part_names(args.parts or DEFAULT_PARTS)}
    output.check_writable(args.out)
    store = session.open_store(args)
    if args.run:
        args.network = args.network or "arch8"
    failures = _run_missing(args, store, parts) if args.run else {}
    absent = [Absent(flow, part, str(error)) for (flow, part), error in failures.items()]
    documents = stored_runs.of_network(stored_runs.read_documents(store, args.runs), args.network)
    if args.parts:
        documents = stored_runs.on_parts(documents, parts)
    ledger = stored_runs.ledger(store)
    for place, document in zip(_places(args.out, documents), documents, strict=True):
        comparison = compare([document], absent, ledger=ledger)
        print(decisions(comparison))
        output.check_writable(place)
        for name, render in FORMATS.items():
            output.write(place / name, render(comparison))
    for error in failures.values():
        if isinstance(error, (StepFailed, MismatchError)):
            raise error
    return 0


def _places(out: Path, documents: Sequence[Document]) -> list[Path]:
    """A folder for the report of each network: `out` itself where there is one."""
    if len(documents) == 1:
        return [out]
    names = [document.network.name for document in documents]
    return [
        out
        / (
            document.network.name
            if names.count(document.network.name) == 1
            else f"{document.network.name}-{document.network.architecture}"
        )
        for document in documents
    ]


def _run_missing(args: Namespace, store: Store, parts: Mapping[str, str]) -> dict[tuple[str, str], FlowsError]:
    """Runs every flow on each of `parts`, by full names and as the user named them, where the store has no run of it;
    returns what could not be run, and why."""
    from flows import registry
    from flows.jobs import find_network

    find_network(args.network)  # or the same is said of every flow
    executor = session.executor(args, 2)
    known = _known(args, store)
    failures: dict[tuple[str, str], FlowsError] = {}
    for flow, part in product(registry.names(), parts):
        if (flow, part) in known:
            continue
        try:
            _run_flow(args.network, flow, parts[part], executor, store)
        except FlowsError as error:
            print(f"error: {error}", file=sys.stderr)
            failures[flow, part] = error
    return failures


def _known(args: Namespace, store: Store) -> set[tuple[str, str]]:
    """(flow, full name of the part) of all runs of the network; an estimate that was kept has no steps."""
    documents, _ = store.records()
    asked = (document for document in documents if document.network.name == args.network)
    return {(run.flow, run.part) for document in asked for run in document.runs if run.steps}


def _run_flow(network: str, flow: str, part: str, executor: Executor, store: Store) -> None:
    from flows import registry, runner
    from flows.core.part import Target, find_part
    from flows.jobs import find_trained

    backend = registry.load(flow)
    trained = find_trained(network, None, backend.weights)
    job = trained.job(Target(find_part(part)), backend.options())
    command = f"python -m flows run {flow} --part {part} --network {network}"
    runner.run(backend, trained, job, None, executor, store, command)
