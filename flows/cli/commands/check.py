"""`flows check`: whether a model file made elsewhere can go through a flow, and is the network that it should be."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli import arguments, output, session
from flows.cli.parser import Parser
from flows.core.errors import FlowsError, InputError, RefusedError, UsageError

if TYPE_CHECKING:
    from flows.core.readiness import Readiness

ABOUT = "whether a flow can build a model file from elsewhere, node by node"
ARCHITECTURE = "architecture"
"""The condition under which a flow says whether the file is the network that was named."""


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("flows", metavar="FLOW", nargs=1, help="the flow whose conditions are checked: finn")
    parser.add_argument("model", metavar="MODEL", nargs="?", help="an .onnx file: QONNX, as Brevitas exports it")
    words = "also whether the graph is this one of `flows list networks`; without MODEL, the file itself"
    parser.add_argument("--network", metavar="NAME|FILE", help=words)
    arguments.add_store(parser)
    arguments.add_verify(parser)
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the verdicts as JSON")


def execute(args: Namespace) -> int:
    from flows import readiness
    from flows.core.readiness import SCHEMA
    from reports.terminal.readiness import verdicts

    judge = readiness.judge_of(args.flows[0])
    model, network = _asked(args)
    output.check_places(args)
    checked = readiness.assess(judge, model, network, session.executor(args))
    print(verdicts(checked))
    output.write_json(args.json, {"schema": SCHEMA, "file": checked.file, "verdicts": checked.verdicts})
    session.raise_last(_errors(checked))
    return 0


def _asked(args: Namespace) -> tuple[Path, str | None]:
    """The file, and the network that it should be, if any. Other commands know no MODEL and take ``--network FILE``."""
    if args.model is not None:
        return Path(args.model), args.network
    if args.network is None:
        raise UsageError("check", "no file is given", "`python -m flows check finn MODEL.onnx` checks one")
    return Path(args.network), None


def _errors(checked: Readiness) -> list[FlowsError]:
    """A graph that the flow cannot build, and one that is another network."""
    errors: list[FlowsError] = []
    broken = [verdict.condition for verdict in checked.broken if verdict.condition != ARCHITECTURE]
    if broken:
        count = f"{len(broken)} condition{'s' if len(broken) > 1 else ''}"
        fact = f"not ready: it breaks {count} ({', '.join(broken)})"
        errors.append(RefusedError(checked.file, fact, "change what is named above, and export it again"))
    for verdict in checked.broken:
        if verdict.condition == ARCHITECTURE:
            advice = "give the file of that network, or leave --network out"
            errors.append(InputError(checked.file, f"another network: {verdict.findings[0].fact}", advice))
    return errors
