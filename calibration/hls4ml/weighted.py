"""Layers with weights: convolutions, dense layers and their submodules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from backends.hls4ml import counts, resources
from backends.hls4ml.structure import cycles_a_turn
from calibration.hls4ml.configs import (
    CONVOLUTIONS,
    NotModelled,
    config_of,
    count,
    data_width,
    pixels_taken,
    type_width,
    zeros,
)
from calibration.hls4ml.description import NONE, Description, FittedModel, is_version, lut_and_ff
from calibration.hls4ml.rows import CsynthRow

BUFFERS = ("compute_output_buffer_1d", "compute_output_buffer_2d")
PRODUCTS = ("dense", "dense_resource", "dense_latency", "dense_latency_wrapper")

WINDOW_CALLED = "2022.2", "9"
"""Versions of Vitis HLS, from the first to before the second, where a pixel calls its window as a function.

Then the next pixel waits: a convolution by constants takes 3 cycles a pixel or more in 13 of 13 layers of 7
repositories (2 where the sum fits into a cycle) and 1 in 5 of 5 of Vitis HLS 2022.1.
"""

HASTY = 1.6
"""Haste above which a Resource convolution has more stages a pixel."""

MANY_INPUTS = 64
"""Inputs of a sum of constants above which it takes more than a cycle: in 4 of 4 convolutions, below in 0 of 8."""


def convolution(row: CsynthRow, design: Sequence[CsynthRow]) -> Description:
    config = config_of(row, design)
    kernel, channels = (count(config, "filt_height", 1), count(config, "filt_width", 1)), count(config, "n_chan")
    pixels = count(config, "in_height", 1) * count(config, "in_width")
    size = kernel[0] * kernel[1] * channels, count(config, "n_filt")
    window = (*kernel, channels) if kernel != (1, 1) else None
    whole = row.layer in CONVOLUTIONS
    return _products(row, design, size, window, "convolution" if whole else "window", pixels * whole or 1)


def dense(row: CsynthRow, design: Sequence[CsynthRow]) -> Description:
    config = config_of(row, design)
    n_in, n_out = count(config, "n_in"), count(config, "n_out")
    # with an argument each for input and output the name tells how many elements a token of the input has
    elements = re.findall(r"array_ap_u?fixed_(?:[\d_]+_)?(\d+)u", row.module)
    tokens: float | None = n_in / int(elements[0]) if len(elements) > 1 else pixels_taken(row, design)
    if row.layer == "dense" and row.stream:
        return _products(row, design, (n_in, n_out), None, "dense", tokens)
    return _products(row, design, (n_in, n_out), None, "dense_resource", 1)


def _products(
    row: CsynthRow,
    design: Sequence[CsynthRow],
    size: tuple[int, int],
    window: tuple[int, int, int] | None,
    kind: str,
    tokens: float | None,
) -> Description:
    """A layer with weights, or the part of it that a submodule is; `kind` names the model of its cycles.

    `tokens` are those of a frame that it takes, None where that is not known.
    """
    config = config_of(row, design)
    factor, stored = count(config, "reuse_factor"), size[0] * size[1]
    weight, accumulator = type_width(config, "weight_t"), type_width(config, "accum_t")
    data = data_width(row, design)
    whole = kind != "dense_resource"
    if _unrolled(row, config, factor):
        products = max(stored - zeros(config, stored), 1.0)
        constants = counts.constants(size[0], products, (data, accumulator), window, factor, row.haste, whole)
        dsp = resources.constant_dsp(products, data, weight)
        known = {"bram18": NONE, "dsp": dsp if factor == 1 else resources.shared_dsp(size, factor, data, weight)}
        models = lut_and_ff("constants", constants)
        cycles = None if tokens is None else _unrolled_cycles(row, kind, size[0], factor, tokens)
    else:
        multipliers = -(-stored // factor)
        known = {
            "bram18": resources.weight_bram(row.tool, size, weight, factor),
            "dsp": resources.multiplier_dsp(multipliers, data, weight),
        }
        sizes = counts.multiply_accumulate(size, multipliers, (data, accumulator), weight, window, whole)
        models = lut_and_ff("mac", sizes)
        cycles = None if tokens is None else _folded_cycles(row, kind, factor, tokens)
    if cycles is None:
        return Description(models, known, {"cycles": "tokens that the layer takes not recorded"})
    return Description(models | {"cycles": cycles}, known)


def _folded_cycles(row: CsynthRow, kind: str, factor: int, tokens: float) -> FittedModel:
    features = {
        "turns": factor * cycles_a_turn(factor) * (tokens if kind == "convolution" else 1),
        "tokens": tokens,
        "hasty": tokens * (row.haste > HASTY),
        "collected": tokens * (tokens > 1),
        "looped": float(tokens > 1),
        "one": 1.0,
    }
    return FittedModel(kind, features)


def _unrolled_cycles(row: CsynthRow, kind: str, n_in: int, factor: int, tokens: float) -> FittedModel:
    """A pixel starts every `factor` cycles, or when the one before has called its window; see `WINDOW_CALLED`."""
    if kind in ("convolution", "window"):
        called = is_version(row, *WINDOW_CALLED)
        calls = {"called": tokens * called, "deep": tokens * called * (n_in > MANY_INPUTS)}
        if factor > 1:
            return FittedModel("reused_convolution", {"turns": factor * tokens})
        return FittedModel(
            "unrolled_convolution" if kind == "convolution" else "unrolled_window",
            {"tokens": tokens, "one": 1.0} | calls,
        )
    looped = float(tokens > 1)
    name = "unrolled_dense" if kind == "dense" else "unrolled_product"
    return FittedModel(name, {"turns": factor - 1.0, "tokens": tokens * looped, "looped": looped, "one": 1.0})


def _unrolled(row: CsynthRow, config: Mapping[str, Any], factor: int) -> bool:
    """Whether the weights are constants of the logic."""
    strategy = str(config.get("strategy", "")).rpartition("::")[2].lower()
    if row.layer in PRODUCTS[1:]:
        strategy = row.layer.split("_")[1]
    if strategy not in ("latency", "resource"):
        raise NotModelled(f"strategy {strategy}" if strategy else "strategy not recorded")
    return strategy == "latency" or factor == 1
