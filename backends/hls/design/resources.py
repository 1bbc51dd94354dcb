"""The resource model of the parts of a stage: LUT and FF within factors, DSP and block RAM exactly.

DSP and block RAM follow from the pragmas of the generated code by AMD UG479 and UG473. LUT and FF follow from structure
(a LUT adds a bit) plus constants for control. The constants are csynth's, from reports of Vitis HLS 2024.2 (hls4ml
stages, 4 to 10 rows of one project) and 2022.2 (one FINN matrix-vector unit), divided by csynth's overstatement of such
stages. Neither csynth nor Vivado has been run on this flow's own code. Hence the factors, which are as wide as the
errors of those rows on other projects. Memories are bound (UG1399, ``BIND_STORAGE``) to LUTs (UG474) or block RAM,
whichever takes the smaller share.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log2

from backends.cost.amounts import Amount, Amounts, exact, within
from backends.cost.dsp import dsp48
from backends.cost.fabric import adder_luts
from backends.dataflow.layers.memories import Memory
from backends.dataflow.pe_simd import Fold
from flows.core.evidence import Metric

COUNTED_LUT, COUNTED_FF = 2.0, 1.3
"""csynth's counts over what is built, for hls4ml's stages: the mean of 11 designs in 9 projects."""
LUT_SPREAD, FF_SPREAD = 1.86, 2.8
"""The 90 % error of such constants, as factors: 1.72 and 2.46 on rows of held-out projects, 1.86 and 2.6 with the
uncertainty of the ratios above. For amounts that follow from structure there is no row: compared with the same stages
in RTL (`calibration.hls.twins`), nine of ten models scatter within 1.78 and 2.10, and have within 2.79 (FF) beside an
earlier version of the RTL. Each factor is the widest.
"""

ROWS = "csynth rows of hls4ml stages, Vitis HLS 2024.2"
CONTROL = {"simple": (102, 12), "window": (664, 180), "matrix_vector": (260, 400)}
"""(LUT, FF) that csynth counts of loops, counters and handshakes. A simple stage: 4 rows of ReLUs. A window: 10 rows.
A matrix-vector stage: three counters, and what a FINN unit of one multiplier has beside its thresholds (n = 1: 948 LUT,
668 FF)."""
REQUANTISE = 104
"""LUT that csynth counts to round and saturate one result: 4 rows."""
FIFO_LUT, FIFO_FF, FIFO_FF_BRAM = 83, 99, 61
"""What csynth counts of one FIFO beside its words: 9 rows."""


def physics(luts: float, model: str, source: str) -> Amount:
    """LUTs by the structure of the hardware, such as one for each bit of an adder."""
    return within(luts, LUT_SPREAD, model, source)


def control(kind: str) -> Amounts:
    (lut, ff), source = CONTROL[kind], f"control of a {kind.replace('_', '-')} stage, {ROWS}"
    return {
        Metric.LUT: (within(lut / COUNTED_LUT, LUT_SPREAD, "control", source),),
        Metric.FF: (within(ff / COUNTED_FF, FF_SPREAD, "registers", source),),
    }


def multipliers(fold: Fold, data: int, weight: int, sharing: int = 1) -> Amount:
    """DSP48E1 of PE x SIMD products (``BIND_OP op=mul impl=dsp``): one each up to 25 x 18 bits (AMD UG479), or one for
    the products of `sharing` results."""
    if fold.in_luts:
        return exact(0, "multipliers", "products in LUTs (BIND_OP op=mul impl=fabric)")
    if sharing > 1:
        slices = ceil(fold.pe / sharing) * fold.simd
        return exact(slices, "multipliers", f"{sharing} products in a DSP48E1 (UG479)")
    return exact(fold.multipliers * dsp48(data, weight), "multipliers", "one DSP48E1 a product (UG479)")


def adders(fold: Fold, product: int, accumulator: int, sharing: int = 1) -> Amount:
    """LUTs of the sum of SIMD products and of the accumulator, in every PE.

    At best the adders of the DSP48E1 add everything (`mac_muladd` in csynth's reports), at worst nothing. Expected:
    products are added in pairs in the DSP48E1, and the sums in a tree of LUTs; a single product is accumulated in its
    DSP48E1, as in the report of a FINN unit.

    Where results share a multiplier, only pairs can be added in the DSP48E1, and the rest is added in LUTs. At best
    LUTs add three numbers at a time, which takes half as many; at worst no pair is added in the DSP48E1.
    """
    bits = adder_luts(product + ceil(log2(fold.simd)))
    most = fold.pe * ((fold.simd - 1) * bits + adder_luts(accumulator))
    pairs = fold.simd // 2 - 1 + fold.simd % 2
    if fold.in_luts:
        return physics(most, "adders", "adders of products, all in LUTs")
    if sharing > 1:
        tree = pairs * bits
        value, least = fold.pe * (tree + adder_luts(accumulator)), fold.pe * (ceil(tree / 2) + adder_luts(accumulator))
        return Amount(value, least, max(most, value), "adders", "adders of pairs of products in LUTs, as they must be")
    value = fold.pe * (pairs * bits + adder_luts(accumulator)) if fold.simd > 1 else 0
    return Amount(value, 0, most, "adders", "adders of pairs of products in LUTs; bounds: none and all of them")


def products(fold: Fold, data: int, weight: int) -> Amount:
    """LUTs of products built in LUTs: a product of n and m bits adds m rows of n bits."""
    luts = fold.multipliers * (data + 1) * weight if fold.in_luts else 0
    return physics(luts, "multipliers", "a LUT a bit of each row that a product adds up (UG474)")


def requantise(results: int) -> Amount:
    return within(REQUANTISE / COUNTED_LUT * results, LUT_SPREAD, "requantise", f"52 LUT to round and saturate, {ROWS}")


def delay(bits: int, words: int) -> Amounts:
    """A delay of `words` words, `bits` bits in all. Vivado builds it as shift registers in LUTs (UG901) if nothing
    resets it; at worst it is built of flip-flops."""
    luts = -(-bits // words) * -(-words // 32)
    return {
        Metric.LUT: (physics(luts, "memories", "shift registers of 32 bits a LUT (UG474)"),),
        Metric.FF: (Amount(0, 0, bits, "delays", "shift registers, at worst of flip-flops"),),
    }


def registers(bits: float, source: str) -> Amount:
    """Flip-flops of `bits` bits that are held, within the factor by which registers vary."""
    return within(bits, FF_SPREAD, "registers", source)


@lru_cache(maxsize=4096)
def memory(memory: Memory, model: str) -> Amounts:
    """What a memory takes; `model` is ``weights``, ``line buffers`` or ``windows``. Cached for searches on several
    parts."""
    source = f"{memory.copies} x {memory.depth} words of {memory.bits} bits"
    return {
        Metric.LUT: (physics(memory.luts, "memories", f"{source} in LUTs (UG474)"),),
        Metric.BRAM18: (exact(memory.bram18, model, f"{source} (UG473)"),),
    }
