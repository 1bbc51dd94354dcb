"""What each row of a csynth report is to the laws of backends/hls4ml: the law and its counts, by metric.

A row's own configuration is completed by that of the rows of the same report with the same layer number, and the
pixels that an activation takes by the convolution before it. Nothing measured is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from csynth_configs import (
    CONVOLUTIONS,
    NotModelled,
    config_of,
    count,
    data_width,
    is_costly,
    pixels_taken,
    type_width,
    zeros,
)
from csynth_rows import METRICS, Row

from backends.hls4ml import laws
from backends.hls4ml.laws import Amount, Features

NONE = laws.exact(0, "none", "the generated code has none")
BUFFERS = ("compute_output_buffer_1d", "compute_output_buffer_2d")


@dataclass(frozen=True)
class Law:
    """A fitted law for one row."""

    name: str
    features: Features


@dataclass(frozen=True)
class Module:
    """`missing` says for a metric why nothing is predicted."""

    row: Row
    laws: Mapping[str, Law] = field(default_factory=dict)
    known: Mapping[str, Amount] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def modules(rows: Sequence[Row]) -> list[Module]:
    designs: dict[str, list[Row]] = {}
    for row in rows:
        designs.setdefault(row.design, []).append(row)
    return [_module(row, designs[row.design]) for row in rows]


def _module(row: Row, design: Sequence[Row]) -> Module:
    try:
        fits, known, missing = _described(row, design)
    except NotModelled as reason:
        fits, known, missing = {}, {}, dict.fromkeys(METRICS, str(reason))
    return Module(row, fits, known, missing)


Description = tuple[dict[str, Law], dict[str, Amount], dict[str, str]]


def _described(row: Row, design: Sequence[Row]) -> Description:
    if row.layer in (*CONVOLUTIONS, *BUFFERS):
        if not row.stream:
            raise NotModelled("a convolution with io_parallel")
        return _convolution(row, design)
    match row.layer:
        case "TOP":
            raise NotModelled("a whole design, whose network is not in the row")
        case "dense" | "dense_resource" | "dense_latency":
            return _dense(row, design)
        case "shift_line_buffer":
            counts = laws.line_buffer(*(count(row.config, key) for key in ("filt_height", "filt_width", "n_chan")))
            return _both("line_buffer", counts), {"cycles": NONE, "bram18": NONE, "dsp": NONE}, {}
        case "Block_proc":
            return _both("block", {"one": 1.0}), {"cycles": NONE, "bram18": NONE, "dsp": NONE}, {}
        case "fifo":
            return _fifo(row)
        case "relu" | "pooling2d_cl" | "normalize" | "softmax" | "zeropad2d_cl" | "add" | "clone_stream" if row.stream:
            return _pipeline(row, design)
    raise NotModelled(f"no law for {row.layer}")


def _both(law: str, features: Features) -> dict[str, Law]:
    return {metric: Law(law, features) for metric in ("lut", "ff")}


def _convolution(row: Row, design: Sequence[Row]) -> Description:
    config = config_of(row, design)
    kernel, channels = (count(config, "filt_height", 1), count(config, "filt_width", 1)), count(config, "n_chan")
    pixels = count(config, "in_height", 1) * count(config, "in_width")
    size = kernel[0] * kernel[1] * channels, count(config, "n_filt")
    window = (*kernel, channels) if kernel != (1, 1) else None
    whole = row.layer in CONVOLUTIONS
    return _products(row, design, size, window, "convolution" if whole else "window", pixels * whole or 1)


def _dense(row: Row, design: Sequence[Row]) -> Description:
    config = config_of(row, design)
    n_in, n_out = count(config, "n_in"), count(config, "n_out")
    # with an argument each for input and output the name tells how many elements a token of the input has
    elements = re.findall(r"array_ap_u?fixed_(?:[\d_]+_)?(\d+)u", row.module)
    tokens: float | None = n_in / int(elements[0]) if len(elements) > 1 else pixels_taken(row, design)
    if row.layer == "dense" and row.stream:
        return _products(row, design, (n_in, n_out), None, "dense", tokens)
    return _products(row, design, (n_in, n_out), None, "dense_resource", 1)


def _products(
    row: Row,
    design: Sequence[Row],
    size: tuple[int, int],
    window: tuple[int, int, int] | None,
    kind: str,
    tokens: float | None,
) -> Description:
    """A layer with weights, or the part of it that a submodule is; `kind` names its law of cycles.

    `tokens` are those of a frame that it takes, None where that is not known.
    """
    config = config_of(row, design)
    factor, stored = count(config, "reuse_factor"), size[0] * size[1]
    weight, accumulator = type_width(config, "weight_t"), type_width(config, "accum_t")
    if _unrolled(row, config, factor):
        products = max(stored - zeros(config, stored), 1.0)
        found = _both("constants", laws.constants(products, accumulator, window is not None))
        known = {"bram18": NONE, "dsp": laws.constant_dsp(products / factor, weight)}
        if kind == "convolution" and tokens:
            found["cycles"] = Law("unrolled_convolution", {"turns": factor * tokens, "one": 1.0})
        elif tokens == 1:
            found["cycles"] = Law("unrolled_dense", {"turns": factor - 1.0, "one": 1.0})
        return found, known, {} if "cycles" in found else {"cycles": "tokens that the layer takes not recorded"}
    multipliers = -(-stored // factor)
    data = data_width(row, design)
    counts = laws.multiply_accumulate(
        size, multipliers, (data, weight, accumulator), window, whole=kind != "dense_resource"
    )
    known = {
        "bram18": laws.weight_bram(row.tool, multipliers, weight, factor),
        "dsp": laws.multiplier_dsp(multipliers, data, weight),
    }
    if tokens is None:
        return _both("mac", counts), known, {"cycles": "tokens that the layer takes not recorded"}
    cycles = {"turns": factor * (tokens if kind == "convolution" else 1), "tokens": tokens, "one": 1.0}
    return {**_both("mac", counts), "cycles": Law(kind, cycles)}, known, {}


def _unrolled(row: Row, config: Mapping[str, Any], factor: int) -> bool:
    """Whether the weights are constants of the logic."""
    strategy = str(config.get("strategy", "")).rpartition("::")[2].lower()
    if row.layer in ("dense_latency", "dense_resource"):
        strategy = row.layer.removeprefix("dense_")
    if strategy not in ("latency", "resource"):
        raise NotModelled(f"strategy {strategy}" if strategy else "strategy not recorded")
    return strategy == "latency" or factor == 1


def _pipeline(row: Row, design: Sequence[Row]) -> Description:
    """A layer that handles a token a cycle."""
    elements = re.search(r"_(\d+)u_", row.module)
    if not elements:
        raise NotModelled("channels not in the module's name")
    channels, pixels = int(elements[1]), pixels_taken(row, design)
    width = data_width(row, design)
    known = {"bram18": NONE, "dsp": NONE}
    match row.layer:
        case "pooling2d_cl":
            found = _both("maxpool2d", laws.pooling(2, 2, channels, width))
        case "zeropad2d_cl":
            return _both("padding", laws.per_channel(channels)), known, {"cycles": "no law for those of zero padding"}
        case "add" | "clone_stream":
            found = _both("relu", laws.per_channel(0, pixels or 1))
        case _:
            found = _both(row.layer, laws.per_channel(channels, pixels or 1))
    if row.layer == "relu" and is_costly(row, design):
        found["lut"] = Law("relu_saturating", found["lut"].features)
    elif row.layer == "add":
        del found["lut"]
        known["lut"] = laws.adders(channels * (1 + is_costly(row, design)), width + 1)
    elif row.layer == "normalize":
        known["dsp"] = laws.exact(channels, "normalize", "at most a product a channel", low=0)
    elif row.layer == "softmax":
        bram, dsp = laws.softmax_bram(channels), laws.softmax_dsp(channels)
        if bram is None or dsp is None:
            raise NotModelled(f"softmax of other than {laws.SOFTMAX_CLASSES} classes")
        known = {"bram18": bram, "dsp": dsp}
    if pixels is None:
        reason = "pixels that the layer takes not recorded"
        missing = {"cycles": reason} | ({"ff": reason} if found["ff"].name == "relu" else {})
        return {metric: law for metric, law in found.items() if metric not in missing}, known, missing
    looped = float(pixels > 1)
    counts = {"tokens": pixels * looped, "looped": looped, "single": 1 - looped}
    return found | {"cycles": Law(found["ff"].name, counts)}, known, {}


def _fifo(row: Row) -> Description:
    depth, bits = count(row.config, "depth"), count(row.config, "bits")
    bram = laws.fifo_bram(row.tool, depth, 1, bits)
    known = {
        "bram18": bram,
        "dsp": NONE,
        "lut": laws.exact(0, "fifo", "csynth counts the LUTs of a FIFO in the whole design only"),
    }
    counts = {"one": 1.0, "in_block_ram": float(bram.value > 0)}
    return {"ff": Law("fifo", counts)}, known, {"cycles": "a FIFO has none"}
