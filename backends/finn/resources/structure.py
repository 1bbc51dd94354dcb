"""What the RTL or HLS of a node, a FIFO or a converter fixes of its LUTs and FFs, and what the rest is linear in.

`models` holds the fitted coefficients. Numbers here follow from the sources of FINN (``finn-rtllib``, ``finn-hlslib``):
words kept in SRLs, LUT RAM or registers, registers of a word, stages of a search.
"""

from __future__ import annotations

from math import ceil

from backends.cost.fabric import ram_luts, shift_register_luts
from backends.dataflow.buffers import SRL
from backends.finn.design.fifos import SHALLOW, Link, WidthConverter
from backends.finn.design.nodes import (
    Copy,
    HardwareNode,
    MatrixVector,
    NodeFold,
    Padding,
    Thresholds,
    VectorVector,
    Window,
)
from backends.finn.resources import formulas, hls
from backends.finn.resources.formulas import AUTO, DISTRIBUTED, MemoryStyle
from backends.finn.resources.resource_model import ResourceModel, address, in_bytes
from flows.core.evidence import Metric

REPLAYED = 2048
"""Bits of a vector above which the matrix unit keeps it in block RAM: 4,096 and 6,272 did, 2,016 and 2,048 did not."""

LUT_WORDS = 64
"""Words of a bit that a LUT holds (AMD UG474). Vivado keeps deeper thresholds in block RAM (33 routed nodes)."""

FEWEST_BITS = 1024
"""Bits from which on Vivado keeps a memory in block RAM by itself, its words whole bytes and a power of two many: so it
did with 138 of 138 synthesised memories of weights and with 13 of 13 routed ones of an xc7z020. (Of an xczu7ev two of
1,536 and 3,072 bits were in LUTs.)"""

KEPT = 0.8
"""LUTs that choose between two bits of thresholds that are not optimised (one routed node)."""

COMBINED = 128
"""Bits of a word up to which Vivado puts two bits of a shift register with load into one LUT (17 of 17 routed
converters); not with 160 and more (15 of 15)."""


USUAL = MemoryStyle()


def model_of_node(node: HardwareNode, fold: NodeFold, metric: Metric, memory: MemoryStyle = USUAL) -> ResourceModel:
    """What a node's LUTs or FFs are made of."""
    lut = metric is Metric.LUT
    match node:
        case VectorVector():
            return ResourceModel("vector_unit", 0, {})  # no build that others published tells what it takes
        case MatrixVector():
            held = 0 if in_block_ram(node, fold, memory) else weight_luts(node, fold)
            if not node.rtl:
                return hls.unit(node, fold, lut, held)
            held = held + replay_luts(node, fold) if lut else 0
            return _former_unit(node, fold, lut, held) if node.former else _rtl_unit(fold, held)
        case Window():
            return _window(node, fold, lut, memory.window_style == DISTRIBUTED)
        case Padding():
            bits = 8 * ceil(fold.simd * node.data.width / 8)
            counters = sum(size.bit_length() for size in node.shape[:2]) + address(node.channels // fold.simd)
            return ResourceModel(
                "padding", 0 if lut else 2 * bits + counters, {"bits": bits, "one": 1} if lut else {"one": 1}
            )
        case Thresholds():
            return _thresholds(node, fold, lut)
    taken, put = node.takes(fold) * node.data.width, node.puts(fold) * node.result.width
    return hls.stream(len(node.sources) * taken + put * (1 + isinstance(node, Copy)), metric)


def model_of_link(link: Link, metric: Metric) -> ResourceModel:
    lut = metric is Metric.LUT
    if isinstance(link, WidthConverter):
        return _converter(link, lut)
    if link.storage != SRL:
        in_luts = link.storage == DISTRIBUTED
        words = ram_luts(1 << address(link.depth), link.bits) * in_luts
        return ResourceModel(
            "block_fifo", words if lut else 4 * address(link.depth) + 17 + link.bits * in_luts, {"one": 1}
        )
    if link.depth <= SHALLOW:
        return ResourceModel("register_fifo", link.bits if lut else 2 * link.bits, {"one": 1})
    groups = ceil(ceil(link.depth / 32) / 4)
    select = link.bits * (1 if groups <= 2 else 1 + ceil(groups / 4))
    held = shift_register_luts(max(link.depth, 17), link.bits) + select
    return (
        ResourceModel("shift_fifo", held, {"address": address(link.depth)})
        if lut
        else ResourceModel("shift_fifo", link.bits + address(link.depth), {"one": 1})
    )


def _converter(link: WidthConverter, lut: bool) -> ResourceModel:
    """A shift register of the wide word, a register of the narrow one on the side that has it, and a counter.

    A widening one loads no bit in parallel: it needs no multiplexer. FINN has RTL for words that divide.
    """
    wide, narrow = max(link.taken, link.put), min(link.taken, link.put)
    if wide % narrow:
        return hls.converter(link.taken, link.put, lut)
    count = address(ceil(wide / narrow))
    if link.put > link.taken:
        return ResourceModel("widening", narrow / 2 + count if lut else wide + narrow + count, {"one": 1})
    loaded = wide / 2 if wide <= COMBINED else wide
    return ResourceModel("narrowing", loaded + count if lut else wide + 2 * narrow + count, {"one": 1})


def _rtl_unit(fold: NodeFold, held: int) -> ResourceModel:
    return ResourceModel("matrix", held, {"products": _products(fold), "rows": fold.pe, "one": 1})


def _former_unit(node: MatrixVector, fold: NodeFold, lut: bool, held: int) -> ResourceModel:
    """Where several rows share a slice their low parts are summed in the fabric."""
    products = _products(fold)
    bits = products * (node.weight + node.data.width)
    if lut:
        features = {"products": products, "shared": products * (fold.pe > 1), "bits": bits, "one": 1}
        return ResourceModel("former_matrix", held, features)
    return ResourceModel(
        "former_matrix", held, {"shared": bits * (fold.pe > 1), "sums": fold.pe * node.result.width, "one": 1}
    )


def _window(node: Window, fold: NodeFold, lut: bool, in_luts: bool) -> ResourceModel:
    """Counters of rows, columns and channels; the buffer in LUT RAM, each 64 words of it chosen by an address.

    A parallel one keeps the window itself in registers, and the rest of each of its lines but the last in a memory of
    its own.
    """
    bits, depth = fold.simd * node.data.width, node.depth(fold)
    counters = sum(size.bit_length() for size in node.taken[:2]) + address(node.channels // fold.simd)
    if fold.parallel:
        rows, columns = node.kernel
        line = max(1, node.taken[1] - columns)
        if not lut:
            return ResourceModel(
                "parallel_window", bits * (rows * columns + rows - 1), {"counters": counters, "one": 1}
            )
        return ResourceModel(
            "parallel_window", (rows - 1) * ram_luts(line, bits) * in_luts, {"counters": counters, "one": 1}
        )
    features = {"bits": bits, "counters": counters, "one": 1}
    if not lut:
        return ResourceModel("window", 0, features)
    stored = ram_luts(depth, bits) * in_luts
    return ResourceModel("window", stored, features | {"stored": stored, "blocks": ceil(depth / LUT_WORDS) * in_luts})


def _thresholds(node: Thresholds, fold: NodeFold, lut: bool) -> ResourceModel:
    """A binary search: at each of its stages a comparison, a memory of thresholds, and the registers of the value.

    All PEs share the address of the channel. Where thresholds are the same for all channels there is none, and the
    first stage compares with a constant.
    """
    bits, stages = node.data.width, node.result.width
    name = "input_thresholds" if node.uniform else "thresholds"
    if not lut:
        registers = (2 * stages - node.uniform) * bits + stages * (stages + 1)
        channels = 1 if node.uniform else node.channels // fold.pe
        return ResourceModel(name, fold.pe * registers + stages * (address(channels) + 2), {"one": 1})
    held = sum(bits for words in threshold_words(node, fold) if words <= LUT_WORDS)
    chosen = KEPT * bits * (2**stages - 1 - stages) * node.kept
    return ResourceModel(name, fold.pe * (held + chosen + stages * ceil(bits / 2)), {"one": 1})


def threshold_words(node: Thresholds, fold: NodeFold) -> list[int]:
    """Words of the memory of each stage of a PE."""
    channels = 1 if node.uniform else node.channels // fold.pe
    return [channels << stage for stage in range(node.result.width)]


def in_block_ram(node: MatrixVector, fold: NodeFold, memory: MemoryStyle) -> bool:
    """Whether Vivado keeps the weights in block RAM: where FINN counts some, but for few bits of which nothing was
    asked."""
    words, width = node.turns(fold), in_bytes(fold.pe * fold.simd * node.weight)
    is_large = words > 1 and (1 << address(words)) * width >= FEWEST_BITS
    return bool(formulas.bram18(node, fold, memory)) and (memory.weight_style != AUTO or is_large)


def weight_luts(node: MatrixVector, fold: NodeFold) -> int:
    """LUTs of the weights, were they in LUTs: one for every 64 words of a bit."""
    return fold.pe * fold.simd * node.weight * ceil(node.turns(fold) / LUT_WORDS)


def replayed(node: MatrixVector, fold: NodeFold) -> bool:
    """Whether the RTL unit reads its vector more than once."""
    return node.rtl and fold.pe < node.channels


def replay_luts(node: MatrixVector, fold: NodeFold) -> int:
    """LUTs of the vector that is read again; 0 where it is in block RAM."""
    if not replayed(node, fold) or node.inputs * node.data.width > REPLAYED:
        return 0
    return ram_luts(node.inputs // fold.simd, fold.simd * node.data.width)


def _products(fold: NodeFold) -> int:
    return fold.pe * fold.simd
