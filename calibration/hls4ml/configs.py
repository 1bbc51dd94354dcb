"""Completes a row from other rows of its report: the configuration of a layer, its types and its input pixels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from calibration.hls4ml.rows import CsynthRow

CONVOLUTIONS = ("conv_1d_cl", "conv_2d_cl", "pointwise_conv_1d_cl", "pointwise_conv_2d_cl")
POOLINGS = ("pooling1d_cl", "pooling2d_cl")
KEEPING = ("relu", "leaky_relu", "normalize", "linear", "softmax", "sigmoid", "tanh", "hard_tanh")
"""Layers that put out a token for each that they take."""
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
    """Why no resource model speaks of a row."""


def place_of(row: CsynthRow) -> int:
    """The number of its layer, by which the layers of a design are in order; 0 where the name does not tell."""
    return row.number or 0


def pixels_taken(row: CsynthRow, design: Sequence[CsynthRow]) -> int | None:
    """Tokens of one frame that reach an activation or a pooling, None where the report's other rows do not tell."""
    chain = sorted((other for other in design if other.number is not None), key=place_of)
    for before in reversed([other for other in chain if place_of(other) < place_of(row)]):
        if before.layer in POOLINGS and _area(before, "out"):
            return _area(before, "out")
        if before.layer in CONVOLUTIONS:
            return _area(before, "out")
        if before.layer in POOLINGS:
            behind = [other for other in chain if place_of(other) > place_of(before)]
            following = next((other for other in behind if other.layer not in KEEPING), None)
            padded = any(other.layer.startswith("zeropad") for other in design)
            return _area(following, "in") if following and following.layer in CONVOLUTIONS and not padded else None
        if before.layer == "dense":
            return 1
        if before.layer not in KEEPING and before.layer not in PARTS:
            return None
    return None


def _area(row: CsynthRow, side: str) -> int | None:
    height, width = row.config.get(f"{side}_height", 1), row.config.get(f"{side}_width")
    return height * width if isinstance(height, int) and isinstance(width, int) else None


def config_of(row: CsynthRow, design: Sequence[CsynthRow]) -> dict[str, Any]:
    """A submodule has the configuration of its layer; a dense layer that records none that of the whole design."""
    of_layer: dict[str, Any] = {}
    for other in design if row.number is not None else ():
        if other.number == row.number:
            of_layer.update(other.config)
    return of_layer | dict(row.config) or (_inferred(row, design) if row.layer == "dense" else {})


def _inferred(row: CsynthRow, design: Sequence[CsynthRow]) -> dict[str, Any]:
    """What the convolutions have in common, and the sizes of a dense layer behind a vector, by the modules' names."""
    configs = [other.config for other in design if other.layer in CONVOLUTIONS]
    inferred = {
        key: configs[0][key]
        for key in ("strategy", "reuse_factor", "weight_t", "accum_t", "sparsity")
        if configs and len({str(config.get(key)) for config in configs}) == 1 and key in configs[0]
    }
    before = [other for other in design if place_of(other) < place_of(row) and other.layer in (*KEEPING, "dense")]
    if pixels_taken(row, design) == 1 and before:
        for key, other in (("n_in", max(before, key=place_of)), ("n_out", row)):
            elements = re.findall(r"_(\d+)u_", other.module)
            inferred |= {key: int(elements[-1])} if elements else {}
    return inferred


def count(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = config.get(key, default)
    if value is None:
        raise NotModelled(f"{key} not recorded")
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise NotModelled(f"{key} is no count")
    return value


def zeros(config: Mapping[str, Any], weights: int) -> float:
    """Weights that are zero, none where nothing is recorded."""
    recorded, share = config.get("n_zeros") or 0, config.get("sparsity") or 0
    if not isinstance(recorded, int | float) or not isinstance(share, int | float):
        raise NotModelled("n_zeros is no count")
    return max(0.0, min(float(recorded or share * weights), float(weights)))


def type_width(config: Mapping[str, Any], key: str) -> int:
    """Bits of a type such as ap_fixed<16,6>."""
    match = re.search(r"fixed<(\d+)|int<(\d+)", str(config.get(key) or DEFAULT_TYPE))
    if not match:
        raise NotModelled(f"{key} is no type")
    return int(match[1] or match[2])


def data_width(row: CsynthRow, design: Sequence[CsynthRow]) -> int:
    """Bits of the elements that a layer takes: of its line buffer, or of what the layer before puts out, else 16.

    Where no layer's name tells, those of another line buffer of the design, or what a note says.
    """
    buffers = [other for other in design if other.layer == "shift_line_buffer"]
    own = [other for other in buffers if other.number == row.number]
    before = [other for other in design if other.layer in (*KEEPING, *POOLINGS) and place_of(other) < place_of(row)]
    last = sorted(before, key=place_of)[-1:]
    for other in (*own, *last, *reversed(buffers)):
        widths = re.findall(r"fixed_(\d+)_\d", other.module)
        if widths:
            return int(widths[-1])
    notes = " ".join(str(other.config.get("note", "")) for other in design)
    noted = re.search(r"(\d+)-bit", notes)
    return int(noted[1]) if noted else 16


def accumulator_width(row: CsynthRow, design: Sequence[CsynthRow]) -> int:
    """Bits of what an activation takes: of the accumulator of the layer with weights before it, 16 where none tells."""
    before = [other for other in design if other.number is not None and other.number < place_of(row)]
    for other in sorted(before, key=lambda other: -place_of(other)):
        if other.config.get("accum_t"):
            return type_width(other.config, "accum_t")
        if other.layer in POOLINGS or other.layer == "normalize":
            break
    return 16


def element_width(row: CsynthRow) -> int:
    """Bits of what an activation puts out, by its module's name."""
    types = re.findall(r"ap_u?fixed_(\d+)_\d", row.module)
    return int(types[-1]) if types else 16


def is_costly(row: CsynthRow, design: Sequence[CsynthRow]) -> bool:
    """Whether an activation rounds or saturates: by its type, else as QKeras does, whose weights are narrower."""
    types = re.findall(r"ap_u?fixed_\d+_\d+_(\d)_(\d)_\d_\d+u", row.module)
    if types:
        return bool(types[-1] != TRUNCATED)
    return any(type_width(other.config, "weight_t") < 16 for other in design if other.layer in CONVOLUTIONS)
