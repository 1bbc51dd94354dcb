"""What the rows of one report tell of each other: a layer's configuration, the types and the pixels that it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from csynth_rows import Row

CONVOLUTIONS = ("conv_1d_cl", "conv_2d_cl", "pointwise_conv_1d_cl", "pointwise_conv_2d_cl")
POOLINGS = ("pooling1d_cl", "pooling2d_cl")
KEEPING = ("relu", "leaky_relu", "normalize", "linear", "softmax", "sigmoid", "tanh", "hard_tanh")
"""Layers that put a token for each that they take."""
DEFAULT_TYPE = "ap_fixed<16,6>"
"""hls4ml's, where a row names none."""
TRUNCATED = ("5", "3")
"""AP_TRN and AP_WRAP, as a module's name has them."""
PARTS = (
    "compute_output_buffer_1d",
    "compute_output_buffer_2d",
    "shift_line_buffer",
    "dense_resource",
    "dense_latency",
    "dense_latency_wrapper",
)
"""Modules inside a layer."""


class NotModelled(Exception):
    """Why no law speaks of a row."""


def pixels_taken(row: Row, design: Sequence[Row]) -> int | None:
    """Tokens of one frame that reach an activation or a pooling, None where the report's other rows do not tell."""
    chain = sorted((one for one in design if one.number is not None), key=lambda one: one.number or 0)
    for one in reversed([one for one in chain if (one.number or 0) < (row.number or 0)]):
        if one.layer in POOLINGS and _area(one, "out"):
            return _area(one, "out")
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


def config_of(row: Row, design: Sequence[Row]) -> dict[str, Any]:
    """A submodule has the configuration of its layer; a dense layer that records none that of the whole design."""
    found: dict[str, Any] = {}
    for one in design if row.number is not None else ():
        if one.number == row.number:
            found.update(one.config)
    return found | dict(row.config) or (_inferred(row, design) if row.layer == "dense" else {})


def _inferred(row: Row, design: Sequence[Row]) -> dict[str, Any]:
    """What the convolutions have in common, and the sizes of a dense layer behind a vector, by the modules' names."""
    configs = [one.config for one in design if one.layer in CONVOLUTIONS]
    keys = ("strategy", "reuse_factor", "weight_t", "accum_t", "sparsity")
    found = {
        key: configs[0][key]
        for key in keys
        if configs and len({str(one.get(key)) for one in configs}) == 1 and key in configs[0]
    }
    before = [one for one in design if (one.number or 0) < (row.number or 0) and one.layer in (*KEEPING, "dense")]
    if pixels_taken(row, design) == 1 and before:
        for key, one in (("n_in", max(before, key=lambda one: one.number or 0)), ("n_out", row)):
            elements = re.findall(r"_(\d+)u_", one.module)
            found |= {key: int(elements[-1])} if elements else {}
    return found


def count(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = config.get(key, default)
    if value is None:
        raise NotModelled(f"{key} not recorded")
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise NotModelled(f"{key} is no count")
    return value


def zeros(config: Mapping[str, Any], weights: int) -> float:
    """Weights that are zero, none where nothing is recorded."""
    found, share = config.get("n_zeros") or 0, config.get("sparsity") or 0
    if not isinstance(found, int | float) or not isinstance(share, int | float):
        raise NotModelled("n_zeros is no count")
    return max(0.0, min(float(found or share * weights), float(weights)))


def type_width(config: Mapping[str, Any], key: str) -> int:
    """Bits of a type such as ap_fixed<16,6>."""
    found = re.search(r"fixed<(\d+)|int<(\d+)", str(config.get(key) or DEFAULT_TYPE))
    if not found:
        raise NotModelled(f"{key} is no type")
    return int(found[1] or found[2])


def data_width(row: Row, design: Sequence[Row]) -> int:
    """Bits of the elements that a layer takes: of its line buffer, or of what the layer before puts, else 16.

    Where no layer's name tells, those of another line buffer of the design, or what a note says.
    """
    buffers = [one for one in design if one.layer == "shift_line_buffer"]
    own = [one for one in buffers if one.number == row.number]
    before = [one for one in design if one.layer in (*KEEPING, *POOLINGS) and (one.number or 0) < (row.number or 0)]
    last = sorted(before, key=lambda one: one.number or 0)[-1:]
    for one in (*own, *last, *reversed(buffers)):
        found = re.findall(r"fixed_(\d+)_\d", one.module)
        if found:
            return int(found[-1])
    notes = " ".join(str(one.config.get("note", "")) for one in design)
    noted = re.search(r"(\d+)-bit", notes)
    return int(noted[1]) if noted else 16


def accumulator_width(row: Row, design: Sequence[Row]) -> int:
    """Bits of what an activation takes: of the accumulator of the layer with weights before it, 16 where none tells."""
    before = [one for one in design if one.number is not None and one.number < (row.number or 0)]
    for one in sorted(before, key=lambda one: -(one.number or 0)):
        if one.config.get("accum_t"):
            return type_width(one.config, "accum_t")
        if one.layer in POOLINGS or one.layer == "normalize":
            break
    return 16


def element_width(row: Row) -> int:
    """Bits of what an activation puts, by its module's name."""
    types = re.findall(r"ap_u?fixed_(\d+)_\d", row.module)
    return int(types[-1]) if types else 16


def is_costly(row: Row, design: Sequence[Row]) -> bool:
    """Whether an activation rounds or saturates: by its type, else as QKeras does, whose weights are narrower."""
    types = re.findall(r"ap_u?fixed_\d+_\d+_(\d)_(\d)_\d_\d+u", row.module)
    if types:
        return bool(types[-1] != TRUNCATED)
    return any(type_width(one.config, "weight_t") < 16 for one in design if one.layer in CONVOLUTIONS)
