"""`flows doctor`: what is installed here."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from flows.cli.parser import Parser

ABOUT = "which tools and packages are here, and what each adds"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    """It takes none."""


def execute(args: Namespace) -> int:
    from flows.cli import listings

    print(listings.doctor())
    return 0
