"""`flows train`: starts the training worker, which goes on from its last whole epoch after a kill."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flows.core.errors import FlowsError, InputError, SetupError, StepFailed, UsageError
from flows.core.files import write_atomic

if TYPE_CHECKING:
    from models.network import Network

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from flows.cli import arguments, session
from flows.cli.parser import Parser

ABOUT = "train a network on CIFAR-10"
TOLD = {one.exit_code for one in FlowsError.__subclasses__()}
"""Exit codes with which the worker ends once it has said why."""

QAT = ("weight_bits", "outer_weight_bits", "activation_bits", "per_channel", "float_scales")
"""What only quantisation-aware training takes."""


QAT_BITS = {
    "--weight-bits": "every weight (2 to 8; default 4)",
    "--outer-weight-bits": "the weights of the first layers and the last (default: as all)",
    "--activation-bits": "what stands behind a ReLU (default 4)",
}


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("network", metavar="NETWORK", help="which network (`flows list networks`)")
    parser.add_argument(
        "--data", metavar="DIR", type=Path, required=True, help="CIFAR-10, binary version, all six batches"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="for weights, ranges, card, curves and checkpoint"
    )
    parser.add_argument(
        "--recipe", choices=("modern", "seed"), default="modern",
        help="modern (the default): SGD, BatchNorm folded, averaged weights; seed: the published one, with Adam",
    )  # fmt: skip
    parser.add_argument(
        "--qat", action="store_true",
        help="quantisation-aware, from the float weights: what the FINN flow starts from",
    )  # fmt: skip
    for option, what in QAT_BITS.items():
        parser.add_argument(option, metavar="BITS", type=arguments.bits, help=f"with --qat: bits of {what}")
    parser.add_argument(
        "--per-channel", action="store_true", default=None,
        help="with --qat: a scale for each output channel of a kernel, which costs nothing in FINN",
    )  # fmt: skip
    parser.add_argument(
        "--float-scales", action="store_true", default=None,
        help="with --qat: scales of kernels in the precision of bfloat16, not powers of two",
    )  # fmt: skip
    parser.add_argument("--weights", metavar="FILE", type=Path, help="with --qat: the float weights (default: shipped)")
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

    network = find_network(given.network)
    for batch in cifar10.find(given.data, (*cifar10.TRAIN, *cifar10.TEST)):
        cifar10.check(batch)  # now rather than after hours, the labels of the test images too
    session.check_writable(given.out)
    if package_version("torch") == "absent":
        raise SetupError(
            "package torch", "not installed, and training needs it", "install the extra: pip install -e '.[train]'"
        )
    if given.qat:
        return _train_quantised(network, given)
    if alone := [name for name in QAT if getattr(given, name) is not None]:
        raise UsageError(f"--{alone[0].replace('_', '-')}", "belongs to quantisation-aware training", "add --qat")
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
    if code and code not in TOLD:
        raise StepFailed(
            "training", f"ended with exit code {code}", "the same command goes on from the last whole epoch"
        )
    return code


def _train_quantised(network: Network, given: Namespace) -> int:
    """Quantisation-aware training from float weights; it goes on from its last whole epoch as well."""
    from flows.executor import run_attached
    from flows.jobs import shipped_weights

    weights = given.weights or shipped_weights(network)
    if weights is None:
        raise InputError(
            f"network {network.name}", "no float weights of it ship", "train it first, then give --weights"
        )
    chosen = {"peak_rate": arguments.rate} | {name: getattr(given, name) for name in (*QAT, "epochs", "seed")}
    job = {
        "network": network.name,
        "weights": str(weights.absolute()),
        "data": str(given.data.absolute()),
        "out": str(given.out.absolute()),
        "recipe": {name: value for name, value in chosen.items() if value is not None},
        "threads": given.threads,
        "compile": given.compile,
    }
    place = given.out / "job.json"
    write_atomic(place, json.dumps(job, indent=1))
    code = run_attached("models.training.qat", str(place))
    if code and code not in TOLD:
        raise StepFailed(
            "training", f"ended with exit code {code}", "the same command goes on from the last whole epoch"
        )
    return code
