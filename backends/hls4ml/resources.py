"""What hls4ml 1.3.0 builds from a layer with io_stream, and what csynth counts for it.

Block RAM, DSP and the turns of loops follow from the generated code. LUT, FF and the cycles beside a loop's turns are
linear in a few counts; ``calibration/hls4ml/fit.py`` fits their coefficients, which lie in ``calibration/csynth.json``
with their rows, tool, device and error, and ``calibration/truth.py`` tests them. What no model covers has no amount.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from math import exp, prod
from pathlib import Path
from typing import Any

from backends.cost.amounts import Amount, exact
from backends.cost.blockram import bram18
from backends.cost.dsp import dsp48
from backends.cost.fabric import adder_luts
from backends.hls4ml.counts import Features
from backends.hls4ml.structure import result_table

NARROW, LUT_PRODUCT = 9, 8
"""Bits of a weight, and of both operands, up to which a product by a constant mostly, and always, takes LUTs."""

OF_ONE_TOOL = ("mac", "fifo")
"""Resource models that hold for one tool only: LUTs of a convolution differ between the tools by a factor of 8."""

CALIBRATION = Path(__file__).with_name("calibration") / "csynth.json"

Calibration = Mapping[tuple[str, str, str], Mapping[str, Any]]
"""Fitted resource models by tool, name and metric."""


class NoRows(LookupError):
    """No resource model was fitted, since no row is known."""


def fitted(
    tool: str,
    model: str,
    metric: str,
    features: Features,
    calibration: Calibration | None = None,
) -> Amount:
    """The amount that a fitted resource model predicts.

    What is certain (the turns of a loop) has no interval; the fitted part has one. Where no row of `tool` is known, the
    rows of the other tool are used, except for `OF_ONE_TOOL`. Raises NoRows where there are none.
    """
    rows = shipped() if calibration is None else calibration
    row = rows.get((tool, model, metric))
    if row is None:
        row = rows.get((_other(tool), model, metric)) if model not in OF_ONE_TOOL else None
    if row is None:
        raise NoRows(f"no row tells the {metric} of {model} in {tool.title()} HLS")
    certain, scaled = (
        sum(weight * features.get(name, 0.0) for name, weight in row[part].items())
        for part in ("certain", "coefficients")
    )
    factor = exp(row["interval_90"])
    count = len(row["projects"])
    source = (
        f"resource model {model}, {row['tool'].title()} HLS {', '.join(row['versions'])} "
        f"on {', '.join(row['devices'])}, n = {row['rows']} in {count} project{'s' * (count > 1)}"
    )
    return Amount(certain + scaled, certain + scaled / factor, certain + scaled * factor, model, source)


def adders(count: int, bits: int) -> Amount:
    """LUTs of `count` adders by physics; no row is known of the layers that use this.

    A LUT adds a bit (AMD UG474), and csynth counts more than is built.
    """
    least = float(count * adder_luts(bits))
    source = f"a LUT a bit, csynth counts up to {MOST_COUNTED:g} times"
    return Amount(least * COUNTED, least, least * MOST_COUNTED, "adders", source)


COUNTED, MOST_COUNTED = 2.0, 2.7
"""How many times what is built csynth counts of hls4ml's stages: the mean of 11 designs, and the most of 9 in 10."""


def weight_bram(tool: str, size: tuple[int, int], weight: int, factor: int) -> Amount:
    """RAMB18 of the weights of a layer of `size` (inputs, results): words of all multipliers side by side, one word a
    turn, in memories 36 bits wide, or of a better shape where they are narrow and deep. A multiplier that serves
    several results reads a table of their numbers beside them.

    Vivado HLS: a rest of up to 4 bits goes to LUTs, one of 12 bits does not, between them it may; fewer than 1024 bits
    in all may.
    """
    multipliers = -(-size[0] * size[1] // factor)
    whole, left = divmod(multipliers * weight, 36)
    deep = -(-factor // 512)
    stored = multipliers * weight * factor
    least = 0 if stored <= SMALL_ROM else -(-stored // RAMB18_BITS)
    table = result_table(size[0], factor, filled=WORD_BITS)
    source = "36-bit wide RAMB18 or narrower, exact in 60 of 72 rows"
    best = bram18(factor, multipliers * weight)
    if tool == "vitis":
        value = min((whole + (left > 0)) * deep, best)
        low = value if deep == 1 and stored > SMALL_ROM else least
    elif stored < SMALL_ROM:
        return Amount(table, table, table + max(whole + (left > 4), 1), "weights", source)
    else:
        value, low = (min((whole + (left > most)) * deep, best) for most in (4, 11))
        value, low = max(value, 1), min(least, max(low, 1)) if stored <= SMALL_ROM else max(low, 1)
    return exact(value + table, "weights", source, low + table)


SMALL_ROM, RAMB18_BITS, WORD_BITS = 1024, 18_432, 32
"""Bits up to which csynth may keep weights in LUTs, as in 4 rows; bits of a RAMB18; bits of a C++ int."""


def multiplier_dsp(multipliers: int, data: int, weight: int) -> Amount:
    """DSP48E1 of the multipliers; products of operands of at most 8 bits may go to LUTs: half of them did in 5 rows.

    Exact in the other 59 of 64 rows, of 8 repositories.
    """
    value = multipliers * dsp48(data, weight)
    source = "one DSP48E1 a product, exact in 59 of 64 rows with a reuse factor above 1"
    return exact(value, "multipliers", source, value / 2 if max(data, weight) <= 8 else value)


CONSTANTS_SOURCE = "products by constants, of which those of few ones take LUTs"


def constant_dsp(products: float, data: int, weight: int) -> Amount:
    """DSP48E1 of products by constants with a reuse factor of 1: at most one each, few ones in a constant take LUTs.

    Of 53 rows of 16 by 16 bits, of 11 repositories, half took one for more than four of five products, and nine in ten
    for more than a third; of 16 bits by 6 or 7 in 6 rows up to one in ten; of 8 by 8 and less none in 12 rows.
    """
    if max(data, weight) <= LUT_PRODUCT:
        return Amount(0.0, 0.0, products, "constants", CONSTANTS_SOURCE)
    if weight <= NARROW:
        return Amount(products / 16, 0.0, products, "constants", CONSTANTS_SOURCE)
    return Amount(0.75 * products, products / 4, products, "constants", CONSTANTS_SOURCE)


def shared_dsp(size: tuple[int, int], factor: int, data: int, weight: int, depthwise: bool = False) -> Amount:
    """DSP48E1 of the Latency strategy with a reuse factor above 1: `multiplier_limit` of the code, zeros aside.

    Exact in 23 of 23 rows of 16 bits, of three repositories. Of a depthwise convolution that limit is of one over all
    channels, and limits nothing: up to one a product.
    """
    value = -(-size[0] * size[1] // factor) * dsp48(data, weight)
    low = 0 if min(data, weight) <= NARROW else value
    shared = exact(value, "shared", "one DSP48E1 a product and turn, exact in 23 of 23 rows", low)
    return replace(shared, high=float(prod(size) * dsp48(data, weight))) if depthwise else shared


def softmax_bram(tool: str, classes: int) -> Amount:
    """RAMB18 of softmax's tables: two classes read one of exponentials, and all one of inverses.

    Vivado HLS: 4 in 3 of 3 rows of 10 classes with a reuse factor of 1. Vitis HLS: within 1 in 5 of 8 rows of 2 to 10.
    """
    value = 4 if tool == "vivado" and classes == 10 else -(-classes // 2) + 1
    return Amount(value, min(value, 2), 2 * value, "softmax", "tables of softmax, within 1 in 8 of 12 rows")


def softmax_dsp(classes: int) -> Amount:
    return Amount(
        classes, 1, 2 * classes + 5, "softmax", "a product a class with a reuse factor of 1, exact in 7 of 12 rows"
    )


FIFO_BRAM_SOURCE = "storage of HLS FIFOs, exact in 9 of 9 rows of Vitis HLS 2024.2 and 390 of 390 of Vivado HLS 2020.1"


@cache
def shipped() -> Calibration:
    """The resource models of this release."""
    return {(row["tool"], row["model"], row["metric"]): row for row in json.loads(CALIBRATION.read_text())}


def _other(tool: str) -> str:
    return "vivado" if tool == "vitis" else "vitis"
