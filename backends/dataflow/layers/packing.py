"""Which products can share a DSP48E1, and the format of their weights for its multiplier.

A DSP48E1 multiplies 25 x 18 bits (AMD UG479). The weights of several results are `shift` bits apart in its wider
factor. Two such multipliers add up in cascade, and their sums are then separated exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backends.dataflow.layers.arithmetic import codes
from backends.dataflow.layers.nodes import MATRIX_VECTOR, Node
from backends.dataflow.options import AUTO
from backends.dataflow.pe_simd import Fold
from backends.protocol import Job
from models.layers import GroupedConv2D
from models.quantised import QuantisedNetwork

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

FACTOR_BITS = 25
FEW = 128
"""The most products of eight bits a cycle of a layer that may multiply in LUTs, so that DSP slices are left to the
layers with many. Of shorter products, as many more as take the same LUTs."""
EIGHT = 9 * 8
"""Bits of the rows that a product of 8 x 8 bits adds up in LUTs."""
TERMS = 2
"""Products that are added before they are separated: the second multiplier of a cascade has the register for it."""


def shift(lanes: int, weight_bits: int) -> int:
    """How many bits apart the weights of `lanes` results are.

    >>> shift(2, 8), shift(3, 4)
    (17, 10)
    """
    return (FACTOR_BITS - weight_bits) // max(lanes - 1, 1)


def lanes(weight_bits: int, act_bits: int, is_signed: bool = False) -> int:
    """How many results can share a multiplier, where no weight is the lowest number of its type; 1 where none can.

    >>> lanes(8, 8), lanes(4, 8), lanes(4, 4), lanes(4, 6, True), lanes(3, 3), lanes(2, 2), lanes(9, 8)
    (2, 2, 3, 3, 4, 6, 1)
    """
    largest = TERMS * ((1 << weight_bits - 1) - 1) * ((1 << act_bits - is_signed) - (not is_signed))

    def fits(results: int) -> bool:
        apart = shift(results, weight_bits)
        half = 1 << apart - 1 if apart > weight_bits else 0
        return largest < half

    return max((results for results in range(2, FACTOR_BITS // weight_bits + 1) if fits(results)), default=1)


def ends(apart: int, sharing: int) -> int:
    """The constant added to all sums except the topmost, so that none borrows from the sum above it.

    >>> hex(ends(17, 2)), hex(ends(10, 3))
    ('0x10000', '0x80200')
    """
    return sum(1 << apart * place + apart - 1 for place in range(sharing - 1))


def borrowed(weights: NDArray[int64], sharing: int) -> NDArray[int64]:
    """The fields of `weights`, each less what the field below it borrows, in the shape (results, ...) of `weights`.

    >>> import numpy
    >>> borrowed(numpy.array([[-3, 3], [5, 5]]), 2).tolist()
    [[-3, 3], [4, 5]]
    """
    fields = weights.copy()
    for row in range(len(fields)):
        if row % sharing:
            fields[row] -= fields[row - 1] < 0
    return fields


def in_luts(node: Node, folds: Sequence[Fold], packing: str, rows: int = EIGHT) -> Sequence[Fold]:
    """The small folds at which the stage `node` may multiply in LUTs. A product of eight bits takes the same share of a
    part in LUTs as in a DSP48E1, and LUTs need routing. `rows` is the number of bits that a product adds up."""
    if node.kind != MATRIX_VECTOR or packing != AUTO:
        return ()
    return [replace(fold, in_luts=True) for fold in folds if fold.multipliers * rows <= FEW * EIGHT]


def sharing(job: Job[Any], quantised: QuantisedNetwork) -> dict[str, int]:
    """How many results share a DSP48E1 in every layer with weights: 1 where a weight leaves no room for a borrow."""
    tensors = job.weights.tensors()
    by_layer = {}
    for layer in quantised.computed:
        kernel = quantised.layers[layer.name].kernel
        if kernel is None or isinstance(layer, GroupedConv2D):  # a filter for each channel: no two read the same value
            continue
        source = quantised.type_of(layer.inputs[0])
        results = lanes(kernel.width, source.width, source.signed) if kernel.signed else 1
        weights = codes(tensors[f"{layer.name}/kernel"], kernel)
        by_layer[layer.name] = results if (weights > -(1 << kernel.width - 1)).all() else 1
    return by_layer
