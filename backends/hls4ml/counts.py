"""The features of the fitted resource models: counts that follow from a layer's sizes and types, by name.

They serve csynth's tables of hls4ml 1.3.0's generated code (``templates/{vivado,vitis}/nnet_utils``) with io_stream.
"""

from __future__ import annotations

from collections.abc import Mapping

Features = Mapping[str, float]

SLOWER = 2.4
"""How many times as long as on UltraScale+ csynth takes a 16-bit adder or multiplier to be on a 7-series part."""

HELD_UP = 1.35
"""Haste times the share of bits (below) above which an activation puts its result a cycle later, into a register."""


def haste(device: str, clock_ns: float) -> float:
    """How fast a clock is for the part: 1 for 5 ns on UltraScale+, or 12 ns on a 7-series part."""
    return 5.0 / clock_ns * (SLOWER if device.startswith("xc7") else 1.0)


def line_buffer(height: int, width: int, channels: int) -> Features:
    """`columns`: shift registers of one image row each; `taps`: registers of the window behind them."""
    columns = (height - 1) * channels
    return {"columns": float(columns), "taps": float(columns * width), "one": 1.0}


def multiply_accumulate(
    size: tuple[int, int],
    multipliers: int,
    widths: tuple[int, int],
    weight: int,
    window: tuple[int, int, int] | None,
    whole: bool = True,
) -> Features:
    """A matrix-vector product of `size` (inputs, results) on `multipliers` multipliers with the Resource strategy.

    `widths` are bits of data and accumulator, `weight` those of a weight. `window` is (height, width, channels) of a
    convolution, whose line buffer is part of it. Not `whole` is the product alone, without what collects its inputs.
    """
    (n_in, n_out), (data, accumulator) = size, widths
    return {
        **_buffer(window),
        "inputs": float(n_in),
        "input_bits": float(n_in * data),
        "held_bits": float(n_in * data * whole),
        "adder_bits": float(multipliers * accumulator),
        "result_bits": float(n_out * accumulator),
        "stored_bits": float(n_in * n_out * weight),
        "pixel_bits": float(window[2] * data if window else 0),
        "windows": float(window is not None),
        "layers": float(whole),
        "one": 1.0,
    }


def constants(
    n_in: int,
    products: float,
    widths: tuple[int, int],
    window: tuple[int, int, int] | None,
    factor: int,
    haste: float,
    whole: bool = True,
) -> Features:
    """A matrix-vector product of `n_in` inputs whose weights are constants of the logic: Latency, or a factor of 1.

    `products` counts the weights that are not zero. `stage_bits` are the registers between stages of the sum, as many
    as the clock is fast; with a reuse factor above 1 (`reused`) every product waits in one.
    """
    data, accumulator = widths
    once = factor == 1
    return {
        **_buffer(window),
        "products": float(products),
        "reused": float(products * (not once)),
        "stage_bits": products * accumulator / 16 * haste * once,
        "held_bits": float(n_in * data * (window is not None)),
        "taken_bits": float(n_in * data * (window is None) * whole),
        "windows": float(window is not None),
        "layers": float(whole),
        "one": 1.0,
    }


def _buffer(window: tuple[int, int, int] | None) -> Features:
    buffer = line_buffer(*window) if window else {"columns": 0.0, "taps": 0.0}
    return {name: buffer[name] for name in ("columns", "taps")}


def per_channel(channels: int, tokens: int = 1, bits: tuple[int, int] = (16, 16), haste: float = 1.0) -> Features:
    """A layer that does the same to every channel; it counts the tokens of a frame where that has more than one.

    `bits` are those of an element that it takes and of one that it puts.
    """
    looped = tokens > 1
    held_up = haste * (1 + bits[0] / 64) > HELD_UP
    return {
        "channels": float(channels),
        "taken_bits": float(channels * bits[0]),
        "put_bits": float(channels * bits[1]),
        "held_channels": float(channels * held_up),
        "counter_bits": float(tokens.bit_length() * looped),
        "looped": float(looped),
        "one": 1.0,
    }


def pooling(height: int, width: int, channels: int, bits: int) -> Features:
    """A line buffer, the window behind it and comparators."""
    return {**line_buffer(height, width, channels), "channel_bits": float(channels * bits * height * width)}
