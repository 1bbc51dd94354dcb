"""What a search for a mixed precision found, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.core.evidence import Metric
from flows.core.record import NetworkFacts, Run


@dataclass(frozen=True)
class Tried:
    """A design with so many bits for each tensor. `lost` is the share of the images to choose by that it gets wrong
    beyond those that the float network does; `cost` is what it takes of the resource that is to be saved."""

    bits: Mapping[str, int]
    run: Run
    cost: float
    lost: float


@dataclass(frozen=True)
class Search:
    """Designs that were `tried`, all at one rate, in order; `best` is the cheapest that loses at most `keep`, of those
    that can be built where there is any, and `final` the same design with its accuracy on `test` images, by which
    nothing was chosen."""

    network: NetworkFacts
    keep: float
    cost: Metric
    rate: str
    """Images per second that every design has at least."""
    images: str
    """What the images to choose by are, and how many."""
    tried: tuple[Tried, ...]
    refused: int
    """Precisions that the flow does not build."""
    best: Tried | None = None
    final: Run | None = None
    test: str = ""
    float_accuracy: float = 0.0
    """Of the float network, on the test images."""
