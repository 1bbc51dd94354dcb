"""`flows quantise` and `flows evaluate`: studies on the test images."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.commands import DEFAULT_PARTS, check_writable, open_store, trained_network
from flows.core.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from flows.executor import Executor
    from flows.jobs import Trained
    from models.formats import Format
    from models.quantised import QuantisedNetwork

STUDY, REPORTS = "zynqflows-study/1", "zynqflows-evaluation/1"


def quantise(arguments: Namespace) -> int:
    from flows import runner, studies
    from flows.cli.pictures import draw
    from models.formats import parse_formats
    from reports.studies import quantisation

    formats = parse_formats(arguments.formats)
    trained = trained_network(arguments, arguments.network)
    batch = runner.test_batch(arguments.data)
    _check_places(arguments)
    executor = _executor(arguments)
    study = studies.study(trained, formats, batch, executor)
    print(quantisation(study, arguments.markdown))
    content = {"schema": STUDY, "study": study}
    write_json(arguments.json, content)
    if arguments.out:
        job = arguments.out / f"{study.network}.quantisation.json"
        write_json(job, content)
        draw("quantisation", job, job.with_suffix(".svg"))
    return 0


def evaluate(arguments: Namespace) -> int:
    from flows import runner, studies
    from flows.cli.pictures import draw
    from reports.studies import accuracies, evaluation

    names = tuple(dict.fromkeys(arguments.networks)) or _shipped()
    if arguments.weights and len(names) > 1:
        raise UsageError("--weights", f"one file for {len(names)} networks", "evaluate one network at a time")
    if arguments.flows and arguments.format:
        raise UsageError("--format", "given beside --flow, which has its own arithmetic", "leave one of them out")
    trained = [trained_network(arguments, name) for name in names]
    designs = [_quantised(arguments, one) for one in trained]
    batch = runner.test_batch(arguments.data)
    _check_places(arguments)
    executor = _executor(arguments)
    reports = [
        studies.report(one, name, design, batch, executor) for one, (name, design) in zip(trained, designs, strict=True)
    ]
    parts = [] if arguments.markdown else [evaluation(one) for one in reports]
    if len(reports) > 1 or arguments.markdown:
        parts.append(accuracies(reports, arguments.markdown))
    print("\n\n\n".join(parts))
    write_json(arguments.json, {"schema": REPORTS, "reports": reports})
    for one in reports if arguments.out else ():
        job = arguments.out / f"{one.network}.evaluation.json"
        write_json(job, one)
        draw("confusion", job, arguments.out / f"{one.network}.confusion.svg")
    return 0


def _shipped() -> tuple[str, ...]:
    """The networks whose trained weights ship."""
    from flows.jobs import shipped_weights
    from models.zoo import NETWORKS

    return tuple(name for name, network in NETWORKS.items() if shipped_weights(network))


def _quantised(arguments: Namespace, trained: Trained) -> tuple[str, QuantisedNetwork | Format | None]:
    """(what to call it, what the float network is compared with); None without --flow and --format."""
    if arguments.flows:
        return arguments.flows[0], _design(arguments, trained)
    if not arguments.format:
        return "", None
    from models.formats import parse_format

    chosen = parse_format(arguments.format)
    if chosen.type is None or not arguments.activations:
        return chosen.name, chosen
    from flows.studies import design

    try:
        return f"{chosen.name} with activations", design(trained, chosen)
    except ValueError as reason:
        where = f"{trained.network.name} in {chosen.name}"
        raise RefusedError(where, str(reason), "leave --activations out") from None


def _design(arguments: Namespace, trained: Trained) -> QuantisedNetwork:
    """The arithmetic of the flow that was named, on the default part: none depends on it."""
    from flows import registry, runner
    from flows.cli.options import options_of
    from flows.core.part import Target, find_part

    backend = registry.load(arguments.flows[0])
    job = trained.job(Target(find_part(DEFAULT_PARTS[0]), 10.0), options_of(backend, arguments))
    return runner.design(backend, job).quantised


def _executor(arguments: Namespace) -> Executor:
    """One process at a time: each evaluation has two threads."""
    from flows.cli.progress import Progress
    from flows.executor import Executor

    return Executor(open_store(arguments), 1, Progress(many=False), arguments.verify)


def _check_places(arguments: Namespace) -> None:
    for place in filter(None, (arguments.out, arguments.json and arguments.json.parent)):
        check_writable(place)


def write_json(path: Path | None, content: Any) -> None:
    """Writes a value where a path is given."""
    from flows.core.digest import plain
    from flows.core.files import write_atomic

    if path is not None:
        write_atomic(path, json.dumps(plain(content), indent=1, allow_nan=False) + "\n")
