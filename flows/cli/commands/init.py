"""`flows init`: a project file to begin with."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import output
from flows.cli.parser import Parser

ABOUT = "write a project file with every key explained"
DEFAULT = Path("zynqflows.toml")


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "project", metavar="FILE", type=Path, nargs="?", default=DEFAULT, help="where to (default %(default)s)"
    )


def execute(args: Namespace) -> int:
    from flows.core.errors import UsageError
    from flows.project import START

    if args.project.exists():
        raise UsageError(f"file {args.project}", "it is there already", "name another one, or edit it")
    output.check_writable(args.project.parent)
    output.write(args.project, START)
    return 0
