"""What hls4ml 1.3.0 builds from a layer with io_stream, and what csynth counts for it.

Block RAM, DSP and the turns of loops follow from the generated code. LUT, FF and the cycles beside a loop's turns are
linear in a few counts; the coefficients are fitted by ``benchmarks/fit_hls4ml.py`` and lie in
``calibration/csynth.json`` with their rows, tool, device and error, and ``benchmarks/truth.py`` tests them. A case that
no law knows has no amount.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import exp
from pathlib import Path
from typing import Any

from backends.cost.blockram import bram18
from backends.cost.dsp import dsp48
from backends.cost.fabric import adder_luts
from backends.cost.synthesis import Ratio, Ratios
from flows.core.evidence import Metric

OVERSTATED: Ratios = {
    Metric.LUT: Ratio(2.0, 1.5, 2.7, "11 hls4ml designs in 9 projects"),
    Metric.FF: Ratio(1.3, 0.9, 1.8, "10 hls4ml designs in 8 projects"),
}
"""What csynth counts over what was built, of hls4ml's own layers (``benchmarks/csynth_ratios.py``)."""

NARROW = 9
"""Bits of a weight up to which a product by a constant mostly takes LUTs."""

OF_ONE_TOOL = ("mac", "fifo")
"""Laws of one tool say nothing of the other: LUTs of a convolution differ by a factor of 8."""

CALIBRATION = Path(__file__).with_name("calibration") / "csynth.json"

SOFTMAX_CLASSES, SOFTMAX_BRAM18, SOFTMAX_DSP = 10, 4, 10
"""The one size of softmax that there are rows of, and what it takes."""
SOFTMAX_SOURCE = "softmax of 10 classes, 2 of 2 rows of Vivado HLS 2020.1"

Features = Mapping[str, float]
"""What a law is linear in, by name."""

Calibration = Mapping[tuple[str, str, str], Mapping[str, Any]]
"""Fitted laws by tool, law and metric."""


def line_buffer(height: int, width: int, channels: int) -> Features:
    """`columns`: shift registers of one image row each; `taps`: registers of the window behind them."""
    columns = (height - 1) * channels
    return {"columns": float(columns), "taps": float(columns * width), "one": 1.0}


def multiply_accumulate(
    size: tuple[int, int],
    multipliers: int,
    widths: tuple[int, int, int],
    window: tuple[int, int, int] | None,
    whole: bool = True,
) -> Features:
    """A matrix-vector product of `size` (inputs, results) on `multipliers` multipliers with the Resource strategy.

    `widths` are bits of data, weights and accumulator. `window` is (height, width, channels) of a convolution, whose
    line buffer is part of it. Not `whole` is the product alone, without what collects its inputs.
    """
    (n_in, n_out), (data, weight, accumulator) = size, widths
    buffer = line_buffer(*window) if window else {"columns": 0.0, "taps": 0.0}
    return {
        **buffer,
        "inputs": float(n_in),
        "input_bits": float(n_in * data),
        "held_bits": float(n_in * data * whole),
        "weight_bits": float(multipliers * weight),
        "adder_bits": float(multipliers * accumulator),
        "result_bits": float(n_out * accumulator),
        "stored_bits": float(n_in * n_out * weight),
        "positions": float(window[0] * window[1] if window else 0),
        "windows": float(window is not None),
        "layers": float(whole),
        "one": 1.0,
    }


def constants(products: float, accumulator: int, windowed: bool) -> Features:
    """A matrix-vector product with constants for weights (a reuse factor of 1, or the Latency strategy).

    `products` counts the weights that are not zero; `windowed` where it stands behind a window over an image.
    """
    return {"adder_bits": float(products * accumulator), "windows": float(windowed)}


def per_channel(channels: int, tokens: int = 1) -> Features:
    """A layer that does the same to every channel; it counts the tokens of a frame where that has more than one."""
    looped = tokens > 1
    return {
        "channels": float(channels),
        "counter_bits": float(tokens.bit_length() * looped),
        "looped": float(looped),
        "one": 1.0,
    }


def pooling(height: int, width: int, channels: int, bits: int) -> Features:
    """A line buffer and comparators; `taps` are all registers of the window."""
    return {
        "columns": float((height - 1) * channels),
        "taps": float(height * width * channels),
        "channel_bits": float(channels * bits),
        "one": 1.0,
    }


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of one resource a block takes, within 90 %, by the law `law`; amounts of one law err together."""

    value: float
    low: float
    high: float
    law: str
    source: str


class NoRows(LookupError):
    """No law was fitted, since no row is known."""


def exact(value: float, law: str, source: str, low: float | None = None) -> Amount:
    """An amount that follows from the generated code; `low` where the tool may do with less."""
    return Amount(value, value if low is None else low, value, law, source)


def fitted(
    tool: str,
    law: str,
    metric: str,
    features: Features,
    calibration: Calibration | None = None,
) -> Amount:
    """The amount that a fitted law gives.

    What is certain (the turns of a loop) has no interval, the rest has one. Where no row of `tool` is known, the rows
    of the other tool serve, but for `OF_ONE_TOOL`. Raises NoRows where there are none.
    """
    rows = shipped() if calibration is None else calibration
    row = rows.get((tool, law, metric))
    if row is None:
        row = rows.get((_other(tool), law, metric)) if law not in OF_ONE_TOOL else None
    if row is None:
        raise NoRows(f"no row tells the {metric} of {law} in {tool.title()} HLS")
    certain, rest = (
        sum(weight * features[name] for name, weight in row[part].items()) for part in ("certain", "coefficients")
    )
    factor = exp(row["interval_90"])
    count = len(row["projects"])
    source = (
        f"law {law}, {row['tool'].title()} HLS {', '.join(row['versions'])} on {', '.join(row['devices'])}, "
        f"n = {row['rows']} in {count} project{'s' * (count > 1)}"
    )
    return Amount(certain + rest, certain + rest / factor, certain + rest * factor, law, source)


def adders(count: int, bits: int) -> Amount:
    """LUTs of `count` adders by physics; no row is known of the layers that use this.

    A LUT adds a bit (AMD UG474), and csynth counts more than is built (`OVERSTATED`).
    """
    least, ratio = float(count * adder_luts(bits)), OVERSTATED[Metric.LUT]
    source = f"a LUT a bit, csynth counts up to {ratio.high:g} times"
    return Amount(least * ratio.value, least, least * ratio.high, "adders", source)


def weight_bram(tool: str, multipliers: int, weight: int, factor: int) -> Amount:
    """RAMB18 of the weights: words of all multipliers side by side, one word a turn, in memories 36 bits wide.

    Vitis HLS 2024.2: exact in 4 of 4 rows. Vivado HLS 2019.2: exact in 18 of 18 if a rest of up to 4 bits, which 4 of
    them have, goes to LUTs; a rest of 12 bits does not, between them it may.
    """
    whole, rest = divmod(multipliers * weight, 36)
    deep = -(-factor // 512)
    if tool == "vitis":
        value = (whole + (rest > 0)) * deep
        return exact(value, "weights", "36-bit wide RAMB18, exact in 4 of 4 rows of Vitis HLS 2024.2")
    value, low = ((whole + (rest > most)) * deep for most in (4, 11))
    source = "36-bit wide RAMB18, exact in 18 of 18 rows of Vivado HLS 2019.2"
    return exact(max(value, 1), "weights", source, max(low, 1))


def multiplier_dsp(multipliers: int, data: int, weight: int) -> Amount:
    """DSP48E1 of the multipliers; products of operands of at most 8 bits may go to LUTs: half of them did in one row.

    Exact in 18 of 18 rows of 16 bits (Vivado HLS 2019.2), and in 4 of 5 of 6 to 8 bits (Vitis HLS 2024.2).
    """
    value = multipliers * dsp48(data, weight)
    source = "one DSP48E1 a product, exact in 22 of 23 rows with a reuse factor above 1"
    return exact(value, "multipliers", source, value / 2 if max(data, weight) <= 8 else value)


def constant_dsp(products: float, weight: int) -> Amount:
    """DSP48E1 of products by constants: between none and one each, since a constant of few ones takes LUTs.

    Of 9 rows of 16-bit weights, 8 % to 96 % of the products took one, the middle of which is given; of 3 of 7 bits 0.3
    % to 13 %. Vivado HLS 2019.2 and 2020.1.
    """
    value = products / (16 if weight <= NARROW else 2)
    return Amount(value, 0.0, products, "constants", "products by constants, bounds: none and each in a DSP48E1")


def softmax_bram(classes: int) -> Amount | None:
    return exact(SOFTMAX_BRAM18, "softmax", SOFTMAX_SOURCE) if classes == SOFTMAX_CLASSES else None


def softmax_dsp(classes: int) -> Amount | None:
    return exact(SOFTMAX_DSP, "softmax", SOFTMAX_SOURCE) if classes == SOFTMAX_CLASSES else None


FIFO_BRAM_SOURCE = "storage of HLS FIFOs, exact in 9 of 9 rows of Vitis HLS 2024.2 and 390 of 390 of Vivado HLS 2020.1"


def fifo_bram(tool: str, depth: int, channels: int, bits: int) -> Amount:
    """RAMB18 of a FIFO of `depth` tokens of `channels` elements of `bits` bits.

    Vitis HLS keeps up to two words, or fewer than 1024 bits in all, in shift registers (UG1399, ``config_storage``),
    and reads a RAMB18 at most 18 bits wide: 9 of 9 rows. Vivado HLS makes one FIFO a channel, in shift registers up to
    a depth of 32: 390 of 390 FIFOs of one report.
    """
    if tool == "vitis":
        width, lanes, small = channels * bits, 1, depth <= 2 or depth * channels * bits < 1024
    else:
        width, lanes, small = bits, channels, depth <= 32
    value = 0 if small else lanes * bram18(depth, width, widest=18)
    return exact(value, "fifo", FIFO_BRAM_SOURCE)


@cache
def shipped() -> Calibration:
    """The laws of this release."""
    return {(row["tool"], row["law"], row["metric"]): row for row in json.loads(CALIBRATION.read_text())}


def _other(tool: str) -> str:
    return "vivado" if tool == "vitis" else "vitis"


def together(one: Amount | None, other: Amount | None) -> Amount | None:
    """Two parts of one block, which err together; None where one of them is not known."""
    if one is None or other is None:
        return None
    source = f"{one.source}; {other.source}"
    return Amount(one.value + other.value, one.low + other.low, one.high + other.high, one.law, source)
