"""`flows search`: the cheapest precision of each tensor that keeps an accuracy."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, session
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
        "--keep-accuracy", metavar="POINTS", type=points, default=0.005,
        help="points of accuracy that may be lost against the float network, on the images to choose by (default 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--bits", metavar="BITS", type=widths, default=[4, 5, 6, 7, 8],
        help="that each tensor may have: a list or a range (default 4..8)",
    )  # fmt: skip
    parser.add_argument(
        "--cost", choices=("lut", "ff", "bram18", "dsp"),
        help="the resource to save (default: the one that binds the widest design)",
    )  # fmt: skip
    parser.add_argument("--trials", metavar="N", type=arguments.count, default=60, help="designs to try (default 60)")
    parser.add_argument(
        "--images", metavar="N", type=arguments.count, default=2000, help="images to choose by, at most (default 2000)"
    )
    arguments.add_json(parser)
    arguments.add_csv(parser)
    arguments.add_batch(parser)


def points(text: str) -> float:
    value = arguments.number(text)
    if not 0 <= value < 100:
        raise argparse.ArgumentTypeError(f"{text} is no number of points: give 0 or more, below 100")
    return value / 100


def widths(text: str) -> list[int]:
    from flows.values import several

    try:
        return several(arguments.whole_number, text)
    except ValueError as reason:
        raise argparse.ArgumentTypeError(str(reason)) from None


def execute(given: Namespace) -> int:
    from flows import search
    from flows.cli.progress import Counter
    from flows.core.evidence import Metric
    from flows.core.record import Document
    from reports.terminal.search import found

    session.check_places(given)
    request = session.request(given)
    trained = session.trained_network(given, given.network)
    steps = session.executor(given)
    designs = search.opened(request, trained, session.open_store(given), given.bits)
    images = search.choosing(request.source, trained, given.images, steps)
    cost = Metric[given.cost.upper()] if given.cost else None
    result = search.search(designs, given.keep_accuracy, cost, given.trials, images, steps, Counter())
    print(found(result))
    document = Document(result.network, tuple(one.run for one in result.tried))
    session.write_document(given.json, document)
    session.write_table(given.csv, document)
    return 0
