"""`flows quantise`: accuracy with weights, biases and activations in several formats."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from flows.cli import arguments, output, session
from flows.cli.parser import Parser

ABOUT = "accuracy, size and saturation of a trained network in fixed-point formats"
STUDY = "zynqflows-study/1"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("network", metavar="NETWORK", help="one of `flows list networks`, or a file of yours")
    parser.add_argument(
        "--formats", metavar="LIST", default="float32,Q1.31,Q1.15,Q1.7,Q1.3",
        help="Qm.n (m counts the sign bit), intN (its point moved by tensor), 'ap_fixed<W,I,...>'; default %(default)s",
    )  # fmt: skip
    arguments.add_study(parser)


def execute(args: Namespace) -> int:
    from flows import studies
    from flows.cli.pictures import draw
    from models.formats import parse_formats
    from reports.terminal.studies import quantisation

    formats = parse_formats(args.formats)
    trained = session.trained_network(args, args.network)
    batch = session.test_images(args, trained)
    assert batch, "--data is required"
    output.check_places(args)
    executor = session.executor(args)
    study = studies.study(trained, formats, batch, executor)
    print(quantisation(study, args.markdown))
    content = {"schema": STUDY, "study": study}
    output.write_json(args.json, content)
    if args.out:
        job = args.out / f"{study.network}.quantisation.json"
        output.write_json(job, content)
        draw("quantisation", job, job.with_suffix(".svg"))
    return 0
