"""From what the user names to what a backend is given: networks, weights with their ranges and card, targets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backends.protocol import Job, Refusal
from flows.core.digest import digest_of
from flows.core.errors import InputError, UsageError
from flows.core.margins import MARGINS
from flows.core.part import Target, processor_clock
from models.card import Card, read_card
from models.folding import folded
from models.integer_network import FACTS, IntegerNetwork, beside, open_beside
from models.network import Network
from models.pixels import UNIT
from models.ranges import Ranges, load_ranges
from models.weights import Weights, open_weights
from models.zoo import NETWORKS

PRETRAINED = Path(__file__).resolve().parent.parent / "models" / "pretrained"


@dataclass(frozen=True)
class Trained:
    """A network as hardware computes it (folded), its weights, what its tensors reach, its card (None without one).

    `integer` is what a QONNX file says besides, one of the user's or one that stands beside the weights: the network of
    integers, or why it cannot be one. `known` is a cache that flows share between jobs on this network.
    """

    network: Network
    weights: Weights
    ranges: Ranges
    card: Card | None
    integer: IntegerNetwork | Refusal | None = None
    known: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def job(self, target: Target, options: Any) -> Job[Any]:
        return Job(self.network, self.weights, self.ranges, target, options, self.integer, self.known)


VARIANT = re.compile(r"w\d+(-\d+)?a\d+")
"""What shipped weights of few bits are called: w4a4, or w8-4a4."""


def is_file(name: str) -> bool:
    """Whether a user means a file (model.keras) rather than one of the project's networks."""
    return bool(Path(name).suffix) or "/" in name


def find_network(name: str) -> Network:
    """Raises `UsageError` with the nearest names where there is none."""
    if name not in NETWORKS:
        raise UsageError.unknown("network", name, NETWORKS, "python -m flows list networks")
    return NETWORKS[name]


def shipped_weights(network: Network, variant: str = "") -> Path | None:
    """The weights that ship with a network; None where none do."""
    path = PRETRAINED / f"{'-'.join(filter(None, (network.name, variant)))}.safetensors"
    return path if path.exists() else None


def find_trained(name: str, weights: Path | None, variant: str = "") -> Trained:
    """The network called `name` on the weights in this file (the shipped ones where None), its ranges beside it.

    In place of a file, `weights` may name shipped ones other than the float weights: "w4a4". `variant` are those that a
    flow starts from. Raises `InputError` where none ship and none are given.
    """
    network = folded(find_network(name))
    if weights and not weights.exists() and VARIANT.fullmatch(str(weights)):
        weights, variant = None, str(weights)
    path = weights or shipped_weights(network, variant)
    if path is None and variant:
        command = f"python -m flows train {name} --qat --data DIR --out OUT"
        advice = f"train them with `{command}`, then give --weights OUT/{name}-{variant}.safetensors"
        raise InputError(f"network {name}", f"no {variant} weights of it ship", advice)
    if path is None:
        command = f"python -m flows train {name} --data DIR --out OUT"
        advice = f"train it with `{command}`, then give --weights OUT/{name}.safetensors"
        raise InputError(f"network {name}", "not trained here: no weights and no ranges ship with it", advice)
    opened = open_weights(path, network)
    ranges = load_ranges(path.with_suffix(".ranges.json"), network, opened.digest)
    graph = path.with_suffix(".onnx")
    integer = open_beside(graph) if beside(graph, FACTS).exists() else None
    return Trained(network, opened, ranges, read_card(path.with_suffix(".card.json"), opened.digest), integer)


def run_name(flow: str, job: Job[Any]) -> str:
    """The short name of a run: the same job has the same name everywhere."""
    part, margins = job.target.part, job.target.margins
    inputs = [flow, part.full_name, job.target.clock_ns, job.network.digest, job.weights.digest, job.options]
    pixels = job.network.pixels
    inputs += [pixels.gain, pixels.offset] if pixels != UNIT else []
    inputs += [margins.mapping()] if margins != MARGINS else []
    inputs += [processor_clock(part).mhz] if hasattr(job.options, "cpu_mhz") else []  # boards of one part differ in it
    if isinstance(job.integer, IntegerNetwork):
        inputs.append(job.integer.quantised.digest)
    return f"{flow}-{part.device.name}-{digest_of(inputs)[:6]}"
