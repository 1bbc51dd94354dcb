"""`flows review`: everything that a project file asks for, as one report."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, output, session, stored_runs
from flows.cli.argument_types import clock_ns, count
from flows.cli.parser import Parser

ABOUT = "run what a project file asks for and is missing, and write its report"
DEFAULT = Path("zynqflows.toml")


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "project", metavar="FILE", type=Path, nargs="?", default=DEFAULT, help="the project (default %(default)s)"
    )
    parser.add_argument("--network", metavar="NAME", help="in place of the project's network")
    parser.add_argument(
        "--part", dest="parts", metavar="PART", action="append",
        help="in place of its boards: several with commas, or repeated",
    )  # fmt: skip
    parser.add_argument("--clock", metavar="NS", type=clock_ns, help="in place of its clock period")
    parser.add_argument("--data", metavar="DATA", help="in place of its test images")
    parser.add_argument("--out", metavar="DIR", help="in place of its folder for the report")
    parser.add_argument("--jobs", metavar="N", type=count, default=2, help="processes at a time (default 2)")
    arguments.add_store(parser)
    arguments.add_verify(parser)


def execute(args: Namespace) -> int:
    from flows import reviewing
    from flows.cli.progress import Counter
    from reports.terminal.brief import decisions

    overrides = {name: getattr(args, name) for name in ("network", "clock", "data", "out")}
    boards = list(session.parts(args)) if args.parts else None
    project = reviewing.opened(args.project, {**overrides, "boards": boards})
    output.check_writable(project.out)
    store, executor = session.open_store(args), session.executor(args, args.jobs)
    reviewed = reviewing.review(project, executor, store, args.jobs, Counter(), stored_runs.ledger(store))
    if reviewed.comparison:
        print(decisions(reviewed.comparison))
    reviewing.write(reviewed, output.write)
    session.raise_last(reviewed.errors)
    return 0
