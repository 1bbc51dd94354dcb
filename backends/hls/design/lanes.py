"""How wide a stage works: its multipliers, and the words of the streams that it reads and writes.

A word holds the values of some channels of a pixel, or a part of a window. A window is handed out column by column; a
part lies in one column where SIMD divides it, else it takes as many values of every column, side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from backends.dataflow.pe_simd import Fold
from backends.hls.design.nodes import WINDOW, Node, columns_a_part
from models.network import Conv2D


@dataclass(frozen=True, slots=True)
class Lanes:
    """`takes` and `puts` are the values of a word read and written; `fold` is 1x1 for a stage without weights."""

    fold: Fold
    takes: int
    puts: int


@dataclass(frozen=True, slots=True)
class Parts:
    """How the windows of a convolution are handed out, SIMD values a word.

    A part holds `lanes` values of each of `across` columns, the width of the kernel or one; `column` parts pass for
    each column. The rows are kept in words of `stored` values, which a word of the stream and a part both consist of.
    """

    across: int
    lanes: int
    column: int
    stored: int


def parts(node: Node, wide: Lanes) -> Parts:
    """Of the window stage `node`."""
    layer, channels, simd = node.layer, node.taken[-1], wide.fold.simd
    assert isinstance(layer, Conv2D) and node.kind == WINDOW
    across = columns_a_part(layer, channels, simd)
    lanes = simd // across
    return Parts(across, lanes, layer.kernel[0] * channels // lanes, gcd(wide.takes, lanes))
