"""`flows train`: starts the training worker, which goes on from its last whole epoch after a kill."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, qat, session
from flows.cli.parser import Parser
from flows.core.errors import SetupError, StepFailed
from flows.core.files import write_atomic

ABOUT = "train a network on CIFAR-10"


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("network", metavar="NETWORK", nargs="?", help="which network (`flows list networks`)")
    parser.add_argument(
        "--data", metavar="DIR", type=Path, required=True,
        help="CIFAR-10, binary version, all six batches; with --qat or --module also FILE.npz of yours",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="for weights, ranges, card, curves and checkpoint"
    )
    parser.add_argument(
        "--recipe", choices=("modern", "seed"), default="modern",
        help="modern (the default): SGD, BatchNorm folded, averaged weights; seed: the published one, with Adam",
    )  # fmt: skip
    qat.add_arguments(parser)
    parser.add_argument(
        "--rate", metavar="R", type=arguments.rate, help="the highest learning rate (default: the recipe's)"
    )
    parser.add_argument(
        "--epochs", metavar="N", type=arguments.count, help="passes over the training images (default: the recipe's)"
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=arguments.seed,
        help="of initialisation, split and augmentation (default: the recipe's)",
    )
    parser.add_argument("--threads", metavar="N", type=arguments.count, default=2, help="processor threads (default 2)")
    parser.add_argument(
        "--compile", action="store_true", help="let torch generate fused C++ (needs g++): a third faster"
    )


def execute(given: Namespace) -> int:
    from flows.cli.pictures import draw
    from flows.executor import run_attached
    from flows.jobs import find_network
    from flows.packages import package_version
    from models import cifar10

    qat.check(given)
    quantised = given.qat or given.module
    network = None if quantised else find_network(given.network)
    if given.data.suffix != ".npz" or not quantised:
        for batch in cifar10.find(given.data, (*cifar10.TRAIN, *cifar10.TEST)):
            cifar10.check(batch)  # now rather than after hours, the labels of the test images too
    session.check_writable(given.out)
    if package_version("torch") == "absent":
        raise SetupError(
            "package torch", "not installed, and training needs it", "install the extra: pip install -e '.[train]'"
        )
    if network is None:
        return qat.train_module(given) if given.module else qat.train(given)
    chosen = {"epochs": given.epochs, "seed": given.seed, "peak_rate": given.rate}
    job = {
        "network": network.name,
        "data": str(given.data.absolute()),
        "out": str(given.out.absolute()),
        "recipe": {"name": given.recipe} | {name: value for name, value in chosen.items() if value is not None},
        "threads": given.threads,
        "compile": given.compile,
    }
    place, curves = given.out / "job.json", given.out / "curves.json"
    write_atomic(place, json.dumps(job, indent=1))
    code = run_attached("models.training.worker", str(place))
    if curves.exists():
        draw("curves", curves, curves.with_suffix(".svg"))
    if code and code not in qat.TOLD:
        raise StepFailed(
            "training", f"ended with exit code {code}", "the same command goes on from the last whole epoch"
        )
    return code
