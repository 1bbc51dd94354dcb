"""`flows check`: whether a model file made elsewhere can go through a flow, and is the network that it should be."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, cast

from flows.cli.commands import check_writable, open_store
from flows.cli.studies import write_json
from flows.core.errors import FlowsError, InputError, RefusedError, UsageError

if TYPE_CHECKING:
    from backends.protocol import FileJudge
    from flows.core.readiness import Readiness

ARCHITECTURE = "architecture"
"""The condition under which a flow says whether the file is the network that was named."""


def check(arguments: Namespace) -> int:
    from flows import readiness, registry
    from flows.cli.progress import Progress
    from flows.core.readiness import SCHEMA
    from flows.executor import Executor
    from flows.jobs import find_network
    from reports.readiness import verdicts

    (flow,) = arguments.flows
    judge = registry.load(flow)
    if not hasattr(judge, "readiness_step"):
        raise UsageError(f"flow {flow}", "judges no files", "`python -m flows check finn MODEL.onnx` does")
    network = find_network(arguments.network) if arguments.network else None
    if arguments.json:
        check_writable(arguments.json.parent)
    executor = Executor(open_store(arguments), 1, Progress(many=False), arguments.verify)
    found = readiness.assess(cast("FileJudge", judge), arguments.model, network, executor)
    print(verdicts(found))
    write_json(arguments.json, {"schema": SCHEMA, "file": found.file, "verdicts": found.verdicts})
    errors = _errors(found)
    for error in errors[:-1]:
        print(f"error: {error}", file=sys.stderr)
    if errors:
        raise errors[-1]
    return 0


def _errors(found: Readiness) -> list[FlowsError]:
    """A graph that the flow cannot build, and one that is another network."""
    errors: list[FlowsError] = []
    broken = [one.condition for one in found.broken if one.condition != ARCHITECTURE]
    if broken:
        count = f"{len(broken)} condition{'s' if len(broken) > 1 else ''}"
        fact = f"not ready: it breaks {count} ({', '.join(broken)})"
        errors.append(RefusedError(found.file, fact, "change what is named above, and export it again"))
    for one in found.broken:
        if one.condition == ARCHITECTURE:
            advice = "give the file of that network, or leave --network out"
            errors.append(InputError(found.file, f"another network: {one.findings[0].fact}", advice))
    return errors
