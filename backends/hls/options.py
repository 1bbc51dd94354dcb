"""The options of the manual HLS flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from backends.hls.folding_options import FoldingOptions
from backends.vendor.steps import CSYNTH, WANTED
from flows.core.errors import UsageError
from models.formats import parse_format

BY_LAYER, AS_TRAINED = "layer", "none"
LEAST, MOST = 2, 16
"""Bits of weights and activations: a DSP48E1 multiplies 25 x 18 bits (AMD UG479)."""
SHORTEST, LONGEST = 16, 48
"""Bits of an accumulator: a DSP48E1 adds 48 (AMD UG479)."""


def format_text(text: str) -> str:
    """Checks a format of weights, ``Qm.n``, and writes it as people do; raises `ValueError`."""
    try:
        format = parse_format(text)
    except UsageError as reason:
        raise ValueError(f"{text!r}: {reason.fact}; give Qm.n of {LEAST} to {MOST} bits, as in Q1.7") from None
    if not format.name.startswith("Q") or not format.type or not LEAST <= format.type.width <= MOST:
        raise ValueError(f"{text!r}: give Qm.n of {LEAST} to {MOST} bits, as in Q1.7")
    return format.name


def bits(least: int, most: int) -> Callable[[str], int]:
    """A check of a number of bits, which raises `ValueError`."""

    def check(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"{text!r}: give {least} to {most} bits")
        return int(text)

    return check


def hours(text: str) -> float:
    """Checks a time above 0; raises `ValueError`."""
    if not 0 < (value := float(text)) < float("inf"):
        raise ValueError(f"{text!r}: give hours, above 0")
    return value


@dataclass(frozen=True)
class Options(FoldingOptions):
    weight_format: str = field(
        default="Q1.7",
        metadata={
            "help": "format of the weights, Qm.n (m counts the sign bit): to nearest, ties to even, and saturated",
            "unit": "Qm.n",
            "parse": format_text,
        },
    )
    weight_scale: str = field(
        default=BY_LAYER,
        metadata={
            "help": "layer: the weights of each layer are first divided by a power of two, so that the largest just "
            "fits the format, and the shift behind the accumulator gives it back; none: what does not fit saturates",
            "choices": (BY_LAYER, AS_TRAINED),
        },
    )
    activation_bits: int = field(
        default=8,
        metadata={
            "help": f"bits of every tensor between layers, {LEAST} to {MOST}, each at a power of two of its own",
            "unit": "BITS",
            "parse": bits(LEAST, MOST),
        },
    )
    accumulator_bits: int = field(
        default=32,
        metadata={
            "help": f"bits of every accumulator, {SHORTEST} to {LONGEST}; refused where one could overflow",
            "unit": "BITS",
            "parse": bits(SHORTEST, LONGEST),
        },
    )
    vendor: str = field(
        default=CSYNTH,
        metadata={
            "help": "what AMD's tools do where they are on PATH: csynth, csynth and co-simulation, csynth and logic "
            "synthesis, or nothing",
            "choices": WANTED,
        },
    )
    vendor_timeout: float = field(
        default=8.0,
        metadata={"help": "ends a step of theirs that takes longer, in hours", "unit": "HOURS", "parse": hours},
    )
