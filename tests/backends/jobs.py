"""Jobs on weights made for the tests, and what a backend answers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from backends.protocol import Backend, Job, Refusal, Unbuildable
from flows.core.part import Target, find_part
from models.network import Network
from models.ranges import Ranges
from models.vectors import COUNT, vectors
from models.weights import open_weights, save_weights

Options = TypeVar("Options")
Tensors = dict[str, np.ndarray]


def random_weights(network: Network, size: float, seed: int = 8) -> Tensors:
    """Of both signs and about this size."""
    random = np.random.default_rng(seed)
    return {name: random.normal(0, size, shape).astype(np.float32) for name, shape in network.weight_shapes()}


def measured(network: Network, tensors: Tensors) -> dict[str, tuple[float, float]]:
    """What the tensors of the float network reach on the check images."""
    from models.training.torch_network import TorchNetwork, reach

    return reach(TorchNetwork(network).load(tensors), vectors(network.input_shape, COUNT))


def job_with(
    network: Network,
    tensors: Tensors,
    reach: Mapping[str, tuple[float, float]],
    folder: Path,
    options: Options,
    part: str = "xc7z020",
) -> Job[Options]:
    """Writes the weights into `folder`."""
    path = folder / f"{network.name}.safetensors"
    save_weights(path, tensors, network)
    weights = open_weights(path, network)
    ranges = Ranges(network.digest, weights.digest, "images", COUNT, reach)
    return Job(network, weights, ranges, Target(find_part(part)), options)


def refusals(backend: Backend[Options, Any], job: Job[Options]) -> Sequence[Refusal]:
    """Why `job` cannot be built; those that only the search shows where there are no others."""
    if early := backend.check(job):
        return early
    try:
        backend.resolve(job)
    except Unbuildable as error:
        return error.refusals
    return ()
