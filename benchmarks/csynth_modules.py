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
    accumulator_width,
    config_of,
    count,
    data_width,
    element_width,
    is_costly,
    pixels_taken,
    type_width,
    zeros,
)
from csynth_rows import METRICS, Row

from backends.hls4ml import counts, laws
from backends.hls4ml.counts import Features
from backends.hls4ml.laws import Amount

NONE = laws.exact(0, "none", "the generated code has none")
BUFFERS = ("compute_output_buffer_1d", "compute_output_buffer_2d")
PRODUCTS = ("dense", "dense_resource", "dense_latency", "dense_latency_wrapper")
PIPELINES = ("relu", "pooling2d_cl", "normalize", "softmax", "add", "clone_stream")
PADDINGS = ("zeropad1d_cl", "zeropad2d_cl")
WINDOW_CALLED, POOL_CALLED = ("2022.2", "9"), ("2023.2", "2025")
"""Versions of Vitis HLS, from one on and before another, where a pixel calls its window, or its pool, as a function.

Then the next one waits: a convolution by constants takes 3 cycles a pixel or more in 13 of 13 layers of 7 repositories
(2 where the sum fits into a cycle) and 1 in 5 of 5 of Vitis HLS 2022.1; a pool takes 2 in 3 of 3 layers of 2
repositories and 1 in 15 of 15 of other versions.
"""


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
        case layer if layer in PRODUCTS:
            return _dense(row, design)
        case "shift_line_buffer":
            sizes = counts.line_buffer(*(count(row.config, key) for key in ("filt_height", "filt_width", "n_chan")))
            return _both("line_buffer", sizes), {"cycles": NONE, "bram18": NONE, "dsp": NONE}, {}
        case "Block_proc":
            return _both("block", {"one": 1.0}), {"cycles": NONE, "bram18": NONE, "dsp": NONE}, {}
        case "fifo":
            return _fifo(row)
        case layer if layer in PADDINGS and row.stream:
            return _padding(row)
        case layer if layer in PIPELINES and row.stream:
            return _pipeline(row, design)
        case "relu":
            channels = count(row.config, "n_in")
            bits = accumulator_width(row, design), element_width(row)
            law = Law("relu_parallel", counts.per_channel(channels, 1, bits))
            return {"lut": law}, {"cycles": NONE, "bram18": NONE, "dsp": NONE, "ff": NONE}, {}
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
    data = data_width(row, design)
    whole = kind != "dense_resource"
    if _unrolled(row, config, factor):
        products = max(stored - zeros(config, stored), 1.0)
        found = _both(
            "constants", counts.constants(size[0], products, (data, accumulator), window, factor, row.haste, whole)
        )
        dsp = laws.constant_dsp(products, data, weight)
        known = {"bram18": NONE, "dsp": dsp if factor == 1 else laws.shared_dsp(size, factor, data, weight)}
        if tokens is None:
            return found, known, {"cycles": "tokens that the layer takes not recorded"}
        return found | {"cycles": _unrolled_cycles(row, kind, size[0], factor, tokens)}, known, {}
    multipliers = -(-stored // factor)
    sizes = counts.multiply_accumulate(size, multipliers, (data, accumulator), weight, window, whole)
    known = {
        "bram18": laws.weight_bram(row.tool, multipliers, weight, factor),
        "dsp": laws.multiplier_dsp(multipliers, data, weight),
    }
    if tokens is None:
        return _both("mac", sizes), known, {"cycles": "tokens that the layer takes not recorded"}
    cycles = {
        "turns": factor * (tokens if kind == "convolution" else 1),
        "tokens": tokens,
        "hasty": tokens * (row.haste > HASTY),
        "collected": tokens * (tokens > 1),
        "looped": float(tokens > 1),
        "one": 1.0,
    }
    return {**_both("mac", sizes), "cycles": Law(kind, cycles)}, known, {}


HASTY = 1.6
"""Haste above which a Resource convolution has more stages a pixel."""

MANY_INPUTS = 64
"""Inputs of a sum of constants above which it takes more than a cycle: in 4 of 4 convolutions, below in 0 of 8."""


def _unrolled_cycles(row: Row, kind: str, n_in: int, factor: int, tokens: float) -> Law:
    """A pixel starts every `factor` cycles, or when the one before has called its window; see `WINDOW_CALLED`."""
    if kind in ("convolution", "window"):
        called = _within(row, WINDOW_CALLED)
        calls = {"called": tokens * called, "deep": tokens * called * (n_in > MANY_INPUTS)}
        if factor > 1:
            return Law("reused_convolution", {"turns": factor * tokens})
        return Law(
            "unrolled_convolution" if kind == "convolution" else "unrolled_window",
            {"tokens": tokens, "one": 1.0} | calls,
        )
    looped = float(tokens > 1)
    law = "unrolled_dense" if kind == "dense" else "unrolled_product"
    return Law(law, {"turns": factor - 1.0, "tokens": tokens * looped, "looped": looped, "one": 1.0})


def _within(row: Row, versions: tuple[str, str]) -> bool:
    return row.tool == "vitis" and versions[0] <= row.version < versions[1]


def _unrolled(row: Row, config: Mapping[str, Any], factor: int) -> bool:
    """Whether the weights are constants of the logic."""
    strategy = str(config.get("strategy", "")).rpartition("::")[2].lower()
    if row.layer in PRODUCTS[1:]:
        strategy = row.layer.split("_")[1]
    if strategy not in ("latency", "resource"):
        raise NotModelled(f"strategy {strategy}" if strategy else "strategy not recorded")
    return strategy == "latency" or factor == 1


def _channels(row: Row) -> int:
    elements = re.search(r"_(\d+)u_", row.module)
    if not elements:
        raise NotModelled("channels not in the module's name")
    return int(elements[1])


def _padding(row: Row) -> Description:
    """Zeros above, left, right and below: a token for each, and a few cycles for each loop over them."""
    flat = row.layer == "zeropad1d_cl"
    laws_of = {} if flat else _both("padding", counts.per_channel(_channels(row)))
    missing = dict.fromkeys(("lut", "ff"), "no law for zeropad1d_cl") if flat else {}
    known = {"bram18": NONE, "dsp": NONE}
    try:
        rows = [count(row.config, f"{side}_height", 1) for side in ("in", "out")]
        tokens = rows[1] * count(row.config, "out_width")
    except NotModelled as reason:
        return laws_of, known, missing | {"cycles": str(reason)}
    loops = {"tokens": float(tokens), "one": 1.0, "rows": float(rows[1] > 1), "above": float(rows[1] - rows[0] > 1)}
    return laws_of | {"cycles": Law("padding", loops)}, known, missing


def _activation(row: Row, design: Sequence[Row], channels: int, tokens: int) -> dict[str, Law]:
    bits = accumulator_width(row, design), element_width(row)
    late = _within(row, ("2022", "2023"))
    law = _both("relu", counts.per_channel(channels, tokens, bits, max(row.haste, counts.HELD_UP * late)))
    return law | {"lut": Law("relu_saturating", law["lut"].features)} if is_costly(row, design) else law


def _pipeline(row: Row, design: Sequence[Row]) -> Description:
    """A layer that handles a token a cycle."""
    channels, pixels = _channels(row), pixels_taken(row, design)
    width = data_width(row, design)
    known = {"bram18": NONE, "dsp": NONE}
    waits = 0.0
    match row.layer:
        case "pooling2d_cl":
            pixels = _taken(row) or pixels
            size = (count(row.config, f"pool_{side}", 2) for side in ("height", "width"))
            found = _both("maxpool2d", counts.pooling(*size, channels, width))
            waits = float(_within(row, POOL_CALLED))
        case "relu":
            found = _activation(row, design, channels, pixels or 1)
        case "add" | "clone_stream":
            found = _both("relu", counts.per_channel(0, pixels or 1))
        case _:
            bits = accumulator_width(row, design), element_width(row)
            found = _both(row.layer, counts.per_channel(channels, pixels or 1, bits, row.haste))
    if row.layer == "add":
        del found["lut"]
        known["lut"] = laws.adders(channels * (1 + is_costly(row, design)), width + 1)
    elif row.layer == "normalize":
        known["dsp"] = laws.exact(channels, "normalize", "at most a product a channel", low=0)
    elif row.layer == "softmax":
        known = {"bram18": laws.softmax_bram(row.tool, channels), "dsp": laws.softmax_dsp(channels)}
    if pixels is None:
        reason = "pixels that the layer takes not recorded"
        missing = {"cycles": reason} | ({"ff": reason} if found["ff"].name == "relu" else {})
        return {metric: law for metric, law in found.items() if metric not in missing}, known, missing
    looped = float(pixels > 1)
    cycles = {"tokens": pixels * looped, "called": pixels * waits, "looped": looped, "one": 1.0}
    return found | {"cycles": Law(found["ff"].name, cycles)}, known, {}


def _taken(row: Row) -> int | None:
    """Pixels of a frame that a pooling takes, None where its configuration does not tell."""
    if "in_width" not in row.config:
        return None
    return count(row.config, "in_height", 1) * count(row.config, "in_width")


def _fifo(row: Row) -> Description:
    depth, bits = count(row.config, "depth"), count(row.config, "bits")
    bram = laws.fifo_bram(row.tool, depth, 1, bits)
    known = {
        "bram18": bram,
        "dsp": NONE,
        "lut": laws.exact(0, "fifo", "csynth counts the LUTs of a FIFO in the whole design only"),
    }
    features = {"one": 1.0, "in_block_ram": float(bram.value > 0)}
    return {"ff": Law("fifo", features)}, known, {"cycles": "a FIFO has none"}
