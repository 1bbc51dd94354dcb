"""What the RTL or HLS of a node, a FIFO or a converter fixes of its LUTs and FFs, and what the rest is linear in.

`laws` holds the fitted coefficients. Numbers here follow from the sources of FINN (``finn-rtllib``, ``finn-hlslib``):
words kept in SRLs, LUT RAM or registers, registers of a word, stages of a search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from backends.cost.fabric import ram_luts, shift_register_luts
from backends.dataflow.buffers import SRL
from backends.finn.design.fifos import SHALLOW, Link, WidthConverter
from backends.finn.design.nodes import Copy, HardwareNode, MatrixVector, NodeFold, Padding, Thresholds, Window
from backends.finn.resources.formulas import DISTRIBUTED, MemoryStyle
from flows.core.evidence import Metric

REPLAYED = 2048
"""Bits of a vector above which the matrix unit keeps it in block RAM: 4,096 and 6,272 did, 2,016 and 2,048 did not."""

LUT_WORDS = 64
"""Words of a bit that a LUT holds (AMD UG474). Vivado keeps deeper thresholds in block RAM (33 routed nodes)."""

COMBINED = 128
"""Bits of a word up to which Vivado puts two bits of a shift register with load into one LUT (17 of 17 routed
converters); not with 160 and more (15 of 15)."""

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Law:
    """`certain` follows from the source, `features` are what the rest is linear in."""

    name: str
    certain: float
    features: Features


def law_of_node(node: HardwareNode, fold: NodeFold, metric: Metric, memory: MemoryStyle = MemoryStyle()) -> Law:  # noqa: B008
    """What a node's LUTs or FFs are made of."""
    lut = metric is Metric.LUT
    match node:
        case MatrixVector() if node.rtl:
            return _former_unit(node, fold, lut) if node.former else _rtl_unit(node, fold, lut)
        case MatrixVector():
            return _hls_unit(node, fold, lut)
        case Window():
            return _window(node, fold, lut, memory.window_style == DISTRIBUTED)
        case Padding():
            bits = 8 * ceil(fold.simd * node.data.width / 8)
            counters = sum(size.bit_length() for size in node.shape[:2]) + address(node.channels // fold.simd)
            return Law("padding", 0 if lut else 2 * bits + counters, {"bits": bits, "one": 1} if lut else {"one": 1})
        case Thresholds():
            return _thresholds(node, fold, lut)
    taken, put = node.takes(fold) * node.data.width, node.puts(fold) * node.result.width
    return stream(len(node.sources) * taken + put * (1 + isinstance(node, Copy)), metric)


def stream(ports: int, metric: Metric) -> Law:
    """A node in HLS that passes streams on, of as many bits in all: the register slices of its ports, two registers
    and a multiplexer a bit, and its control."""
    return Law("hls_stream", ports if metric is Metric.LUT else 2 * ports, {"one": 1})


def law_of_link(link: Link, metric: Metric) -> Law:
    lut = metric is Metric.LUT
    if isinstance(link, WidthConverter):
        return _converter(link, lut)
    if link.storage != SRL:
        in_luts = link.storage == DISTRIBUTED
        words = ram_luts(1 << address(link.depth), link.bits) * in_luts
        return Law("block_fifo", words if lut else 4 * address(link.depth) + 17 + link.bits * in_luts, {"one": 1})
    if link.depth <= SHALLOW:
        return Law("register_fifo", link.bits if lut else 2 * link.bits, {"one": 1})
    groups = ceil(ceil(link.depth / 32) / 4)
    select = link.bits * (1 if groups <= 2 else 1 + ceil(groups / 4))
    held = shift_register_luts(max(link.depth, 17), link.bits) + select
    return (
        Law("shift_fifo", held, {"address": address(link.depth)})
        if lut
        else Law("shift_fifo", link.bits + address(link.depth), {"one": 1})
    )


def _converter(link: WidthConverter, lut: bool) -> Law:
    """A shift register of the wide word, a register of the narrow one on the side that has it, and a counter.

    A widening one loads no bit in parallel: it needs no multiplexer.
    """
    wide, narrow = max(link.taken, link.put), min(link.taken, link.put)
    count = address(ceil(wide / narrow))
    if link.put > link.taken:
        return Law("widening", narrow / 2 + count if lut else wide + narrow + count, {"one": 1})
    loaded = wide / 2 if wide <= COMBINED else wide
    return Law("narrowing", loaded + count if lut else wide + 2 * narrow + count, {"one": 1})


def _rtl_unit(node: MatrixVector, fold: NodeFold, lut: bool) -> Law:
    return Law(
        "matrix", replay_luts(node, fold) if lut else 0, {"products": _products(fold), "rows": fold.pe, "one": 1}
    )


def _former_unit(node: MatrixVector, fold: NodeFold, lut: bool) -> Law:
    """Where several rows share a slice their low parts are summed in the fabric."""
    products = _products(fold)
    bits = products * (node.weight + node.data.width)
    if lut:
        features = {"products": products, "shared": products * (fold.pe > 1), "bits": bits, "one": 1}
        return Law("former_matrix", replay_luts(node, fold), features)
    return Law("former_matrix", 0, {"shared": bits * (fold.pe > 1), "sums": fold.pe * node.result.width, "one": 1})


def _hls_unit(node: MatrixVector, fold: NodeFold, lut: bool) -> Law:
    """The vector is kept in registers where it is read again; a product is one of `multiplied` or `logic`."""
    again = node.data.width * node.inputs * (fold.pe < node.channels)
    bits = _products(fold) * (node.weight + node.data.width)
    features = {
        "again": again,
        "multiplied": bits * node.multiplies,
        "logic": bits * (not node.multiplies),
        "compared": fold.pe * node.steps * node.sums,
        "replay": again > 0,
        "one": 1,
    }
    if lut:
        return Law("hls_unit", 0, features | {"words": node.inputs // fold.simd * (again > 0)})
    return Law("hls_unit", again, {name: value for name, value in features.items() if name != "again"})


def _window(node: Window, fold: NodeFold, lut: bool, in_luts: bool) -> Law:
    """Counters of rows, columns and channels; the buffer in LUT RAM, each 64 words of it chosen by an address."""
    bits, depth = fold.simd * node.data.width, node.depth(fold)
    counters = sum(size.bit_length() for size in node.taken[:2]) + address(node.channels // fold.simd)
    features = {"bits": bits, "counters": counters, "one": 1}
    if not lut:
        return Law("window", 0, features)
    stored = ram_luts(depth, bits) * in_luts
    return Law("window", stored, features | {"stored": stored, "blocks": ceil(depth / LUT_WORDS) * in_luts})


def _thresholds(node: Thresholds, fold: NodeFold, lut: bool) -> Law:
    """A binary search: at each of its stages a comparison, a memory of thresholds, and the registers of the value."""
    bits, stages, folds = node.data.width, node.result.width, node.channels // fold.pe
    if not lut:
        registers = fold.pe * (stages * (2 * bits + stages + address(folds) + 2) + stages)
        return Law("thresholds", registers, {"one": 1})
    held = sum(bits for words in threshold_words(node, fold) if words <= LUT_WORDS)
    return Law("thresholds", fold.pe * (held + stages * ceil(bits / 2)), {"one": 1})


def threshold_words(node: Thresholds, fold: NodeFold) -> list[int]:
    """Words of the memory of each stage of a PE."""
    return [node.channels // fold.pe << stage for stage in range(node.result.width)]


def replayed(node: MatrixVector, fold: NodeFold) -> bool:
    """Whether the RTL unit reads its vector more than once."""
    return node.rtl and fold.pe < node.channels


def replay_luts(node: MatrixVector, fold: NodeFold) -> int:
    """LUTs of the vector that is read again; 0 where it is in block RAM."""
    if not replayed(node, fold) or node.inputs * node.data.width > REPLAYED:
        return 0
    return ram_luts(node.inputs // fold.simd, fold.simd * node.data.width)


def address(words: int) -> int:
    """Bits that count to `words`.

    >>> address(1), address(32), address(33)
    (0, 5, 6)
    """
    return (words - 1).bit_length()


def _products(fold: NodeFold) -> int:
    return fold.pe * fold.simd
