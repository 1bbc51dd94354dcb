"""`flows plan`: what a run would do."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, session
from flows.cli.parser import Parser

ABOUT = "what a run would do; runs nothing"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.add_design(parser, argv)
    parser.add_argument(
        "--data", metavar="DATA", type=Path, help="CIFAR-10 in a folder, or FILE.npz of yours: adds the accuracy step"
    )


def execute(args: Namespace) -> int:
    from flows import runner
    from flows.identity import step_digests
    from flows.prepared import prepare
    from reports.terminal.plan import plan

    trained = session.trained_network(args, args.network)
    batch = session.test_images(args, trained)
    for backend, started, job in session.designs(args, trained):
        full = runner.full_plan(backend, prepare(backend, job), batch, started.card)
        print(plan(f"{backend.name} on {job.target.part.full_name}", full, step_digests(full)))
    return 0
