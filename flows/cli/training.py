"""`flows train`: starts the training worker, which goes on from its last whole epoch after a kill."""

from __future__ import annotations

import json
from argparse import Namespace

from flows.cli.commands import check_writable
from flows.core.errors import SetupError, StepFailed
from flows.executor import package_version, run_attached
from flows.jobs import find_network
from models import cifar10


def train(arguments: Namespace) -> int:
    network = find_network(arguments.network)
    cifar10.find(arguments.data, (*cifar10.TRAIN, *cifar10.TEST))
    check_writable(arguments.out)
    if package_version("torch") == "absent":
        raise SetupError(
            "package torch", "not installed, and training needs it", "install the extra: pip install -e '.[train]'"
        )
    given = {"epochs": arguments.epochs, "seed": arguments.seed}
    job = {
        "network": network.name,
        "data": str(arguments.data.absolute()),
        "out": str(arguments.out.absolute()),
        "recipe": {name: value for name, value in given.items() if value is not None},
        "threads": arguments.threads,
        "compile": arguments.compile,
    }
    place = arguments.out / "job.json"
    place.write_text(json.dumps(job, indent=1))
    code = run_attached("models.training.worker", str(place))
    if code:
        raise StepFailed(
            "training", f"ended with exit code {code}", "the same command goes on from the last whole epoch"
        )
    return 0
