"""LUTs, FFs, block RAM and DSP slices of FINN's nodes after place and route, beside FINN's `formulas`.

What the RTL fixes (`structure`) is not fitted. The rest is linear in a few counts; ``calibration/finn/fit.py`` fits it
to the nodes of routed builds that others published. The matrix unit of finn-plus 1.6.1 is in none of them: it is fitted
to open synthesis of its RTL, whose LUTs are divided by `OVERSTATED`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache
from math import ceil, exp
from pathlib import Path
from typing import Any

from backends.cost.amounts import Amount, Amounts, exact
from backends.cost.blockram import SIMPLE_DUAL_PORT, bram18
from backends.finn.design.fifos import Link, StreamingFifo
from backends.finn.design.nodes import HardwareNode, MatrixVector, NodeFold, Thresholds
from backends.finn.resources import formulas
from backends.finn.resources.formulas import AUTO, MemoryStyle
from backends.finn.resources.structure import (
    LUT_WORDS,
    Law,
    law_of_link,
    law_of_node,
    replay_luts,
    replayed,
    threshold_words,
)
from flows.core.evidence import Metric

CALIBRATION = Path(__file__).with_name("calibration") / "routed.json"

OVERSTATED = 1.40
"""How many times Vivado's LUTs the open synthesis counts, of identical RTL: 1.21 to 1.64 on four modules (Vivado
2022.2). FFs agree within 2 %."""

DATAPATH = 25
"""Bits of a DSP48E1's wider factor."""

BYTE = 8
"""Bits to which FINN pads a narrow stream of weights; whether Vivado keeps the padding differs."""

Calibration = Mapping[tuple[str, str], Mapping[str, Any]]
"""Fitted laws by law and metric."""


def of_node(node: HardwareNode, fold: NodeFold, memory: MemoryStyle, calibration: Calibration | None = None) -> Amounts:
    """What one node takes, its FIFOs apart; by the laws of this release where no others are given."""
    return _of_node(node, fold, memory) if calibration is None else _by(calibration, node, fold, memory)


@lru_cache(maxsize=4096)
def _of_node(node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> Amounts:
    """Searches on several parts ask for the same."""
    return _by(None, node, fold, memory)


def _by(calibration: Calibration | None, node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> Amounts:
    return {
        Metric.LUT: (_luts(node, fold, memory, calibration),),
        Metric.FF: (fitted(law_of_node(node, fold, Metric.FF, memory), Metric.FF, calibration),),
        Metric.BRAM18: (_blocks(node, fold, memory),),
        Metric.DSP: (_dsp(node, fold),),
    }


def of_link(link: Link, calibration: Calibration | None = None) -> Amounts:
    """What a FIFO or a converter takes."""
    blocks = link.bram18 if isinstance(link, StreamingFifo) else 0
    return {
        **{metric: (fitted(law_of_link(link, metric), metric, calibration),) for metric in (Metric.LUT, Metric.FF)},
        Metric.BRAM18: (_certain(blocks, "shape of the RAMB18"),),
    }


@cache
def shipped() -> Calibration:
    """The laws of this release."""
    return {(row["law"], row["metric"]): row for row in json.loads(CALIBRATION.read_text())["laws"]}


def fitted(law: Law, metric: Metric, calibration: Calibration | None = None) -> Amount | None:
    """The amount that a law gives; None where `calibration` lacks it."""
    row = (shipped() if calibration is None else calibration).get((law.name, metric.key))
    if row is None:
        return None
    value = law.certain + sum(weight * law.features[name] for name, weight in row["coefficients"].items())
    factor = exp(row["interval_90"])
    source = f"law {law.name}, n = {row['rows']} ({row['from']})"
    return Amount(value, value / factor, value * factor, law.name, source)


def _certain(value: float, source: str) -> Amount:
    return exact(value, "exact", source)


def _luts(node: HardwareNode, fold: NodeFold, memory: MemoryStyle, calibration: Calibration | None) -> Amount | None:
    """By its law, and the weights that are kept in LUTs: a LUT for every 64 words of a bit."""
    amount = fitted(law_of_node(node, fold, Metric.LUT, memory), Metric.LUT, calibration)
    if amount is None or not isinstance(node, MatrixVector):
        return amount
    held = fold.pe * fold.simd * node.weight * ceil(node.turns(fold) / LUT_WORDS)
    certain = 0 if formulas.bram18(node, fold, memory) else held
    most = held if certain or _either(node, fold, memory) else 0
    return replace(amount, value=amount.value + certain, low=amount.low + certain, high=amount.high + most)


def _blocks(node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> Amount:
    """FINN's formula, but what Vivado does where routed builds show that FINN's is not it."""
    if isinstance(node, Thresholds):
        return _threshold_blocks(node, fold)
    if not isinstance(node, MatrixVector):
        return _certain(formulas.bram18(node, fold, memory), "FINN's formula")
    vector = node.inputs // fold.simd, fold.simd * node.data.width
    certain = bram18(*vector) if replayed(node, fold) and not replay_luts(node, fold) else 0
    if node.steps and node.channels // fold.pe > LUT_WORDS:
        certain += fold.pe * node.steps
    value, most = certain, certain
    if formulas.bram18(node, fold, memory):
        words, width = node.turns(fold), fold.pe * fold.simd * node.weight
        value, most = (certain + bram18(1 << (words - 1).bit_length(), bits) for bits in (width, max(width, BYTE)))
    source = "shape of the RAMB18, depths rounded up to powers of two as Vivado does"
    return Amount(value, certain if _either(node, fold, memory) else value, most, "weights", source)


def _threshold_blocks(node: Thresholds, fold: NodeFold) -> Amount:
    """Every stage's thresholds in the deepest shape that holds them.

    Vivado put 128 words and more into block RAM, 64 in one of two builds; between them no row is known.
    """
    each = {words: fold.pe * bram18_deepest(words, node.data.width) for words in threshold_words(node, fold)}
    low, value, high = (
        sum(blocks for words, blocks in each.items() if words >= least)
        for least in (2 * LUT_WORDS, LUT_WORDS + 1, LUT_WORDS)
    )
    return Amount(value, low, high, "thresholds", "a RAMB18 shape for each stage")


def bram18_deepest(words: int, width: int) -> int:
    """RAMB18 of a memory that is as deep as one RAMB18 where that can be: no multiplexer behind it.

    >>> bram18_deepest(8192, 22), bram18_deepest(16384, 22), bram18_deepest(512, 14)
    (11, 22, 1)
    """
    depth, bits = next((shape for shape in SIMPLE_DUAL_PORT if shape[0] >= words), SIMPLE_DUAL_PORT[-1])
    return ceil(width / bits) * ceil(words / depth)


def _either(node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> bool:
    """Whether Vivado may put the weights into LUTs though FINN counts block RAM: few words, and nothing asked."""
    return isinstance(node, MatrixVector) and memory.weight_style == AUTO and node.turns(fold) <= LUT_WORDS


def _lanes(node: MatrixVector) -> int:
    """Rows whose products share a slice, by ``mvu.sv`` for a DSP48E1 and narrow weights. FINN's formula has 4."""
    if node.former:
        return 4 if max(node.weight, node.data.width) <= 4 else 2
    return 1 + (DATAPATH - node.weight) // (node.weight + node.data.width - 1)


def _dsp(node: HardwareNode, fold: NodeFold) -> Amount:
    if not isinstance(node, MatrixVector):
        return _certain(0, "none")
    if node.rtl:
        lanes = _lanes(node)
        return _certain(ceil(fold.pe / lanes) * fold.simd, f"{lanes} products of these widths in a slice, from the RTL")
    products = fold.pe * fold.simd * node.multiplies
    source = "a product of more than one bit takes a slice in every routed unit"
    return Amount(products, products, products + 1, "hls_unit", source)
