"""`flows sweep`: estimates of many designs, and their Pareto front."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli import arguments, output, session
from flows.cli.argument_types import argument_type, count
from flows.cli.parser import Parser

if TYPE_CHECKING:
    from flows.core.evidence import Metric

ABOUT = "estimate many designs, and show their Pareto front"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.epilog = (
        "Every option of a flow, --clock and --part take several values: --precision 8,10,12, or a range with both "
        "ends, --activation-bits 4..8, or FIRST..LAST..STEP, or both, 4..6,8. All combinations are estimated, and kept "
        "in the store."
    )
    arguments.add_design(parser, argv, axes=True)
    parser.add_argument(
        "--metrics", metavar="NAMES", type=argument_type(metrics),
        help="what counts for the Pareto front, with commas (default throughput_fps,accuracy,lut,dsp; without accuracy "
        "where it is not known of all)",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="print every design, not only those on the front or close")
    arguments.add_json(parser)
    arguments.add_csv(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, help="also the page with the front and all points here")
    parser.add_argument(
        "--data", metavar="DATA", type=Path,
        help="CIFAR-10 in a folder, or FILE.npz of yours: evaluates the accuracy of each arithmetic, once",
    )  # fmt: skip
    arguments.add_batch(parser)
    parser.add_argument(
        "--jobs", metavar="N", type=count, help="points at a time (default: as many as there are cores)"
    )
    parser.add_argument(
        "--executor", metavar="WHERE",
        help="dask:tcp://HOST:PORT, or MODULE:FUNCTION of yours that makes an executor (default: processes here)",
    )  # fmt: skip


def metrics(text: str) -> tuple[Metric, ...]:
    from reports.pareto import parse_metrics

    return parse_metrics([name.strip() for name in text.split(",")])


def execute(args: Namespace) -> int:
    from flows import pools, sweeping
    from flows.cli.progress import Counter
    from reports import pareto, sweep_page
    from reports.terminal.sweep import front

    output.check_places(args)
    request, axes = session.sweep(args)
    trained = session.trained_network(args, args.network)
    batch = session.test_images(args, trained)
    points = sweeping.grid(request, axes)
    store = session.open_store(args)
    with pools.opened(args.executor, args.jobs) as (pool, workers):
        steps = session.executor(args)
        outcome = sweeping.sweep(points, trained, batch, store, steps, pool, workers, Counter())
    if outcome.runs:
        ranking = pareto.ranking(outcome.document, args.metrics)
        print(front(ranking, every=args.all))
        output.write_document(args.json, outcome.document)
        output.write_table(args.csv, outcome.document)
        if args.out:
            output.write(args.out / "sweep.html", sweep_page.page(ranking))
    session.raise_last(outcome.errors)
    return 0
