"""`flows evaluate`: accuracy and confusions on the test images."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.cli import arguments, output, session
from flows.cli.options import add_options, named
from flows.cli.parser import Parser
from flows.core.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from flows.core.plan import Asset
    from flows.jobs import Trained
    from models.formats import Format
    from models.quantised import QuantisedNetwork

ABOUT = "accuracy by class, confusions, and where float and quantised differ"
REPORTS = "zynqflows-evaluation/1"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "networks", metavar="NETWORK", nargs="*",
        help="of `flows list networks`, or files of yours (default: all trained)",
    )  # fmt: skip
    arguments.add_study(parser)
    parser.add_argument(
        "--flow", dest="flows", metavar="FLOW", nargs=1, default=(), help="beside it in the exact arithmetic of a flow"
    )
    parser.add_argument(
        "--format", metavar="FORMAT", help="beside it with weights and biases in a format, as in `flows quantise`"
    )
    parser.add_argument("--activations", action="store_true", help="with --format: activations as wide, too")
    add_options(parser, named(argv))


def execute(args: Namespace) -> int:
    from flows import studies
    from flows.cli.pictures import draw
    from reports.terminal.studies import accuracies, evaluation

    names = tuple(dict.fromkeys(args.networks)) or _shipped()
    if args.weights and len(names) > 1:
        raise UsageError("--weights", f"one file for {len(names)} networks", "evaluate one network at a time")
    if args.flows and args.format:
        raise UsageError("--format", "given beside --flow, which has its own arithmetic", "leave one of them out")
    if args.activations and not args.format:
        raise UsageError("--activations", "there is no format for them", "give --format as well, or leave it out")
    trained = [session.trained_network(args, name) for name in names]
    designs = [_quantised(args, name, each) for name, each in zip(names, trained, strict=True)]
    batch = session.test_images(args, *trained)
    assert batch, "--data is required"
    output.check_places(args)
    executor = session.executor(args)
    reports = [
        studies.report(each, name, design, batch, executor, weights)
        for each, (name, design, weights) in zip(trained, designs, strict=True)
    ]
    parts = [] if args.markdown else [evaluation(report) for report in reports]
    if len(reports) > 1 or args.markdown:
        parts.append(accuracies(reports, args.markdown))
    print("\n\n\n".join(parts))
    output.write_json(args.json, {"schema": REPORTS, "reports": reports})
    for report in reports if args.out else ():
        job = args.out / f"{report.network}.evaluation.json"
        output.write_json(job, report)
        draw("confusion", job, args.out / f"{report.network}.confusion.svg")
    return 0


def _shipped() -> tuple[str, ...]:
    """The networks whose trained weights ship."""
    from flows.jobs import shipped_weights
    from models.zoo import NETWORKS

    return tuple(name for name, network in NETWORKS.items() if shipped_weights(network))


def _quantised(
    args: Namespace, network: str, trained: Trained
) -> tuple[str, QuantisedNetwork | Format | None, Asset | None]:
    """(what to call it, what the float network is compared with, its weights where they are others); None without
    --flow and --format."""
    if args.flows:
        return args.flows[0], *_design(args, network, trained)
    if not args.format:
        return "", None, None
    from models.formats import parse_format

    chosen = parse_format(args.format)
    if chosen.type is None or not args.activations:
        return chosen.name, chosen, None
    from flows.studies import design

    try:
        return f"{chosen.name} with activations", design(trained, chosen), None
    except ValueError as reason:
        where = f"{trained.network.name} in {chosen.name}"
        raise RefusedError(where, str(reason), "leave --activations out") from None


def _design(args: Namespace, network: str, trained: Trained) -> tuple[QuantisedNetwork, Asset | None]:
    """The arithmetic of the flow that was named, on the default part (none depends on it), and its weights where they
    are not those of `trained`: a flow may start from shipped weights of its own."""
    from flows import registry
    from flows.cli.options import options_of
    from flows.core.part import Target, find_part
    from flows.designs import PARTS
    from flows.jobs import find_trained, is_file
    from flows.prepared import arithmetic_weights, prepare

    backend = registry.load(args.flows[0])
    shipped = backend.weights and not args.weights and not is_file(network)
    started = find_trained(network, None, backend.weights) if shipped else trained
    job = started.job(Target(find_part(PARTS[0])), options_of(backend, args))
    prepared = prepare(backend, job)
    weights = arithmetic_weights(prepared)
    return prepared.quantised, None if weights.digest == trained.weights.digest else weights
