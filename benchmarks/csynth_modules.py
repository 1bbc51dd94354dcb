"""What each row of a csynth report is to the laws of backends/hls4ml: the law and its counts, by metric.

A row's own configuration is completed by that of the rows of the same report with the same layer number, and the
pixels that an activation takes by the convolution before it. Nothing measured is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from csynth_rows import METRICS, Row

from backends.hls4ml import laws
from backends.hls4ml.laws import Amount, Features

NONE = laws.exact(0, "none", "the generated code has none")
CONVOLUTIONS = ("conv_1d_cl", "conv_2d_cl")
POOLINGS = ("pooling1d_cl", "pooling2d_cl")
KEEPING = ("relu", "leaky_relu", "normalize", "linear", "softmax", "sigmoid", "tanh")
"""Layers that put a token for each that they take."""
DEFAULT_TYPE = "ap_fixed<16,6>"
"""hls4ml's, where a row names none."""
TRUNCATED = ("5", "3")
"""AP_TRN and AP_WRAP, as a module's name has them."""
PARTS = ("compute_output_buffer_1d", "compute_output_buffer_2d", "shift_line_buffer", "dense_resource", "dense_latency")
"""Modules inside a layer."""


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


class NotModelled(Exception):
    """The reason."""


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
    match row.layer:
        case "TOP":
            raise NotModelled("a whole design, whose network is not in the row")
        case "conv_1d_cl" | "conv_2d_cl" | "compute_output_buffer_1d" | "compute_output_buffer_2d":
            if not row.stream:
                raise NotModelled("a convolution with io_parallel")
            return _convolution(row, design)
        case "dense" | "dense_resource" | "dense_latency":
            return _dense(row, design)
        case "shift_line_buffer":
            counts = laws.line_buffer(*(_count(row.config, key) for key in ("filt_height", "filt_width", "n_chan")))
            return _both("line_buffer", counts), {"cycles": NONE, "bram18": NONE, "dsp": NONE}, {}
        case "Block_proc":
            return _both("block", {"one": 1.0}), {"cycles": NONE, "bram18": NONE, "dsp": NONE}, {}
        case "fifo":
            return _fifo(row)
        case "relu" | "pooling2d_cl" | "normalize" | "softmax" if row.stream:
            return _pipeline(row, design)
    raise NotModelled(f"no law for {row.layer}")


def _both(law: str, features: Features) -> dict[str, Law]:
    return {metric: Law(law, features) for metric in ("lut", "ff")}


def _convolution(row: Row, design: Sequence[Row]) -> Description:
    config = _config(row, design)
    kernel, channels = (_count(config, "filt_height", 1), _count(config, "filt_width")), _count(config, "n_chan")
    pixels = _count(config, "in_height", 1) * _count(config, "in_width")
    size = kernel[0] * kernel[1] * channels, _count(config, "n_filt")
    whole = row.layer in CONVOLUTIONS
    return _products(row, design, size, (*kernel, channels), "convolution" if whole else "window", pixels * whole or 1)


def _dense(row: Row, design: Sequence[Row]) -> Description:
    config = _config(row, design)
    n_in, n_out = _count(config, "n_in"), _count(config, "n_out")
    whole = row.layer == "dense" and row.stream
    # with an argument each for input and output the name tells how many elements a token of the input has
    elements = re.findall(r"array_ap_u?fixed_(?:[\d_]+_)?(\d+)u", row.module)
    tokens = n_in / int(elements[0]) if len(elements) > 1 else None
    if not whole:
        return _products(row, design, (n_in, n_out), None, "dense_resource", 1)
    return _products(row, design, (n_in, n_out), None, "dense", tokens)


def _products(
    row: Row,
    design: Sequence[Row],
    size: tuple[int, int],
    window: tuple[int, int, int] | None,
    kind: str,
    tokens: float | None,
) -> Description:
    """A layer with weights, or the part of it that a submodule is; `kind` names its law of cycles."""
    config = _config(row, design)
    factor, weight, accumulator = _count(config, "reuse_factor"), _width(config, "weight_t"), _width(config, "accum_t")
    if _unrolled(row, config, factor):
        zeros = config.get("n_zeros") or config.get("sparsity", 0) * size[0] * size[1]
        products = max(size[0] * size[1] - float(zeros), 1.0)
        found = _both("constants", laws.constants(products, accumulator))
        known = {"bram18": NONE, "dsp": laws.constant_dsp(products / factor, weight)}
        if kind == "convolution" and tokens:
            found["cycles"] = Law("unrolled_convolution", {"turns": factor * tokens, "one": 1.0})
            return found, known, {}
        return found, known, {"cycles": "pipeline depth of an unrolled dense layer"}
    multipliers = -(-size[0] * size[1] // factor)
    data = _data_width(row, design)
    whole = kind in ("convolution", "dense")
    counts = laws.multiply_accumulate(size, multipliers, (data, weight, accumulator), window, whole)
    known = {
        "bram18": laws.weight_bram(row.tool, multipliers, weight, factor),
        "dsp": laws.multiplier_dsp(multipliers, data, weight),
    }
    if tokens is None:
        return _both("mac", counts), known, {"cycles": "tokens of a dense layer's input not recorded"}
    turns = {"turns": factor * (tokens if kind == "convolution" else 1), "tokens": tokens, "one": 1.0}
    return {**_both("mac", counts), "cycles": Law(kind, turns)}, known, {}


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
    channels, pixels = int(elements[1]), _pixels(row, design)
    if row.layer == "pooling2d_cl":
        found = _both("maxpool2d", laws.pooling(2, 2, channels, _data_width(row, design)))
    else:
        found = _both(row.layer, laws.per_channel(channels, pixels or 1))
    known = {"bram18": NONE, "dsp": NONE}
    if row.layer == "relu" and _is_costly(row, design):
        found["lut"] = Law("relu_saturating", found["lut"].features)
    elif row.layer == "normalize":
        known["dsp"] = laws.exact(channels, "normalize", "at most a product a channel", low=0)
    elif row.layer == "softmax":
        bram, dsp = laws.softmax_bram(channels), laws.softmax_dsp(channels)
        if bram is None or dsp is None:
            raise NotModelled(f"softmax of other than {laws.SOFTMAX_CLASSES} classes")
        known = {"bram18": bram, "dsp": dsp}
    if pixels is None:
        reason = "pixels that the layer takes not recorded"
        missing = {"cycles": reason} | ({"ff": reason} if row.layer == "relu" else {})
        return {metric: law for metric, law in found.items() if metric not in missing}, known, missing
    looped = float(pixels > 1)
    counts = {"tokens": pixels * looped, "looped": looped, "single": 1 - looped}
    return found | {"cycles": Law(found["ff"].name, counts)}, known, {}


def _fifo(row: Row) -> Description:
    depth, bits = _count(row.config, "depth"), _count(row.config, "bits")
    bram = laws.fifo_bram(row.tool, depth, 1, bits)
    known = {
        "bram18": bram,
        "dsp": NONE,
        "lut": laws.exact(0, "fifo", "csynth counts the LUTs of a FIFO in the whole design only"),
    }
    counts = {"one": 1.0, "in_block_ram": float(bram.value > 0)}
    return {"ff": Law("fifo", counts)}, known, {"cycles": "a FIFO has none"}


def _pixels(row: Row, design: Sequence[Row]) -> int | None:
    """Tokens of one frame that reach an activation or a pooling, None where the report's other rows do not tell."""
    chain = sorted((one for one in design if one.number is not None), key=lambda one: one.number or 0)
    for one in reversed([one for one in chain if (one.number or 0) < (row.number or 0)]):
        if one.layer in CONVOLUTIONS:
            return _area(one, "out")
        if one.layer in POOLINGS:
            behind = [other for other in chain if (other.number or 0) > (one.number or 0)]
            following = next((other for other in behind if other.layer not in KEEPING), None)
            padded = any(other.layer.startswith("zeropad") for other in design)
            return _area(following, "in") if following and following.layer in CONVOLUTIONS and not padded else None
        if one.layer == "dense":
            return 1
        if one.layer not in KEEPING and one.layer not in PARTS:
            return None
    return None


def _area(row: Row, side: str) -> int | None:
    height, width = row.config.get(f"{side}_height", 1), row.config.get(f"{side}_width")
    return height * width if isinstance(height, int) and isinstance(width, int) else None


def _config(row: Row, design: Sequence[Row]) -> dict[str, Any]:
    """A submodule has the configuration of its layer."""
    found: dict[str, Any] = {}
    for one in design if row.number is not None else ():
        if one.number == row.number:
            found.update(one.config)
    return found | dict(row.config)


def _count(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = config.get(key, default)
    if value is None:
        raise NotModelled(f"{key} not recorded")
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise NotModelled(f"{key} is no count")
    return value


def _width(config: Mapping[str, Any], key: str) -> int:
    """Bits of a type such as ap_fixed<16,6>."""
    found = re.search(r"fixed<(\d+)|int<(\d+)", str(config.get(key) or DEFAULT_TYPE))
    if not found:
        raise NotModelled(f"{key} is no type")
    return int(found[1] or found[2])


def _data_width(row: Row, design: Sequence[Row]) -> int:
    """Bits of the activations that a layer takes: of its line buffer, of the design's last one, or as a note says."""
    buffers = [one for one in design if one.layer == "shift_line_buffer"]
    own = [one for one in buffers if one.number == row.number]
    for one in (*own, *reversed(buffers)):
        found = re.search(r"fixed_(\d+)_\d", one.module)
        if found:
            return int(found[1])
    notes = " ".join(str(one.config.get("note", "")) for one in design)
    found = re.search(r"(\d+)-bit", notes)
    return int(found[1]) if found else 16


def _is_costly(row: Row, design: Sequence[Row]) -> bool:
    """Whether an activation rounds or saturates: by its type, else as QKeras does, whose weights are narrower."""
    types = re.findall(r"ap_u?fixed_\d+_\d+_(\d)_(\d)_\d_\d+u", row.module)
    if types:
        return types[-1] != TRUNCATED
    return any(_width(one.config, "weight_t") < 16 for one in design if one.layer in CONVOLUTIONS)
