"""`flows train`: starts a training worker, which goes on from its last whole epoch after a kill."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.cli import arguments, output, qat, session
from flows.cli.argument_types import count, rate, seed
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
    parser.add_argument("--rate", metavar="R", type=rate, help="the highest learning rate (default: the recipe's)")
    parser.add_argument(
        "--epochs", metavar="N", type=count, help="passes over the training images (default: the recipe's)"
    )
    parser.add_argument(
        "--seed", metavar="N", type=seed, help="of initialisation, split and augmentation (default: the recipe's)"
    )
    arguments.add_pixels(parser)
    arguments.add_store(parser)
    arguments.add_verify(parser)
    parser.add_argument("--threads", metavar="N", type=count, default=2, help="processor threads (default 2)")
    parser.add_argument(
        "--compile", action="store_true", help="let torch generate fused C++ (needs g++): a third faster"
    )


def execute(args: Namespace) -> int:
    from flows.cli.pictures import draw
    from flows.jobs import find_network, is_file
    from models import cifar10

    qat.check(args)
    _check_options(args)
    quantised = args.qat or args.module
    own = not quantised and is_file(args.network)
    if not (quantised or own):
        find_network(args.network)
    if args.data.suffix == ".npz" and not quantised:
        advice = "give its folder; or train in Keras, and fine-tune on your images with --qat"
        raise UsageError(f"--data {args.data}", "training in floats knows CIFAR-10 alone", advice)
    if args.data.suffix != ".npz":
        for batch in cifar10.find(args.data, (*cifar10.TRAIN, *cifar10.TEST)):
            cifar10.check(batch)  # now rather than after hours, the labels of the test images too
    output.check_writable(args.out)
    _check_packages(args, own)
    if quantised:
        return qat.train_module(args) if args.module else qat.train(args)
    chosen = {"epochs": args.epochs, "seed": args.seed, "peak_rate": args.rate}
    recipe = args.recipe or ("modern" if args.framework == TORCH else "seed")
    job: dict[str, Any] = {
        "network": _definition(args) if own else args.network,
        "source": Path(args.network).name,
        "data": str(args.data.absolute()),
        "out": str(args.out.absolute()),
        "recipe": {"name": recipe} | {name: value for name, value in chosen.items() if value is not None},
        "threads": args.threads,
    }
    job |= {"compile": args.compile, "archive": own} if args.framework == TORCH else {"backend": TENSORFLOW}
    code = qat.attached(WORKERS[args.framework], job, args.out)
    curves = args.out / "curves.json"
    if curves.exists():
        draw("curves", curves, curves.with_suffix(".svg"))
    return code


def _check_options(args: Namespace) -> None:
    """Raises `UsageError` where two of them contradict each other."""
    if args.recipe and (args.qat or args.module):
        raise UsageError(f"--recipe {args.recipe}", "training with quantisers has a recipe of its own", "leave it out")
    if args.framework == TENSORFLOW:
        if args.recipe == "modern":
            raise UsageError("--recipe modern", "is torch's; Keras trains by the published one", "take --recipe seed")
        for option in ("compile", "qat", "module"):
            if getattr(args, option):
                raise UsageError(f"--{option}", "belongs to torch", "leave it or --framework out")


def _check_packages(args: Namespace, own: bool) -> None:
    from flows.packages import package_version

    def present(*names: str) -> bool:
        return any(package_version(name) != "absent" for name in names)

    needed: dict[tuple[str, ...], str] = {("torch",): "train"}
    if args.framework == TENSORFLOW:
        needed = {("tensorflow", "tensorflow-cpu"): "tensorflow", ("keras",): "tensorflow"}
    elif own and not args.qat:
        needed["keras",] = "hls4ml"
    for names, extra in needed.items():
        if not present(*names):
            advice = f"install the extra: pip install -c constraints.txt -e '.[{extra}]'"
            raise SetupError(f"package {names[-1]}", "not installed, and training needs it", advice)


def _definition(args: Namespace) -> dict[str, Any]:
    """The layers in the user's file, as JSON."""
    from flows import imports
    from models.serial import network_to_json

    network = imports.read_definition(Path(args.network), session.executor(args), args.pixels)
    print(f"{args.network}: its layers are taken, and their first weights drawn anew", file=sys.stderr)
    return network_to_json(network)
