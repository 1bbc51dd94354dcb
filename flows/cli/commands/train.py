"""`flows train`: starts a training worker, which goes on from its last whole epoch after a kill."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.cli import arguments, qat, session
from flows.cli.parser import Parser
from flows.core.errors import SetupError, UsageError

ABOUT = "train a network on CIFAR-10"
TORCH, TENSORFLOW = "torch", "tensorflow"
WORKERS = {TORCH: "models.training.worker", TENSORFLOW: "models.training.keras_worker"}


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "network", metavar="NETWORK", nargs="?",
        help="which network (`flows list networks`), or a file of yours (.keras, .h5, .onnx), whose layers are taken",
    )  # fmt: skip
    parser.add_argument(
        "--data", metavar="DIR", type=Path, required=True,
        help="CIFAR-10, binary version, all six batches; with --qat or --module also FILE.npz of yours",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="for weights, ranges, card, curves and checkpoint"
    )
    parser.add_argument(
        "--framework", choices=(TORCH, TENSORFLOW), default=TORCH,
        help="what trains: torch (the default), or Keras on TensorFlow, by the published recipe",
    )  # fmt: skip
    parser.add_argument(
        "--recipe", choices=("modern", "seed"),
        help="modern (torch's default): SGD, BatchNorm folded, averaged weights; seed: the published one, with Adam",
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
    arguments.add_pixels(parser)
    arguments.add_store(parser)
    arguments.add_verify(parser)
    parser.add_argument("--threads", metavar="N", type=arguments.count, default=2, help="processor threads (default 2)")
    parser.add_argument(
        "--compile", action="store_true", help="let torch generate fused C++ (needs g++): a third faster"
    )


def execute(given: Namespace) -> int:
    from flows.cli.pictures import draw
    from flows.jobs import find_network, is_file
    from models import cifar10

    qat.check(given)
    _check_options(given)
    quantised = given.qat or given.module
    own = not quantised and is_file(given.network)
    if not (quantised or own):
        find_network(given.network)
    if given.data.suffix != ".npz" or not quantised:
        for batch in cifar10.find(given.data, (*cifar10.TRAIN, *cifar10.TEST)):
            cifar10.check(batch)  # now rather than after hours, the labels of the test images too
    session.check_writable(given.out)
    _check_packages(given, own)
    if quantised:
        return qat.train_module(given) if given.module else qat.train(given)
    chosen = {"epochs": given.epochs, "seed": given.seed, "peak_rate": given.rate}
    recipe = given.recipe or ("modern" if given.framework == TORCH else "seed")
    job: dict[str, Any] = {
        "network": _definition(given) if own else given.network,
        "source": Path(given.network).name,
        "data": str(given.data.absolute()),
        "out": str(given.out.absolute()),
        "recipe": {"name": recipe} | {name: value for name, value in chosen.items() if value is not None},
        "threads": given.threads,
    }
    job |= {"compile": given.compile, "archive": own} if given.framework == TORCH else {"backend": TENSORFLOW}
    code = qat.attached(WORKERS[given.framework], job, given.out)
    curves = given.out / "curves.json"
    if curves.exists():
        draw("curves", curves, curves.with_suffix(".svg"))
    return code


def _check_options(given: Namespace) -> None:
    """Raises `UsageError` where two of them contradict each other."""
    if given.framework == TENSORFLOW:
        if given.recipe == "modern":
            raise UsageError("--recipe modern", "is torch's; Keras trains by the published one", "take --recipe seed")
        for option in ("compile", "qat", "module"):
            if getattr(given, option):
                raise UsageError(f"--{option}", "belongs to torch", "leave it or --framework out")


def _check_packages(given: Namespace, own: bool) -> None:
    from flows.packages import package_version

    def present(*names: str) -> bool:
        return any(package_version(name) != "absent" for name in names)

    needed: dict[tuple[str, ...], str] = {("torch",): "train"}
    if given.framework == TENSORFLOW:
        needed = {("tensorflow", "tensorflow-cpu"): "tensorflow", ("keras",): "tensorflow"}
    elif own and not given.qat:
        needed["keras",] = "hls4ml"
    for names, extra in needed.items():
        if not present(*names):
            advice = f"install the extra: pip install -c constraints.txt -e '.[{extra}]'"
            raise SetupError(f"package {names[-1]}", "not installed, and training needs it", advice)


def _definition(given: Namespace) -> dict[str, Any]:
    """The layers in the user's file, as JSON."""
    from flows import imports
    from models.serial import network_to_json

    network = imports.read_definition(Path(given.network), session.executor(given), given.pixels)
    print(f"{given.network}: its layers are taken, and their first weights drawn anew", file=sys.stderr)
    return network_to_json(network)
