"""Ranges: what each tensor of a trained network reaches, measured on training images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from flows.core.errors import InputError
from models.network import Network


@dataclass(frozen=True)
class Ranges:
    """`(low, high)` by tensor name (a layer's output, or the input), for one network and one set of weights.

    `images` is the digest of the image set and `n` its size, so that a calibration can be told from another.
    """

    architecture: str
    weights: str
    images: str
    n: int
    reach: Mapping[str, tuple[float, float]]

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
    advice = "`flows train` writes NAME.ranges.json beside NAME.safetensors: keep the two together"
    try:
        content = json.loads(path.read_text())
        reach = {name: (float(low), float(high)) for name, (low, high) in content["ranges"].items()}
        if odd := [name for name, (low, high) in reach.items() if not -inf < low <= high < inf]:
            raise ValueError(f"{odd[0]} is no range")
        images = content["images"]
        ranges = Ranges(content["architecture"], content["weights"], images["digest"], images["n"], reach)
    except FileNotFoundError:
        raise InputError(str(path), "no ranges beside these weights", advice) from None
    except OSError as reason:
        raise InputError(str(path), f"cannot be read ({reason.strerror})", advice) from None
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        raise InputError(str(path), f"damaged ranges file ({reason})", advice) from None
    if ranges.architecture != network.digest or set(reach) != set(network.shapes):
        raise InputError(str(path), f"ranges of another network than {network.name}", advice)
    if ranges.weights != weights:
        raise InputError(str(path), f"measured on weights {ranges.weights}, not on {weights}", advice)
    return ranges
