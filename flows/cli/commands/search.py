"""`flows search`: the cheapest precision of each tensor that keeps an accuracy."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, output, session
from flows.cli.argument_types import count, number
from flows.cli.parser import Parser

ABOUT = "the cheapest bits of each layer that keep an accuracy"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.epilog = (
        "Weights and activations of each layer get bits of their own. Every design has the same rate: --target-fps, or "
        "that of the widest. Nothing is chosen by test images; the design that is chosen is evaluated on them."
    )
    arguments.add_design(parser, argv)
    parser.add_argument(
        "--data", metavar="DATA", type=Path, required=True,
        help="CIFAR-10 in a folder: the training images that were held out choose; or FILE.npz of yours: every second "
        "image does",
    )  # fmt: skip
    parser.add_argument(
        "--keep-accuracy", metavar="POINTS", type=number, default=0.5,
        help="points of accuracy that may be lost against the float network, on the images to choose by (default 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--bits", metavar="BITS", default="4..8",
        help="that each tensor may have: a list or a range (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--cost", choices=("lut", "ff", "bram18", "dsp"),
        help="the resource to save (default: the one that binds the widest design)",
    )  # fmt: skip
    parser.add_argument("--trials", metavar="N", type=count, default=60, help="designs to try (default 60)")
    parser.add_argument(
        "--images", metavar="N", type=count, default=2000, help="images to choose by, at most (default 2000)"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write everything as JSON, zynqflows-search/1")
    arguments.add_csv(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, help="also the page with the front and all designs here")
    arguments.add_batch(parser)


def execute(args: Namespace) -> int:
    from flows.cli.progress import Counter
    from flows.core.files import write_atomic
    from flows.searching.goal import goal
    from flows.searching.search import search
    from reports import mixed, sweep_page
    from reports.terminal.search import outcome

    output.check_places(args)
    wanted = goal(args.keep_accuracy, args.bits, args.cost, args.trials, args.images)
    request = session.request(args)
    trained = session.trained_network(args, args.network)
    steps = session.executor(args)
    result = search(request, wanted, trained, session.open_store(args), steps, Counter())
    print(outcome(result))
    if args.json:
        write_atomic(args.json, mixed.report(result))
    output.write_table(args.csv, mixed.document(result))
    if args.out:
        output.write(args.out / "search.html", sweep_page.page(mixed.ranking(result)))
    return 0
