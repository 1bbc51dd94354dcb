"""Layers without weights: zero padding, pooling, activations, FIFOs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backends.cost.amounts import exact
from backends.dataflow.buffers import Buffer
from backends.hls4ml import counts, resources
from backends.hls4ml.design import chosen_by
from calibration.hls4ml.configs import (
    NotModelled,
    accumulator_width,
    count,
    data_width,
    element_width,
    is_costly,
    pixels_taken,
)
from calibration.hls4ml.description import NONE, Description, FittedModel, is_version, lut_and_ff
from calibration.hls4ml.rows import CsynthRow

PIPELINES = ("relu", "pooling2d_cl", "normalize", "softmax", "add", "clone_stream")
"""Layers that handle a token a cycle."""

PADDINGS = ("zeropad1d_cl", "zeropad2d_cl")

POOL_CALLED = "2023.2", "2025"
"""Versions of Vitis HLS, from the first to before the second, where a pixel calls its pool as a function and the next
one waits: 2 cycles in 3 of 3 layers of 2 repositories, and 1 in 15 of 15 of other versions."""

HELD_UP_LATE = "2022", "2023"
"""Versions of Vitis HLS where an activation puts its result a cycle later."""


def padding(row: CsynthRow) -> Description:
    """Zeros above, left, right and below: a token for each, and a few cycles for each loop over them."""
    flat = row.layer == "zeropad1d_cl"
    models = {} if flat else lut_and_ff("padding", counts.per_channel(_channels(row)))
    missing = dict.fromkeys(("lut", "ff"), "no resource model for zeropad1d_cl") if flat else {}
    known = {"bram18": NONE, "dsp": NONE}
    try:
        rows = [count(row.config, f"{side}_height", 1) for side in ("in", "out")]
        tokens = rows[1] * count(row.config, "out_width")
    except NotModelled as reason:
        return Description(models, known, missing | {"cycles": str(reason)})
    loops = {"tokens": float(tokens), "one": 1.0, "rows": float(rows[1] > 1), "above": float(rows[1] - rows[0] > 1)}
    return Description(models | {"cycles": FittedModel("padding", loops)}, known, missing)


def parallel_relu(row: CsynthRow, design: Sequence[CsynthRow]) -> Description:
    """An activation of io_parallel is logic alone."""
    bits = accumulator_width(row, design), element_width(row)
    logic = FittedModel("relu_parallel", counts.per_channel(count(row.config, "n_in"), 1, bits))
    return Description({"lut": logic}, {"cycles": NONE, "bram18": NONE, "dsp": NONE, "ff": NONE})


def pipeline(row: CsynthRow, design: Sequence[CsynthRow]) -> Description:
    """A layer that handles a token a cycle."""
    channels, pixels = _channels(row), pixels_taken(row, design)
    width = data_width(row, design)
    known = {"bram18": NONE, "dsp": NONE}
    waits = 0.0
    match row.layer:
        case "pooling2d_cl":
            pixels = _pixels_pooled(row) or pixels
            rows, columns = (count(row.config, f"pool_{side}", 2) for side in ("height", "width"))
            models = lut_and_ff("maxpool2d", counts.pooling(rows, columns, channels, width))
            waits = float(is_version(row, *POOL_CALLED))
        case "relu":
            models = _activation(row, design, channels, pixels or 1)
        case "add" | "clone_stream":
            models = lut_and_ff("relu", counts.per_channel(0, pixels or 1))
        case _:
            bits = accumulator_width(row, design), element_width(row)
            models = lut_and_ff(row.layer, counts.per_channel(channels, pixels or 1, bits, row.haste))
    if row.layer == "add":
        del models["lut"]
        known["lut"] = resources.adders(channels * (1 + is_costly(row, design)), width + 1)
    elif row.layer == "normalize":
        known["dsp"] = exact(channels, "normalize", "at most a product a channel", low=0)
    elif row.layer == "softmax":
        known = {"bram18": resources.softmax_bram(row.tool, channels), "dsp": resources.softmax_dsp(channels)}
    if pixels is None:
        reason = "pixels that the layer takes not recorded"
        missing = {"cycles": reason} | ({"ff": reason} if models["ff"].name == "relu" else {})
        return Description({key: model for key, model in models.items() if key not in missing}, known, missing)
    looped = float(pixels > 1)
    cycles = {"tokens": pixels * looped, "called": pixels * waits, "looped": looped, "one": 1.0}
    return Description(models | {"cycles": FittedModel(models["ff"].name, cycles)}, known)


def _activation(row: CsynthRow, design: Sequence[CsynthRow], channels: int, tokens: int) -> dict[str, FittedModel]:
    bits = accumulator_width(row, design), element_width(row)
    late = is_version(row, *HELD_UP_LATE)
    models = lut_and_ff("relu", counts.per_channel(channels, tokens, bits, max(row.haste, counts.HELD_UP * late)))
    if is_costly(row, design):
        models["lut"] = FittedModel("relu_saturating", models["lut"].features)
    return models


def _channels(row: CsynthRow) -> int:
    elements = re.search(r"_(\d+)u_", row.module)
    if not elements:
        raise NotModelled("channels not in the module's name")
    return int(elements[1])


def _pixels_pooled(row: CsynthRow) -> int | None:
    """Pixels of a frame that a pooling takes, None where its configuration does not tell."""
    if "in_width" not in row.config:
        return None
    return count(row.config, "in_height", 1) * count(row.config, "in_width")


def fifo(row: CsynthRow) -> Description:
    depth, bits = count(row.config, "depth"), count(row.config, "bits")
    rams = Buffer("", "", depth, bits, chosen_by(row.tool, depth, bits)).bram18
    known = {
        "bram18": exact(rams, "fifo", resources.FIFO_BRAM_SOURCE),
        "dsp": NONE,
        "lut": exact(0, "fifo", "csynth counts the LUTs of a FIFO in the whole design only"),
    }
    features = {"one": 1.0, "in_block_ram": float(rams > 0)}
    return Description({"ff": FittedModel("fifo", features)}, known, {"cycles": "a FIFO has none"})
