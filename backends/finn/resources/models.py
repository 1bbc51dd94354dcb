"""LUTs, FFs, block RAM and DSP slices of FINN's nodes after place and route, beside FINN's `formulas`.

What the RTL fixes (`structure`) is not fitted. The rest is linear in a few counts; ``calibration/finn/fit.py`` fits it
to the nodes of routed builds that others published. The matrix unit of finn-plus 1.6.1 is in none of them: it is fitted
to open synthesis of its RTL, whose LUTs are divided by how far that overstates (`backends.cost.synthesis`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from math import ceil, exp, gcd
from pathlib import Path
from typing import Any

from backends.cost.amounts import Amount, Amounts, exact, within
from backends.cost.blockram import SIMPLE_DUAL_PORT, bram18
from backends.finn.design.fifos import Link, StreamingFifo
from backends.finn.design.nodes import HardwareNode, MatrixVector, NodeFold, Thresholds, VectorVector
from backends.finn.resources import formulas, hls
from backends.finn.resources.formulas import MemoryStyle
from backends.finn.resources.resource_model import ResourceModel, address, in_bytes
from backends.finn.resources.structure import (
    LUT_WORDS,
    in_block_ram,
    model_of_link,
    model_of_node,
    replay_luts,
    replayed,
    threshold_words,
)
from flows.core.evidence import Metric

CALIBRATION = Path(__file__).with_name("calibration") / "routed.json"

DATAPATH = 25
"""Bits of a DSP48E1's wider factor."""

Calibration = Mapping[tuple[str, str], Mapping[str, Any]]
"""Fitted resource models by name and metric; the intervals of totals are those of the model `TOTAL`."""

TOTAL, CONSTANT = "total", "one"
LOGIC = Metric.LUT, Metric.FF
DMA_READS, DMA_WRITES = Amount(2, 1, 4, "dma", "13 routed engines"), exact(1, "exact", "13 engines")
"""RAMB18 of an engine that reads images from memory, and of one that writes results."""
DMA_DSP = Amount(0, 0, 2, "dma", "26 routed engines")
MEMORY_PORT = 64
"""Bits of the widest port that FINN's Zynq build gives a DMA engine."""


def of_node(node: HardwareNode, fold: NodeFold, memory: MemoryStyle, calibration: Calibration | None = None) -> Amounts:
    """What one node takes, its FIFOs apart; by the resource models of this release where no others are given."""
    return _of_node(node, fold, memory) if calibration is None else _by(calibration, node, fold, memory)


@lru_cache(maxsize=4096)
def _of_node(node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> Amounts:
    """Searches on several parts ask for the same."""
    return _by(None, node, fold, memory)


def _by(calibration: Calibration | None, node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> Amounts:
    return {
        **{metric: (fitted(model_of_node(node, fold, metric, memory), metric, calibration),) for metric in LOGIC},
        Metric.BRAM18: (_blocks(node, fold, memory),),
        Metric.DSP: (_dsp(node, fold),),
    }


def of_link(link: Link, calibration: Calibration | None = None) -> Amounts:
    """What a FIFO or a converter takes."""
    blocks = link.bram18 if isinstance(link, StreamingFifo) else 0
    return {
        **{metric: (fitted(model_of_link(link, metric), metric, calibration),) for metric in LOGIC},
        Metric.BRAM18: (_certain(blocks, "shape of the RAMB18"),),
    }


def of_dma(incoming: bool, bits: int, words: int) -> Amounts:
    """What FINN's DMA engine takes whose stream has so many words of so many bits a frame.

    FINN fills words up to bytes, and makes the memory port as wide as divides a frame, up to `MEMORY_PORT`
    (``insert_iodma.py``).
    """
    stream = 8 * ceil(bits / 8)
    port = gcd(stream * words, MEMORY_PORT)
    return {
        **{metric: (fitted(hls.dma(incoming, stream, port, metric is Metric.LUT), metric),) for metric in LOGIC},
        Metric.BRAM18: (DMA_READS if incoming else DMA_WRITES,),
        Metric.DSP: (DMA_DSP,),
    }


@cache
def shipped() -> Calibration:
    """The calibration of this release."""
    return by_model(json.loads(CALIBRATION.read_text()))


def sources() -> Sequence[str]:
    """Repository and path of the reports that the calibration of this release was fitted to."""
    return tuple(json.loads(CALIBRATION.read_text())["sources"])


def by_model(fitted: Mapping[str, Iterable[Mapping[str, Any]]]) -> Calibration:
    """Of a calibration file's ``models`` and ``totals``."""
    totals = {(TOTAL, row["metric"]): row for row in fitted["totals"]}
    return {(row["model"], row["metric"]): row for row in fitted["models"]} | totals


def fitted(model: ResourceModel, metric: Metric, calibration: Calibration | None = None) -> Amount | None:
    """The amount that a resource model predicts.

    Where `calibration` lacks a model whose only unknown is a constant, the certain part, with the widest interval of
    the metric. None for any other model that it lacks.
    """
    calibrated = shipped() if calibration is None else calibration
    row = calibrated.get((model.name, metric.key))
    if row is None and not (model.certain and model.features.keys() <= {CONSTANT} and calibrated):
        return None
    if row is None:
        widest = max(coefficients["interval_90"] for (_, key), coefficients in calibrated.items() if key == metric.key)
        return within(
            model.certain, exp(widest), model.name, f"structure of {model.name} alone, which no built design shows"
        )
    value = model.certain + sum(weight * model.features[name] for name, weight in row["coefficients"].items())
    factor = exp(row["interval_90"])
    few = "" if row["own_interval"] else ", too few for an interval of its own: at least that of all models"
    source = f"resource model {model.name}, n = {row['rows']} ({row['from']}{few})"
    return Amount(value, value / factor, value * factor, model.name, source)


def of_sum(amounts: Amounts, calibration: Calibration | None = None) -> Amounts:
    """The same amounts as parts of the sum of a design.

    LUTs and FFs then lie within what the sums of whole designs missed: nodes of one design err alike, and some errors
    cancel. Resource models that no built design tests keep their own intervals.
    """
    calibrated = shipped() if calibration is None else calibration
    return {metric: tuple(_of_sum(amount, metric, calibrated) for amount in group) for metric, group in amounts.items()}


def _of_sum(amount: Amount | None, metric: Metric, calibrated: Calibration) -> Amount | None:
    row, sums = calibrated.get((amount.model, metric.key)) if amount else None, calibrated.get((TOTAL, metric.key))
    if not amount or not row or not row["projects"] or not sums:
        return amount
    factor = exp(sums["interval_90"])
    return Amount(amount.value, amount.value / factor, amount.value * factor, TOTAL, amount.source)


def _certain(value: float, source: str) -> Amount:
    return exact(value, "exact", source)


def _blocks(node: HardwareNode, fold: NodeFold, memory: MemoryStyle) -> Amount:
    """FINN's formula, but what Vivado does where builds show that FINN's is not it.

    FINN pads a word of weights to whole bytes. Vivado keeps the padding of an HLS unit's (22 of 23 memories where that
    shows), and not always that of the RTL unit's (3 of 5).
    """
    if isinstance(node, Thresholds):
        return _threshold_blocks(node, fold)
    if not isinstance(node, MatrixVector):
        return _certain(formulas.bram18(node, fold, memory), "FINN's formula")
    vector = node.inputs // fold.simd, fold.simd * node.data.width
    certain = bram18(*vector) if replayed(node, fold) and not replay_luts(node, fold) else 0
    if node.steps and node.channels // fold.pe > LUT_WORDS:
        certain += fold.pe * node.steps
    low = high = certain
    if in_block_ram(node, fold, memory):
        words, width = 1 << address(node.turns(fold)), fold.pe * fold.simd * node.weight
        low, high = (certain + bram18(words, bits) for bits in (width, in_bytes(width)))
    source = "shape of the RAMB18, depths rounded up to powers of two as Vivado does"
    return Amount(low if node.rtl else high, low, high, "weights", source)


def _threshold_blocks(node: Thresholds, fold: NodeFold) -> Amount:
    """Every stage's thresholds in the deepest shape that holds them.

    Vivado put 128 words and more into block RAM, 64 in one of two builds; between them no row is known. Thresholds that
    are not optimised it did not.
    """
    each = {words: fold.pe * bram18_deepest(words, node.data.width) for words in threshold_words(node, fold)}
    low, value, high = (
        sum(blocks for words, blocks in each.items() if words >= least)
        for least in (2 * LUT_WORDS, LUT_WORDS + 1, LUT_WORDS)
    )
    if node.kept:
        low, value = 0, 0 if node.uniform else value
    return Amount(value, low, high, "thresholds", "a RAMB18 shape for each stage")


def bram18_deepest(words: int, width: int) -> int:
    """RAMB18 of a memory that is as deep as one RAMB18 where that can be: no multiplexer behind it.

    >>> bram18_deepest(8192, 22), bram18_deepest(16384, 22), bram18_deepest(512, 14)
    (11, 22, 1)
    """
    depth, bits = next((shape for shape in SIMPLE_DUAL_PORT if shape[0] >= words), SIMPLE_DUAL_PORT[-1])
    return ceil(width / bits) * ceil(words / depth)


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
    if isinstance(node, VectorVector):
        return Amount(
            products, 0, products + 1, "vector_unit", "a slice a product, as in HLS matrix units; at best none"
        )
    source = "a product of more than one bit takes a slice in every routed unit"
    return Amount(products, products, products + 1, "hls_unit", source)
