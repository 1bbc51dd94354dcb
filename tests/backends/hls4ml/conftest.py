"""A tiny residual network and jobs on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from backends.hls4ml.options import Hls4mlOptions
from backends.protocol import Job
from flows.conformance.networks import TINY
from flows.core.digest import digest_of
from flows.core.part import Target, find_part
from models.network import Network
from models.ranges import Ranges
from models.weights import Weights, open_weights, save_weights


@pytest.fixture(scope="session")
def tiny() -> Network:
    return TINY


@pytest.fixture(scope="session")
def zeros(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Network], Weights]:
    """Weights of a network, all of them zero."""
    folder, known = tmp_path_factory.mktemp("zeros"), dict[str, Weights]()

    def make(network: Network) -> Weights:
        import numpy as np

        name = digest_of([network.name, network.digest, [layer.name for layer in network.layers]])
        if name not in known:
            path = folder / f"{name}.safetensors"
            save_weights(path, {each: np.zeros(shape, np.float32) for each, shape in network.weight_shapes()}, network)
            known[name] = open_weights(path, network)
        return known[name]

    return make


@pytest.fixture(scope="session")
def job_of(zeros: Callable[[Network], Weights]) -> Callable[..., Job[Hls4mlOptions]]:
    """A job on weights of zero, every tensor reaching -1 .. 1 unless `reach` says otherwise."""

    def make(
        network: Network,
        reach: Mapping[str, tuple[float, float]] | None = None,
        part: str = "xc7z020",
        clock_ns: float = 10.0,
        **options: Any,
    ) -> Job[Hls4mlOptions]:
        weights = zeros(network)
        whole = dict.fromkeys(network.shapes, (-1.0, 1.0)) | dict(reach or {})
        ranges = Ranges(network.digest, weights.digest, "images", 100, whole)
        return Job(network, weights, ranges, Target(find_part(part), clock_ns), Hls4mlOptions(**options))

    return make
