"""What an evaluation on test images found: outcomes with their intervals, paired with the float network's.

`Study` is post-training quantisation, one row a format; `Report` is one network class by class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What of a network is in fixed point; the rest stays in single precision."""

    WEIGHTS = "weights only"  # kernels
    BIASES = "weights and biases"
    ACTIVATIONS = "weights, biases and activations"


@dataclass(frozen=True)
class Share:
    """`right` of `n`, with its 95 % interval (Wilson)."""

    right: int
    n: int
    low: float
    high: float


@dataclass(frozen=True)
class Pairing:
    """Two networks on the same images: how many only the float one has right, only the other one, in how many they give
    different classes, and McNemar's exact two-sided p for "both are equally often right"."""

    float_only: int
    other_only: int
    differ: int
    p: float


@dataclass(frozen=True)
class Outcome:
    """Of a network with `scope` in a format; `out_of_range` counts the parameters that the format cannot hold."""

    accuracy: Share
    paired: Pairing
    bytes: int
    out_of_range: int


@dataclass(frozen=True)
class Row:
    """One format. An outcome that could not be had exactly is a text, its reason."""

    format: str
    type: str
    scaled: bool
    """Whether a power of two by tensor moves the point of `type`."""
    outcomes: Mapping[Scope, Outcome | str]
    published: int | None
    """Per cent, of 100 images (`models.published`); None where nothing was published."""


@dataclass(frozen=True)
class Study:
    network: str
    parameters: int
    architecture: str
    weights: str
    images: str
    floating: Share
    float_bytes: int
    largest: float
    """The magnitude of the largest parameter."""
    published: int | None
    rows: tuple[Row, ...]
    method: tuple[str, ...]
    pixels: str = "x / 255"
    """What the network was given for a byte x."""


@dataclass(frozen=True)
class Disagreement:
    """One image, by its place in the test batch, on which the float network and the quantised one differ."""

    image: int
    label: str
    floating: str
    quantised: str


@dataclass(frozen=True)
class Classified:
    """One network on the test images. `confusion[i][j]` counts images of class i that it calls class j."""

    name: str
    accuracy: Share
    by_class: tuple[Share, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Report:
    """The float network and, where asked for, a quantised one; what they do not agree on."""

    network: str
    parameters: int
    macs: int
    architecture: str
    weights: str
    images: str
    published: float | None
    """Per cent of the test images, by which the published run had also chosen its epoch (`models.published`)."""
    classes: tuple[str, ...]
    floating: Classified
    quantised: Classified | None
    paired: Pairing | None
    disagreements: tuple[Disagreement, ...]
    pixels: str = "x / 255"
    """What the network was given for a byte x."""
