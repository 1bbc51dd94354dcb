"""Which pixels a network is taken to read, and whether it does better on others."""

from __future__ import annotations

from typing import Any

from backends.protocol import Note, warning
from flows.core.plan import Output, Products
from flows.core.shape import Shape, fields, mapping, whole
from flows.results import read_result
from models.reference import ASSUMED
from models.reference import PIXELS as FILE

PIXELS = Output("pixels", FILE)
SCALINGS: Shape[dict[str, Any]] = fields({"n": whole(1, 10**9), "right": mapping(whole(0, 10**9))}, dict)
BETTER = 0.05
"""By how much more accuracy on pixels of another scaling a network is said to have been trained on those."""
ASSUMPTION = Note(
    f"pixels are taken as {ASSUMED} (as bytes where the network itself divides by 255), channels R, G, B: nothing "
    "beside its weights says what it was trained on"
)


def other_pixels(products: Products) -> list[Note]:
    """A warning that names the pixels on which the float network does better, if it does so by much."""
    path = products.path(PIXELS) if PIXELS.step in products.results else None
    if path is None:
        return []
    counts = read_result(path, SCALINGS)
    n, right = counts["n"], counts["right"]
    best = max(right, key=right.__getitem__)
    if right[best] - right[ASSUMED] <= BETTER * n:
        return []
    assumed, better = (f"{100 * right[name] / n:.1f} %" for name in (ASSUMED, best))
    text = (
        f"on pixels as they are taken here, {ASSUMED}, the float network gets {assumed} of {n:,} test images right, "
        f"and {better} on {best}: it seems to be trained on those. Train it on {ASSUMED}, or fold that scaling into "
        "its first layer, and export it again"
    )
    return [warning(text)]
