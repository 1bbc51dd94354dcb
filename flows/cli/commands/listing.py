"""`flows list`: what is known here."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from flows.cli.parser import Parser

ABOUT = "the flows, parts, boards and networks that are known"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("what", choices=("flows", "parts", "boards", "networks"), help="what to list")


def execute(given: Namespace) -> int:
    from flows.cli import listings

    print(
        {"flows": listings.flows, "parts": listings.parts, "boards": listings.boards, "networks": listings.networks}[
            given.what
        ]()
    )
    return 0
