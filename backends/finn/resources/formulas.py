"""FINN's own resource estimates, as finn-plus 1.6.1 computes them for a Zynq-7000 part.

Source: ``lut_estimation``, ``bram_estimation`` and ``dsp_estimation`` of the nodes in
``finn/custom_op/fpgadataflow``. They leave out what FINN leaves out: 0 LUTs of its RTL matrix unit, no FIFOs. `models`
has ours; golden files of finn-plus hold these to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, gcd, log2

from backends.finn.design.nodes import HardwareNode, MatrixVector, NodeFold, Thresholds, VectorVector, Window

EMBEDDED, DECOUPLED = "internal_embedded", "internal_decoupled"
AUTO, BLOCK, DISTRIBUTED = "auto", "block", "distributed"
SHALLOW = 128
"""Words of embedded weights up to which FINN expects LUTs."""


@dataclass(frozen=True, slots=True)
class MemoryStyle:
    """Where weights and windows are kept: FINN's ``mem_mode`` and ``ram_style``."""

    weights: str = DECOUPLED
    weight_style: str = AUTO
    window_style: str = DISTRIBUTED


def lut(node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> int:
    match node:
        case Window():
            stored = node.takes(fold) * node.data.width * ceil(node.depth(fold) / 38)
            return 300 + (stored if memory.window_style == DISTRIBUTED else 0)
        case MatrixVector() if not node.rtl:
            return _hls_unit(node, fold, memory)
        case Thresholds():
            return _threshold_memory(node, fold)[0]
    return 0


def bram18(node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> int:
    match node:
        case Window() if memory.window_style != DISTRIBUTED:
            if not node.is_parallel(fold):
                return _window_memory(node.depth(fold), fold.simd * node.data.width)
            row = node.taken[1] - node.kernel[1]
            return _window_memory(row, fold.simd * node.data.width) * (node.kernel[0] - 1)
        case MatrixVector() if not _in_luts(node, fold, memory):
            held = vector_memory if isinstance(node, VectorVector) else weight_memory
            return held(node.turns(fold), fold.pe * fold.simd * node.weight)
        case Thresholds():
            return _threshold_memory(node, fold)[1]
    return 0


def dsp(node: HardwareNode, fold: NodeFold) -> int:
    """DSP48E1: four products of 4 bits share one in the RTL unit; the HLS unit is expected to take none."""
    return ceil(fold.pe / 4) * fold.simd if isinstance(node, MatrixVector) and node.rtl else 0


def weight_memory(words: int, width: int) -> int:
    """RAMB18 of a weight memory.

    >>> weight_memory(784, 36), weight_memory(28, 1008), weight_memory(15680, 4)
    (2, 28, 4)
    """
    for bits in (1, 2, 4, 9):
        if width <= bits:
            return ceil(words / (16384 // bits if bits < 9 else 2048))
    if width <= 18 or words > 512:
        return ceil(words / 1024) * ceil(width / 18)
    return ceil(words / 512) * ceil(width / 36)


def vector_memory(words: int, width: int) -> int:
    """The same of a vector-vector unit, whose estimate counts other widths of an RAMB18.

    >>> vector_memory(144, 16), vector_memory(2000, 36)
    (1, 6)
    """
    if width <= 2:
        return ceil(words * width / 16384)
    shape = next((ram for ram in ((4, 4096, 4), (9, 2048, 8)) if width <= ram[0]), None)
    if shape:
        return ceil(words / shape[1]) * ceil(width / shape[2])
    return ceil(words / 1024) * ceil(width / 16) if width <= 18 or words > 512 else ceil(words / 512) * ceil(width / 32)


def converter_lut(taken: int, put: int) -> int:
    """LUTs of a data width converter between words of these bits."""
    common = taken * put // gcd(taken, put)
    steps = [(abs(ceil(log2(taken / common))), common)] if taken != common else []
    steps += [(abs(ceil(log2(common / put))), put)] if put != common else []
    return sum(count + bits for count, bits in steps)


def _in_luts(node: MatrixVector, fold: NodeFold, memory: MemoryStyle) -> bool:
    if memory.weights == EMBEDDED or (isinstance(node, VectorVector) and memory.weight_style == AUTO):
        return node.turns(fold) <= SHALLOW
    return memory.weight_style == DISTRIBUTED


def _hls_unit(node: MatrixVector, fold: NodeFold, memory: MemoryStyle) -> int:
    """After FINN-R (Blott et al. 2018): multipliers, adder tree and accumulator of each PE, and weights in LUTs."""
    pe, simd, bits = fold.pe, fold.simd, node.weight + node.data.width
    held = memory.weights == EMBEDDED and node.turns(fold) <= SHALLOW
    held |= memory.weights == DECOUPLED and memory.weight_style == DISTRIBUTED
    weights = pe * simd * node.weight * ceil(node.turns(fold) / 64) if held else 0
    alpha = log2(node.inputs) + bits - 1 - node.data.signed
    accumulator = min(node.result.width, ceil(alpha + log2(1 + 2**-alpha) + 1))
    products = simd * (2 * ceil(bits / 6) - 1) * bits
    return int(300 + 1.1 * (pe * (products + bits * (2 * simd - 1) + accumulator)) + weights)


def _window_memory(depth: int, width: int) -> int:
    shapes = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2))
    widest = next((bits for words, bits in shapes if depth <= words), 1)
    saved = 0
    if depth > 16384:
        remainder = next((bits for words, bits in shapes if depth % 16384 <= words), 1)
        saved = ceil(width / widest) - ceil(width / remainder)
    return ceil(depth / 16384) * ceil(width / widest) - saved


def _threshold_memory(node: Thresholds, fold: NodeFold) -> tuple[int, int]:
    """(LUTs, RAMB18) of each PE's thresholds, a memory for every step of the search: what wastes the fewest bits."""
    shapes = {"bram": ((36, 512), (18, 1024), (9, 2048)), "lut": ((1, 64),)}
    counts = {"bram": 0, "lut": 0}
    for step in range(node.result.width):
        words = node.channels // fold.pe * 2**step
        ways = [
            (ceil(node.data.width / width) * ceil(words / depth), width * depth, kind)
            for kind, options in shapes.items()
            for width, depth in options
        ]
        count, _, kind = min(ways, key=lambda way: way[0] * way[1])
        counts[kind] += fold.pe * count
    return counts["lut"], counts["bram"]
