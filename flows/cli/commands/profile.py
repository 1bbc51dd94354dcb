"""`flows profile`: what every tensor of a design reaches against what its type holds."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli import arguments, output, session
from flows.cli.parser import Parser
from flows.core.errors import UsageError

if TYPE_CHECKING:
    from backends.protocol import Job
    from flows.core.profile import Profile
    from flows.jobs import Trained
    from models.quantised import QuantisedNetwork

ABOUT = "what every tensor of a design reaches, against what its fixed-point type holds"
PROFILE = "zynqflows-profile/1"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    arguments.add_design(parser, argv)
    parser.add_argument(
        "--data", metavar="DATA", type=Path,
        help="CIFAR-10 in a folder, or FILE.npz of yours: for --cost, and the ranges of a network of yours",
    )  # fmt: skip
    parser.add_argument(
        "--cost", action="store_true", help="with --data: the accuracy that each tensor's type costs alone; minutes"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the rows as JSON")
    parser.add_argument("--out", metavar="DIR", type=Path, help="also profile.svg and its data here")


def execute(args: Namespace) -> int:
    from flows import designs
    from flows.cli.pictures import draw
    from flows.prepared import float_network, prepare
    from models.integer_network import IntegerNetwork
    from models.integer_profile import integer_profile
    from models.profile import profile
    from reports.terminal.profile import profile as told

    if not args.cost:
        designs.check_training_images(args.data)
    trained = session.trained_network(args, args.network)
    jobs = list(session.designs(args, trained))
    if len(jobs) > 1:
        raise UsageError("profile", f"{len(jobs)} designs are asked for", "name one flow and one part")
    output.check_places(args)
    backend, *_, job = jobs[0]
    prepared = prepare(backend, job)
    quantised = prepared.quantised
    if isinstance(job.integer, IntegerNetwork) and float_network(prepared):
        if args.cost:
            fact = f"{backend.name} computes on integers alone, and no tensor has a type whose cost could be told"
            raise UsageError("--cost", fact, "leave it out; `python -m flows evaluate` says what the integers cost")
        profiled = integer_profile(backend.name, quantised, job.integer.weights)
    else:
        profiled = profile(backend.name, quantised, job.ranges, job.weights)
    if args.cost:
        profiled = _judged(args, profiled, quantised, job, trained)
    print(told(profiled))
    content = {"schema": PROFILE, "profile": profiled}
    output.write_json(args.json, content)
    if args.out:
        data = args.out / "profile.json"
        output.write_json(data, content)
        draw("profile", data, data.with_suffix(".svg"))
    return 0


def _judged(
    args: Namespace, profiled: Profile, quantised: QuantisedNetwork, job: Job[Any], trained: Trained
) -> Profile:
    """`profiled`, with the accuracy that each type costs alone on the test images."""
    from flows.core.plan import Output, Plan
    from flows.core.profile import Judged
    from flows.prepared import weights_asset
    from flows.results import read_result, tensor_counts
    from models.reference import COST, cost_step

    if not args.data:
        raise UsageError("--cost", "the test images are not known", "give --data DIR as well")
    batch = session.test_images(args, trained)
    assert batch, "--data is given"
    step = cost_step(quantised, weights_asset(job), batch)
    executor = session.executor(args)
    place = executor.execute(Plan((step,))).path(Output(step.name, COST))
    assert place, "python is never absent"
    counts = read_result(place, tensor_counts([row.tensor for row in profiled.rows]))
    rows = tuple(replace(row, right=counts.right[row.tensor]) for row in profiled.rows)
    return replace(profiled, rows=rows, judged=Judged(counts.n, counts.float_right))
