"""LUTs, FFs, block RAM and DSP slices of FINN's nodes after place and route: ours, beside FINN's own `formulas`.

What the RTL fixes is not fitted: words in SRLs and LUT RAM, registers of a word, weights in block RAM. The rest is
linear in a few counts, fitted by ``benchmarks/fit_finn.py``. FIFOs and converters are fitted to nodes of a routed
build; the matrix unit, padding and windows to open synthesis of FINN's own RTL, whose LUTs are divided by
`OVERSTATED`, so that the routed nodes of these kinds are a test they were not fitted to. HLS nodes have bounds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil, exp, log2, sqrt
from pathlib import Path
from typing import Any

from backends.cost.blockram import bram18
from backends.cost.fabric import shift_register_luts
from backends.finn import formulas
from backends.finn.fifos import SHALLOW, Buffer, Converter, Link
from backends.finn.formulas import AUTO, BLOCK, Memory
from backends.finn.nodes import Fold, MatrixVector, Node, Padding, Thresholds, Window
from flows.core.evidence import Metric

CALIBRATION = Path(__file__).with_name("calibration") / "routed.json"

OVERSTATED = 1.40
"""How many times Vivado's LUTs the open synthesis counts, of identical RTL: 1.21 to 1.64 on four modules (Vivado
2022.2). FFs agree within 2 %."""

REPLAYED = 4096
"""Bits of a vector above which the matrix unit keeps it in block RAM: 6,272 did, 2,016 did not."""

LUT_WORDS = 64
"""Words of a bit that a LUT holds (AMD UG474)."""

HLS_LUT, HLS_FF = 419, 521
"""What the max-pool takes, the largest of the HLS nodes that pass a stream on (routed, n = 1): a bound for the rest."""

STRUCTURAL = 1.6
"""Bounds of what follows from the structure of RTL that no row is known of, as a factor either way."""

Features = Mapping[str, float]
Calibration = Mapping[tuple[str, str], Mapping[str, Any]]
"""Fitted laws by law and metric."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of one resource something takes, within 90 %, by the law `law`; amounts of one law err together."""

    value: float
    low: float
    high: float
    law: str
    source: str


Amounts = dict[Metric, Amount | None]
"""None where something is taken and no law knows how much."""


@dataclass(frozen=True, slots=True)
class Law:
    """`certain` follows from the RTL, `features` are what the rest is linear in."""

    name: str
    certain: float
    features: Features


def of_node(node: Node, fold: Fold, memory: Memory) -> Amounts:
    """What one node takes, its FIFOs apart."""
    return {
        Metric.LUT: _amount(Metric.LUT, node, fold, memory),
        Metric.FF: _amount(Metric.FF, node, fold, memory),
        Metric.BRAM18: _blocks(node, fold, memory),
        Metric.DSP: _dsp(node, fold),
    }


def of_link(link: Link) -> Amounts:
    """What a FIFO or a converter takes."""
    found: Amounts = {metric: fitted(law_of_link(link, metric), metric) for metric in (Metric.LUT, Metric.FF)}
    blocks = link.bram18 if isinstance(link, Buffer) else 0
    return {**found, Metric.BRAM18: exact(blocks, "shape of the RAMB18"), Metric.DSP: exact(0, "none")}


def law_of_node(node: Node, fold: Fold, metric: Metric) -> Law | None:
    """The fitted law of a node, None where there is none."""
    lut = metric is Metric.LUT
    match node:
        case MatrixVector() if node.rtl:
            features = {"products": fold.pe * fold.simd, "rows": fold.pe, "one": 1}
            return Law("matrix", _replay_luts(node, fold) if lut else 0, features)
        case Window():
            bits = fold.simd * node.data.width
            stored = ram_luts(node.depth(fold), bits) if lut else 0
            return Law(
                "window", stored, {"bits": bits, "stored": stored, "one": 1} if lut else {"bits": bits, "one": 1}
            )
        case Padding():
            bits = 8 * ceil(fold.simd * node.data.width / 8)
            counters = sum(size.bit_length() for size in node.shape[:2]) + _address(node.channels // fold.simd)
            return (
                Law("padding", 0, {"bits": bits, "one": 1}) if lut else Law("padding", 2 * bits + counters, {"one": 1})
            )
    return None


def law_of_link(link: Link, metric: Metric) -> Law:
    lut = metric is Metric.LUT
    if isinstance(link, Converter):
        wide, narrow = max(link.taken, link.put), min(link.taken, link.put)
        return Law("converter", wide / 2 + ceil(log2(wide / narrow)) if lut else wide + narrow, {"one": 1})
    if link.storage == BLOCK:
        return Law("block_fifo", 0 if lut else link.bits, {"one": 1})
    if link.depth <= SHALLOW:
        return Law("register_fifo", link.bits if lut else 2 * link.bits, {"one": 1})
    cascaded = link.depth > 4 * 32
    held = shift_register_luts(max(link.depth, 17), link.bits) + link.bits * (1 + cascaded)
    return Law("shift_fifo", held if lut else link.bits, {"address": _address(link.depth)})


@cache
def shipped() -> Calibration:
    """The laws of this release."""
    return {(row["law"], row["metric"]): row for row in json.loads(CALIBRATION.read_text())}


def fitted(law: Law, metric: Metric, calibration: Calibration | None = None) -> Amount | None:
    """The amount that a law gives; None where `calibration` lacks it."""
    row = (shipped() if calibration is None else calibration).get((law.name, metric.key))
    if row is None:
        return None
    value = law.certain + sum(weight * law.features[name] for name, weight in row["coefficients"].items())
    factor = exp(row["interval_90"])
    source = f"law {law.name}, n = {row['rows']} ({row['from']})"
    return Amount(value, value / factor, value * factor, law.name, source)


def exact(value: float, source: str) -> Amount:
    return Amount(value, value, value, "exact", source)


def ram_luts(depth: int, width: int) -> int:
    """LUTs of a simple dual-port RAM of either depth of a LUT (AMD UG474).

    >>> ram_luts(189, 8), ram_luts(71, 112)
    (36, 228)
    """
    return 4 * min(ceil(depth / 64) * ceil(width / 3), ceil(depth / 32) * ceil(width / 6))


def replayed(node: MatrixVector, fold: Fold) -> bool:
    """Whether the RTL unit reads its vector more than once."""
    return node.rtl and fold.pe < node.channels


def _replay_luts(node: MatrixVector, fold: Fold) -> int:
    bits = node.inputs * node.data.width
    return (
        ram_luts(node.inputs // fold.simd, fold.simd * node.data.width)
        if replayed(node, fold) and bits <= REPLAYED
        else 0
    )


def _amount(metric: Metric, node: Node, fold: Fold, memory: Memory) -> Amount | None:
    if law := law_of_node(node, fold, metric):
        amount = fitted(law, metric)
        return _with_weights(amount, node, fold, memory) if metric is Metric.LUT else amount
    match node:
        case Thresholds():
            value = _thresholds(node, fold, metric)
            source = "the stages of the comparison, from the RTL"
            return Amount(value, value / STRUCTURAL, value * STRUCTURAL, "thresholds", source)
        case MatrixVector():
            if metric is Metric.FF:
                return None
            value = formulas.lut(node, fold, memory)
            return Amount(value, value / 2, value * 2, "hls unit", "FINN's formula, bounds: twice and half")
    bits = node.puts(fold) * node.result.width
    most = (HLS_LUT if metric is Metric.LUT else HLS_FF) + 4 * bits
    source = "bounds: the bits of a word, and the routed max-pool"
    return Amount(sqrt(bits * most), bits, most, "hls streams", source)


def _blocks(node: Node, fold: Fold, memory: Memory) -> Amount:
    """FINN's formula, and the vector that the RTL unit reads again where that is long."""
    value = formulas.bram18(node, fold, memory)
    if not isinstance(node, MatrixVector):
        return exact(value, "FINN's formula")
    vector = node.inputs // fold.simd, fold.simd * node.data.width
    replay = bram18(*vector) if replayed(node, fold) and not _replay_luts(node, fold) else 0
    source = "FINN's formula" + "; the vector that is read again" * (replay > 0)
    low = replay if _either(node, fold, memory) else value + replay
    return Amount(value + replay, low, value + replay, "weights", source)


def _either(node: Node, fold: Fold, memory: Memory) -> bool:
    """Whether Vivado may put the weights into LUTs though FINN counts block RAM: few words, and nothing asked."""
    return isinstance(node, MatrixVector) and memory.weight_style == AUTO and node.turns(fold) <= LUT_WORDS


def _with_weights(amount: Amount | None, node: Node, fold: Fold, memory: Memory) -> Amount | None:
    """Weights that are kept in LUTs, a LUT for every 64 words of a bit."""
    if amount is None or not isinstance(node, MatrixVector):
        return amount
    held = fold.pe * fold.simd * node.weight * ceil(node.turns(fold) / LUT_WORDS)
    certain = 0 if formulas.bram18(node, fold, memory) else held
    most = held if certain or _either(node, fold, memory) else 0
    return Amount(amount.value + certain, amount.low + certain, amount.high + most, amount.law, amount.source)


def _dsp(node: Node, fold: Fold) -> Amount:
    if isinstance(node, MatrixVector) and not node.rtl:
        products = fold.pe * fold.simd
        return Amount(products / 2, 0, products, "hls unit", "bounds: none, and one a product")
    return exact(formulas.dsp(node, fold), "FINN's formula")


def _thresholds(node: Thresholds, fold: Fold, metric: Metric) -> float:
    """A binary search: at each of its stages a comparison, a memory of thresholds, and the registers of the value."""
    bits, stages, folds = node.data.width, node.result.width, node.channels // fold.pe
    if metric is Metric.FF:
        return fold.pe * (stages * (2 * bits + stages + _address(folds) + 2) + stages) + 20
    memory = sum(bits * ceil(folds * 2**stage / 64) for stage in range(stages))
    return fold.pe * (stages * ceil(bits / 2) + memory + 2 * stages) + 30


def _address(words: int) -> int:
    """Bits that count to `words`."""
    return (words - 1).bit_length()
