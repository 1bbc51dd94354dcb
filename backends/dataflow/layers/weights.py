"""The weights of a layer in the order in which its multipliers take them, whatever the language."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from backends.dataflow.layers.nodes import DEPTHWISE, Node, columns_a_part, slides
from backends.dataflow.pe_simd import Fold
from models.layers import CONVOLUTIONS

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray


def by_turns(node: Node, fold: Fold, kernel: NDArray[int64]) -> NDArray[int64]:
    """(parts, SIMD, groups, PE) of the `kernel` of a stage; lanes that fill the last part or group hold zeros."""
    import numpy

    products, results = node.size
    if node.kind == DEPTHWISE:
        parts = kernel.transpose(1, 0, 2, 3).reshape(products, 1, results)
    elif isinstance(node.layer, CONVOLUTIONS) and slides(node.layer):
        parts = _of_windows(kernel, fold.simd, columns_a_part(node.layer, node.taken[-1], fold.simd))
    else:
        pixels = kernel.reshape(-1, node.taken[-1], results)
        spare = -node.taken[-1] % fold.simd
        parts = numpy.pad(pixels, ((0, 0), (0, spare), (0, 0))).reshape(-1, fold.simd, results)
    filled = numpy.pad(parts, ((0, 0), (0, 0), (0, _spare(node, fold))))
    return filled.reshape(len(parts), fold.simd, fold.groups(results), fold.pe)


def by_groups(node: Node, fold: Fold, bias: NDArray[int64]) -> NDArray[int64]:
    """(groups, PE) of the biases; results that fill the last group have 0."""
    import numpy

    return numpy.pad(bias, (0, _spare(node, fold))).reshape(-1, fold.pe)


def _spare(node: Node, fold: Fold) -> int:
    """Surplus results in the last group."""
    return fold.groups(node.size[1]) * fold.pe - node.size[1]


def _of_windows(kernel: NDArray[int64], simd: int, across: int) -> NDArray[int64]:
    """(parts, SIMD, results) of a `kernel` (height, width, channels, results), column by column, or with a share of
    every column in each part. The new values of the last part of a column are at its end, behind values of the part
    before.
    """
    import numpy

    columns = kernel.transpose(1, 0, 2, 3).reshape(kernel.shape[1], -1, kernel.shape[3])
    lanes = simd // across
    number = ceil(columns.shape[1] / lanes)
    whole = (number - 1) * lanes
    spare = numpy.zeros((len(columns), number * lanes - columns.shape[1], columns.shape[2]), columns.dtype)
    filled = numpy.concatenate((columns[:, :whole], spare, columns[:, whole:]), axis=1)
    parts = filled.reshape(-1, across, number, lanes, columns.shape[2]).transpose(0, 2, 1, 3, 4)
    return parts.reshape(-1, simd, columns.shape[2])
