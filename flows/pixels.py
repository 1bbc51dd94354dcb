"""The pixel scaling that is assumed for a network, and whether another one gives more accuracy."""

from __future__ import annotations

import re
from typing import Any

from backends.protocol import Note, warning
from flows.core.plan import Output, Products
from flows.core.shape import Shape, fields, mapping, whole
from flows.results import read_result
from models.network import Network
from models.pixels import NAMED
from models.reference import PIXELS as FILE

PIXELS = Output("pixels", FILE)
SCALINGS: Shape[dict[str, Any]] = fields({"n": whole(1, 10**9), "right": mapping(whole(0, 10**9))}, dict)
BETTER = 0.05
"""By how much more accuracy on pixels of another scaling a network is said to have been trained on those."""
NORMALISED = re.compile(r"\(x / 255 - \(?([^()]+)\)?\) / \(?([^()]+)\)?")


def assumption(network: Network) -> Note:
    """A note on the pixel scaling assumed for a network without a card, and on its origin."""
    channels = ", channels R, G, B" if network.input_shape[-1] == 3 else ""
    pixels = network.pixels
    why = f"so says {pixels.known}" if pixels.known else "nothing beside its weights says it; --pixels does"
    return Note(f"pixels are taken as {pixels}{channels}: {why}")


def option(formula: str) -> str:
    """What to give ``--pixels`` for the scaling of this formula.

    >>> option("x, 0 to 255"), option("(x / 255 - (0.1, 0.2, 0.3)) / 0.5"), option("x - 128")
    ('raw', '0.1,0.2,0.3,0.5,0.5,0.5', '128/255,1/255')
    """
    named = {str(pixels): name for name, pixels in NAMED.items()}
    if formula in named:
        return named[formula]
    if match := NORMALISED.fullmatch(formula):
        mean, deviation = (group.split(", ") for group in match.groups())
        size = max(len(mean), len(deviation))
        return ",".join([*(mean * size)[:size], *(deviation * size)[:size]])
    return f"{formula.removeprefix('x - ')}/255,1/255"


def other_pixels(network: Network, products: Products) -> list[Note]:
    """A warning that names the pixels on which the float network does better, if it does so by much."""
    path = products.path(PIXELS) if PIXELS.step in products.results else None
    if path is None:
        return []
    counts, taken = read_result(path, SCALINGS), str(network.pixels)
    n, right = counts["n"], counts["right"]
    best = max(right, key=right.__getitem__)
    if right[best] - right[taken] <= BETTER * n:
        return []
    assumed, better = (f"{100 * right[name] / n:.1f} %" for name in (taken, best))
    text = (
        f"on pixels as they are taken here, {taken}, the float network gets {assumed} of {n:,} test images right, "
        f"and {better} on {best}: it seems to be trained on those. Give --pixels {option(best)}"
    )
    return [warning(text)]
