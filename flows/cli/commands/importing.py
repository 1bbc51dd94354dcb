"""`flows import`: what was built and measured elsewhere, into the ledger."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, session, stored_runs
from flows.cli.parser import Parser

ABOUT = "take reports, bitstreams and board measurements into the ledger, beside what was predicted"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "files", metavar="FILE", type=Path, nargs="+",
        help="a report of AMD's tools, a bitstream (.bit, .xsa, .hdf), a .hwh, a board.toml, or a folder with some "
        "(FINN's output folder, too)",
    )  # fmt: skip
    parser.add_argument("--as", dest="name", metavar="NAME", default="", help="what the design is called in the ledger")
    parser.add_argument("--run", metavar="RUN", default="", help="the run that predicted it, by name or its beginning")
    parser.add_argument(
        "--prjxray", metavar="DIR", type=Path,
        help="Project X-Ray's database, for bitstreams (default: $XRAY_DATABASE_DIR, or beside its tools)",
    )  # fmt: skip
    arguments.add_store(parser)


def execute(args: Namespace) -> int:
    from datetime import UTC, datetime

    from flows.ledger.importing import import_evidence
    from reports import ledger

    store = session.open_store(args)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    imported = import_evidence(args.files, args.name, args.run, store, today, args.prjxray)
    print(f"{imported.page.name}: {len(imported.new)} new, {len(imported.page.entries)} in all")
    print(ledger.files(imported.page))
    print()
    print(ledger.terminal(stored_runs.accounts(store, [imported.page])))
    for note in imported.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0
