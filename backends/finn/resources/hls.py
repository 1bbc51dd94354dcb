"""What Vitis HLS makes of FINN's nodes in HLS: register slices at the ports, registers of the pipeline, multiplexers.

Every stream of a node enters and leaves through a register slice, which holds two words of whole bytes.
"""

from __future__ import annotations

from math import lcm

from backends.finn.design.nodes import MatrixVector, NodeFold
from backends.finn.resources.resource_model import ResourceModel, in_bytes
from flows.core.evidence import Metric

SLICE = 2
"""Registers of a bit that enters or leaves."""
LATER_SLICE = 4
"""Of a bit of the weights by Vitis HLS 2023 and later, as fits to 258 synthesised and 29 routed units say; fits to 23
units by 2022 say two."""
PARTIAL = 0.8
"""LUTs of a product of two bits, with its part in the sum: of 258 synthesised units, and of five routed ones alike."""
COMPARISON = 2
"""Registers of a comparison with a threshold: its result, and its share of their sum."""


def unit(node: MatrixVector, fold: NodeFold, lut: bool, held: int) -> ResourceModel:
    """The matrix-vector unit with the memory of its weights; `held` LUTs of them, 0 where they are in block RAM.

    The vector is kept in registers where it is read again. A product is one of `multiplied`, in a DSP slice; of the
    others one of single bits is a gate, and one of more is made of products of two bits.
    """
    products, again = fold.pe * fold.simd, node.data.width * node.inputs * (fold.pe < node.channels)
    weights, sums = products * node.weight, fold.pe * node.sums
    gates = products * (node.data.width == 1) * (not node.multiplies)
    bits, is_logic = products * (node.weight + node.data.width), not (node.multiplies or gates)
    features = {
        "multiplied": bits * node.multiplies,
        "gates": gates,
        "sums": sums,
        "replay": again > 0,
        "one": 1,
    }
    compared = {"compared": node.steps * sums}
    if lut:
        read = {"again": again, "words": node.inputs // fold.simd * (again > 0)}
        partial = PARTIAL * weights * node.data.width * is_logic
        logic = {"weights": weights, "steps": fold.pe * node.steps}
        return ResourceModel("hls_unit", held + partial, {**features, **compared, **logic, **read})
    streams = in_bytes(fold.simd * node.data.width) + in_bytes(fold.pe * node.result.width)
    slices = SLICE * streams + (SLICE if node.of_2022 else LATER_SLICE) * in_bytes(weights)
    certain = again + slices + weights * (held > 0)  # a memory in LUTs has no register of its own
    features["logic"] = bits * is_logic
    if node.of_2022:
        return ResourceModel("hls_unit_2022", certain, features | compared)
    return ResourceModel("hls_unit", certain + COMPARISON * fold.pe * node.steps, features)


def stream(ports: int, metric: Metric) -> ResourceModel:
    """A node that passes streams on, of as many bits in all: the register slices of its ports, a multiplexer a bit,
    and its control."""
    return ResourceModel("hls_stream", ports if metric is Metric.LUT else SLICE * ports, {"one": 1})


def label_select(bits: int) -> ResourceModel:
    """The label's choice: a chain of comparisons of the words that arrive at once, of `bits` in all."""
    return ResourceModel("label_select", 0, {"bits": bits, "one": 1})


def converter(taken: int, put: int, lut: bool) -> ResourceModel:
    """A width converter whose words do not divide: by way of words that both divide, in two shift registers and a
    FIFO of two words between them."""
    common = lcm(taken, put)
    ports = in_bytes(taken) + in_bytes(put)
    return ResourceModel("hls_converter", 2 * common if lut else 4 * common + SLICE * ports, {"one": 1})


def dma(incoming: bool, taken: int, interface: int, lut: bool) -> ResourceModel:
    """A DMA engine between a stream of `taken` bits and a memory port of `interface` bits: a shift register and a slice
    of the wider, and where they do not divide two shift registers and a FIFO of the words that both divide."""
    widest, common = max(taken, interface), lcm(taken, interface)
    by_way = common if common > widest else 0
    certain = widest / 2 + 2 * by_way if lut else (1 + SLICE) * widest + 4 * by_way
    return ResourceModel("dma", certain, {"in": incoming, "out": not incoming})
