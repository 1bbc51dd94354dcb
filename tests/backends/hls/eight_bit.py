"""Designs of the manual HLS flow in eight bits, on random weights."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import Any, cast

import numpy as np

from backends.dataflow.layers.resolve import Foldings, folding_problem, resolve_folding
from backends.dataflow.pe_simd import legal
from backends.dataflow.space import Budgets, Solved
from backends.hls.design.design import HlsDesign
from backends.hls.options import HlsOptions
from backends.protocol import Job, Refusal, Unbuildable
from flows.core.part import Target, find_part
from models.fixed import FixedType, Overflow, Rounding
from models.layers import Conv2D, Dense, GlobalAveragePool, Softmax
from models.network import Network
from models.pixels import scaled
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.zoo import ARCH8
from tests.backends import jobs

WEIGHT = FixedType(8, 1)
BYTE = FixedType(8, 4, rounding=Rounding.RND, overflow=Overflow.SAT)
SUM = FixedType(32, 16)


class Weights:
    """Of both signs, none the lowest number of its format."""

    def __init__(self, network: Network) -> None:
        self.made = jobs.random_weights(network, 0.2)

    def tensors(self) -> Mapping[str, np.ndarray]:
        return self.made


@cache
def eight_bit(network: Network) -> QuantisedNetwork:
    """A network whose tensors and weights have eight bits, and whose accumulators have 32."""
    layers = {}
    for layer in network.layers:
        if not isinstance(layer, Softmax):
            weight = WEIGHT if isinstance(layer, Conv2D | Dense) else None
            wide = SUM if isinstance(layer, Conv2D | Dense | GlobalAveragePool) else None
            layers[layer.name] = Arithmetic(BYTE, weight, weight, wide)
    return QuantisedNetwork(network, "weights", InputContract(BYTE, scaled(Fraction(1, 256))), layers)


def job_for(part: str = "xc7z020", network: Network = ARCH8, clock_ns: float = 10.0, **options: Any) -> Job[HlsOptions]:
    """A job whose ranges nothing here reads."""
    absent: Any = None
    return Job(network, cast("Any", Weights(network)), absent, Target(find_part(part), clock_ns), HlsOptions(**options))


@cache
def solved(
    part: str = "xc7z020", network: Network = ARCH8, clock_ns: float = 10.0, **options: Any
) -> Solved[HlsDesign]:
    """The design of such a job in eight bits, and what the solver says of its folding."""
    job = job_for(part, network, clock_ns, **options)
    return resolve_folding(Foldings(job, eight_bit(network), HlsDesign), job)


def budgets_around(design: HlsDesign, folded: bool = False) -> Budgets:
    """What the solver is told of all legal folds near `design`, or where it is `folded` of its own alone."""
    folds = {node.name: [design.folds[node.name]] if folded else [*legal(node.foldable)] for node in design.weighted}
    if not folded and any(fold.in_luts for fold in design.folds.values()):
        for node in design.weighted:
            folds[node.name] += design.fabric(node, folds[node.name])
    return folding_problem(design.job, design.quantised, folds, HlsDesign).around(design)


def only_refusal(part: str = "xc7z020", **options: Any) -> Refusal:
    """The one reason why such a job cannot be built."""
    try:
        solved(part, **options)
    except Unbuildable as error:
        (refusal,) = error.refusals
        return refusal
    raise AssertionError("it can be built")
