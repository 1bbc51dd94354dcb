"""What each resource model of hls4ml is linear in: counts whose coefficients are fitted, and those that are known.

A key is (model, metric), and (tool, model, metric) where the rows of one tool tell other counts apart. The counts are
those of `backends.hls4ml.counts` and, for cycles, of `calibration.hls4ml.weighted` and `pipelined`.
"""

from __future__ import annotations

PIPELINES = ("relu", "maxpool2d", "normalize", "softmax")
"""Layers that handle a token a cycle."""

FITTED = {
    ("line_buffer", "lut"): ("columns", "taps"),
    ("line_buffer", "ff"): ("columns", "one"),
    ("mac", "lut"): ("inputs", "result_bits", "windows", "layers"),
    ("mac", "ff"): (),
    ("constants", "lut"): ("products", "reused", "windows", "layers"),
    ("constants", "ff"): ("stage_bits", "reused", "held_bits", "taken_bits", "one"),
    ("maxpool2d", "lut"): ("channel_bits", "one"),
    ("maxpool2d", "ff"): ("channel_bits", "one"),
    ("relu", "lut"): ("taken_bits", "put_bits", "one"),
    ("relu_parallel", "lut"): ("taken_bits",),
    ("relu_saturating", "lut"): ("channels", "one"),
    ("relu", "ff"): ("held_channels", "counter_bits", "looped", "one"),
    ("normalize", "lut"): ("channels", "one"),
    ("normalize", "ff"): ("channels", "one"),
    ("softmax", "lut"): ("channels", "one"),
    ("softmax", "ff"): ("channels", "one"),
    ("padding", "lut"): ("channels", "one"),
    ("padding", "ff"): ("channels", "one"),
    ("fifo", "lut"): ("one",),
    ("fifo", "ff"): ("one", "in_block_ram"),
    ("block", "lut"): ("one",),
    ("block", "ff"): ("one",),
    ("convolution", "cycles"): ("tokens", "hasty", "one"),
    ("dense", "cycles"): ("looped", "one"),
    ("window", "cycles"): ("one",),
    ("dense_resource", "cycles"): ("one",),
    ("reused_convolution", "cycles"): ("turns",),
    ("unrolled_convolution", "cycles"): (),
    ("unrolled_window", "cycles"): ("called", "deep"),
    ("unrolled_dense", "cycles"): ("looped", "one"),
    ("unrolled_product", "cycles"): ("looped", "one"),
    ("padding", "cycles"): (),
} | {(model, "cycles"): ("looped", "one") for model in PIPELINES}
"""The counts whose coefficients are fitted."""

FITTED_FOR_TOOL = {
    ("vivado", "mac", "lut"): ("result_bits", "adder_bits", "layers"),
    ("vivado", "mac", "ff"): ("held_bits", "adder_bits", "result_bits", "one"),
    ("vitis", "padding", "lut"): ("one",),
    ("vivado", "convolution", "cycles"): ("hasty",),
}
"""Instead of those in `FITTED`; nothing is given then but what `GIVEN_FOR_TOOL` gives."""

CERTAIN = {
    ("convolution", "cycles"): {"turns": 1.0},
    ("dense", "cycles"): {"turns": 1.0, "collected": 1.0},
    ("window", "cycles"): {"turns": 1.0},
    ("dense_resource", "cycles"): {"turns": 1.0},
    ("unrolled_convolution", "cycles"): {"tokens": 1.0},
    ("unrolled_dense", "cycles"): {"turns": 1.0, "tokens": 1.0},
    ("unrolled_product", "cycles"): {"turns": 1.0},
    ("padding", "cycles"): {"tokens": 1.0},
} | {(model, "cycles"): {"tokens": 1.0} for model in PIPELINES}
"""What the loops of the generated code take at least."""

LINE_BUFFER_LUT, LINE_BUFFER_FF = {"columns": 32.0, "taps": 9.0}, {"columns": 64.0}
"""What csynth counts for a shift register of a line buffer, and for the multiplexer before a register of the window.

Exact in 18 of 18 rows of `shift_line_buffer`, of 7 repositories.
"""

GIVEN = {
    ("mac", "lut"): LINE_BUFFER_LUT,
    ("mac", "ff"): {
        **LINE_BUFFER_FF,
        "held_bits": 1.0,
        "input_bits": 2.0,
        "result_bits": 2.0,
        "pixel_bits": 1.0,
        "windows": 150.0,
    },
    ("constants", "lut"): LINE_BUFFER_LUT,
    ("constants", "ff"): LINE_BUFFER_FF,
    ("maxpool2d", "lut"): LINE_BUFFER_LUT,
    ("maxpool2d", "ff"): LINE_BUFFER_FF,
    ("unrolled_convolution", "cycles"): {"called": 2.0, "deep": 2.0, "one": 3.0},
    ("padding", "cycles"): {"one": 4.0, "rows": 4.0, "above": 5.0},
    ("maxpool2d", "cycles"): {"called": 1.0},
}
"""Coefficients that follow from the structure of the generated code."""

GIVEN_FOR_TOOL: dict[tuple[str, str, str], dict[str, float]] = {
    ("vivado", "mac", "lut"): LINE_BUFFER_LUT,
    ("vitis", "convolution", "cycles"): {"tokens": 5.0, "one": 1.0},
    ("vivado", "convolution", "cycles"): {"tokens": 4.0},
}
"""Of a convolution's line buffer, as above; of its cycles: exact in 7 of 8 rows of Vitis HLS and 14 of 18 of Vivado
HLS where the clock is not hasty, one apart in the others.

Two rows of Vivado HLS of another repository took 9 and 37: its code shifts the line buffer
channel by channel, that of hls4ml 1.3.0 pipelines the shift.
"""


def fixed_coefficients(tool: str, model: str, metric: str) -> dict[str, float]:
    """Coefficients that are not fitted."""
    key = tool, model, metric
    return GIVEN_FOR_TOOL.get(key) or ({} if FITTED_FOR_TOOL.get(key) else GIVEN.get((model, metric), {}))


def free(tool: str, model: str, metric: str) -> list[str]:
    """The counts whose coefficients are fitted."""
    names = FITTED_FOR_TOOL.get((tool, model, metric)) or FITTED[model, metric]
    fixed = fixed_coefficients(tool, model, metric)
    return [name for name in names if name not in fixed]


def certain(model: str, metric: str) -> dict[str, float]:
    """Coefficients of what is counted at least; they have no interval."""
    return CERTAIN.get((model, metric), {})
