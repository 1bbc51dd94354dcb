"""`flows train`: starts the training worker, which goes on from its last whole epoch after a kill; draws its curves."""

from __future__ import annotations

import json
from argparse import Namespace

from flows.cli.commands import check_writable
from flows.cli.pictures import draw
from flows.core.errors import FlowsError, InputError, SetupError, StepFailed, UsageError
from flows.core.files import write_atomic
from flows.executor import package_version, run_attached
from flows.jobs import find_network, shipped_weights
from models import cifar10
from models.network import Network

TOLD = {one.exit_code for one in FlowsError.__subclasses__()}
"""Exit codes with which the worker ends once it has said why."""

QAT = ("weight_bits", "outer_weight_bits", "activation_bits", "per_channel", "float_scales")
"""What only quantisation-aware training takes."""


def train(arguments: Namespace) -> int:
    network = find_network(arguments.network)
    for batch in cifar10.find(arguments.data, (*cifar10.TRAIN, *cifar10.TEST)):
        cifar10.check(batch)  # now rather than after hours, the labels of the test images too
    check_writable(arguments.out)
    if package_version("torch") == "absent":
        raise SetupError(
            "package torch", "not installed, and training needs it", "install the extra: pip install -e '.[train]'"
        )
    if arguments.qat:
        return _train_quantised(network, arguments)
    if alone := [name for name in QAT if getattr(arguments, name) is not None]:
        raise UsageError(f"--{alone[0].replace('_', '-')}", "belongs to quantisation-aware training", "add --qat")
    given = {"epochs": arguments.epochs, "seed": arguments.seed, "peak_rate": arguments.rate}
    job = {
        "network": network.name,
        "data": str(arguments.data.absolute()),
        "out": str(arguments.out.absolute()),
        "recipe": {"name": arguments.recipe} | {name: value for name, value in given.items() if value is not None},
        "threads": arguments.threads,
        "compile": arguments.compile,
    }
    place, curves = arguments.out / "job.json", arguments.out / "curves.json"
    write_atomic(place, json.dumps(job, indent=1))
    code = run_attached("models.training.worker", str(place))
    if curves.exists():
        draw("curves", curves, curves.with_suffix(".svg"))
    if code and code not in TOLD:
        raise StepFailed(
            "training", f"ended with exit code {code}", "the same command goes on from the last whole epoch"
        )
    return code


def _train_quantised(network: Network, arguments: Namespace) -> int:
    """Quantisation-aware training from float weights; it goes on from its last whole epoch as well."""
    weights = arguments.weights or shipped_weights(network)
    if weights is None:
        raise InputError(
            f"network {network.name}", "no float weights of it ship", "train it first, then give --weights"
        )
    given = {"peak_rate": arguments.rate} | {name: getattr(arguments, name) for name in (*QAT, "epochs", "seed")}
    job = {
        "network": network.name,
        "weights": str(weights.absolute()),
        "data": str(arguments.data.absolute()),
        "out": str(arguments.out.absolute()),
        "recipe": {name: value for name, value in given.items() if value is not None},
        "threads": arguments.threads,
        "compile": arguments.compile,
    }
    place = arguments.out / "job.json"
    write_atomic(place, json.dumps(job, indent=1))
    code = run_attached("models.training.qat", str(place))
    if code and code not in TOLD:
        raise StepFailed(
            "training", f"ended with exit code {code}", "the same command goes on from the last whole epoch"
        )
    return code
