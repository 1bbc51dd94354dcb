"""Jobs for the manual HLS flow in eight bits, on weights that exist by name only."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from backends.hls.folding_options import FoldingOptions
from backends.protocol import Job
from flows.core.part import Target, find_part
from models.fixed import FixedType, Overflow, Rounding
from models.network import Conv2D, Dense, GlobalAveragePool, Network, Softmax
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.zoo import ARCH8

collect_ignore = ["golden"]
"""Generated code, no tests."""

WEIGHT = FixedType(8, 1)
BYTE = FixedType(8, 4, rounding=Rounding.RND, overflow=Overflow.SAT)
SUM = FixedType(32, 16)


@cache
def _eight_bit(network: Network) -> QuantisedNetwork:
    layers = {}
    for layer in network.layers:
        if not isinstance(layer, Softmax):
            weight = WEIGHT if isinstance(layer, Conv2D | Dense) else None
            wide = SUM if isinstance(layer, Conv2D | Dense | GlobalAveragePool) else None
            layers[layer.name] = Arithmetic(BYTE, weight, weight, wide)
    return QuantisedNetwork(network, "weights", InputContract(BYTE, Fraction(1, 256)), layers)


@pytest.fixture(scope="session")
def eight_bit() -> Callable[[Network], QuantisedNetwork]:
    """A network whose tensors and weights have eight bits, and whose accumulators have 32."""
    return _eight_bit


@pytest.fixture(scope="session")
def job_for() -> Callable[..., Job]:
    """A job for a part with folding options; nothing here reads weights or ranges."""

    def make(part: str = "xc7z020", network: Network = ARCH8, clock_ns: float = 10.0, **options: Any) -> Job:
        absent: Any = None
        return Job(network, absent, absent, Target(find_part(part), clock_ns), FoldingOptions(**options))

    return make
