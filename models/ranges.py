"""Ranges: what each tensor of a trained network reaches, measured on training images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.core.errors import InputError
from flows.core.files import read_text
from flows.core.shape import Wrong, fields, listing, mapping, number, parse, text, whole
from models.network import Network

ADVICE = "`flows train` writes NAME.ranges.json beside NAME.safetensors: keep the two together"
SINGLE = (2 - 2**-23) * 2.0**127
"""The largest number of single precision, in which ranges are measured."""


@dataclass(frozen=True)
class Ranges:
    """`(low, high)` by tensor name (a layer's output, or the input), for one network and one set of weights.

    `images` is the digest of the image set and `n` its size, so that a calibration can be told from another. With none,
    they are what the quantisers of a file represent.
    """

    architecture: str
    weights: str
    images: str
    n: int
    reach: Mapping[str, tuple[float, float]]

    @property
    def measured(self) -> str:
        """On what, in words; of a quantised file nothing was measured."""
        return f"{self.n:,} training images" if self.n else "what the quantisers of the file represent"

    def save(self, path: Path) -> None:
        content = {
            "architecture": self.architecture,
            "weights": self.weights,
            "images": {"digest": self.images, "n": self.n, "split": "training"},
            "ranges": {name: list(pair) for name, pair in self.reach.items()},
        }
        path.write_text(json.dumps(content, indent=1) + "\n")


def load_ranges(path: Path, network: Network, weights: str) -> Ranges:
    """The ranges in `path`; raises `InputError` unless they were measured on these weights of this network."""
    if not path.exists():
        raise InputError(str(path), "no ranges beside these weights", ADVICE)
    try:
        ranges = _SHAPE(parse(read_text(path, ADVICE)))
    except Wrong as wrong:
        raise InputError(str(path), f"damaged ranges file ({wrong})", ADVICE) from None
    if ranges.architecture != network.digest or set(ranges.reach) != set(network.shapes):
        raise InputError(str(path), f"ranges of another network than {network.name}", ADVICE)
    if ranges.weights != weights:
        raise InputError(str(path), f"measured on weights {ranges.weights}, not on {weights}", ADVICE)
    return ranges


def range_ends(value: Any) -> tuple[float, float]:
    """(low, high) of a range in JSON, [low, high]. Raises `Wrong`."""
    low, high = _TWO(value) if isinstance(value, list) and len(value) == 2 else (0.0, -1.0)
    if low > high:
        raise Wrong("is no list of two numbers, the lower first")
    return float(low), float(high)


def _ranges(architecture: str, weights: str, images: tuple[str, int], ranges: Mapping[str, Any]) -> Ranges:
    return Ranges(architecture, weights, *images, ranges)


_TWO = listing(number(-SINGLE, SINGLE), 2)
_IMAGES = {"digest": text(), "n": whole(0, 10**9), "split": text()}
_SHAPE = fields(
    {
        "architecture": text(),
        "weights": text(),
        "images": fields(_IMAGES, lambda digest, n, split: (digest, n), {"split": ""}),
        "ranges": mapping(range_ends),
    },
    _ranges,
)
