"""`flows review`: everything that a project file asks for, as one report."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli import arguments, session
from flows.cli.parser import Parser

if TYPE_CHECKING:
    from flows.core.plan import Asset
    from flows.designs import Outcome
    from flows.executor import Executor
    from flows.jobs import Trained
    from flows.project import Project
    from flows.store import Store

ABOUT = "run what a project file asks for and is missing, and write its report"
DEFAULT = Path("zynqflows.toml")


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "project", metavar="FILE", type=Path, nargs="?", default=DEFAULT, help="the project (default %(default)s)"
    )
    parser.add_argument("--network", metavar="NAME", help="in place of the project's network")
    parser.add_argument(
        "--part", dest="boards", metavar="PART", action="append", help="in place of its boards; may be repeated"
    )
    parser.add_argument("--clock", metavar="NS", type=arguments.positive_ns, help="in place of its clock period")
    parser.add_argument("--data", metavar="DATA", help="in place of its test images")
    parser.add_argument("--out", metavar="DIR", help="in place of its folder for the report")
    parser.add_argument("--jobs", metavar="N", type=arguments.count, default=2, help="processes at a time (default 2)")
    arguments.add_store(parser)
    arguments.add_verify(parser)


def execute(given: Namespace) -> int:
    from flows import designs
    from reports.comparison import Absent, compare
    from reports.formats import FORMATS
    from reports.terminal.brief import decisions

    project = session.project(given)
    session.check_writable(project.out)
    store, executor = session.open_store(given), session.executor(given, given.jobs)
    trained = designs.trained_network(project.source, lambda: executor)
    batch = session.images_of(project.source, trained, executor)
    outcome = designs.built(project.designs, trained, batch, executor, store, given.jobs)
    if outcome.runs:
        absent = [Absent(one.flow, one.part, str(one.error)) for one in outcome.failures]
        comparison = compare([outcome.document], absent, ledger=session.ledger(store))
        print(decisions(comparison))
        for name, render in FORMATS.items():
            session.write(project.out / name, render(comparison))
    errors = list(outcome.errors)
    if project.sweep:
        errors += _sweep(project, trained, batch, executor, store, given.jobs).errors
    session.raise_last(errors)
    return 0


def _sweep(
    project: Project, trained: Trained, batch: Asset | None, executor: Executor, store: Store, jobs: int
) -> Outcome:
    from flows import pools, sweeping
    from flows.cli.progress import Counter
    from reports import pareto, sweep_page

    assert project.sweep
    points = sweeping.grid(project.sweep, project.axes)
    with pools.opened(None, jobs) as (pool, workers):
        outcome = sweeping.sweep(points, trained, store, pool, workers, Counter())
    outcome = sweeping.evaluated(points, outcome, trained, batch, executor) if batch else outcome
    if outcome.runs:
        session.write(project.out / "sweep.html", sweep_page.page(pareto.ranking(outcome.document)))
    return outcome
