"""From what the user names to what a backend is given: networks, weights with their ranges and card, targets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.protocol import Job
from flows.core.digest import digest_of
from flows.core.errors import UsageError
from flows.core.part import Target
from models.card import Card, read_card
from models.network import Network
from models.ranges import Ranges, load_ranges
from models.weights import Weights, open_weights
from models.zoo import NETWORKS

PRETRAINED = Path(__file__).resolve().parent.parent / "models" / "pretrained"


@dataclass(frozen=True)
class Trained:
    """A network with its weights, what its tensors reach, and what its card records (None where it has none)."""

    network: Network
    weights: Weights
    ranges: Ranges
    card: Card | None

    def job(self, target: Target, options: Any) -> Job:
        return Job(self.network, self.weights, self.ranges, target, options)


def find_network(name: str) -> Network:
    """Raises `UsageError` with the nearest names where there is none."""
    if name not in NETWORKS:
        raise UsageError.unknown("network", name, NETWORKS, "python -m flows list networks")
    return NETWORKS[name]


def find_trained(name: str, weights: Path | None) -> Trained:
    """The network called `name` on the weights in this file (the shipped ones where None), its ranges beside it."""
    network = find_network(name)
    path = weights or PRETRAINED / f"{network.name}.safetensors"
    opened = open_weights(path, network)
    ranges = load_ranges(path.with_suffix(".ranges.json"), network, opened.digest)
    return Trained(network, opened, ranges, read_card(path.with_suffix(".card.json"), opened.digest))


def run_name(flow: str, job: Job) -> str:
    """The short name of a run: the same job has the same name everywhere."""
    part = job.target.part
    inputs = [flow, part.full_name, job.target.clock_ns, job.network.digest, job.weights.digest, job.options]
    return f"{flow}-{part.device.name}-{digest_of(inputs)[:6]}"
