"""The options of the hls4ml flow, as values and as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.fixed import Overflow, Rounding, parse_type

FIT = "fit"
STOCK = "stock"


def reuse_text(text: str) -> str:
    """Checks the form of ``fit``, ``64`` or ``64,block1_conv1=27`` and writes it one way; raises `ValueError`."""
    single, layers = parse_reuse(text)
    parts = [FIT if single is None else str(single)]
    return ",".join(parts + [f"{name}={factor}" for name, factor in layers.items()])


def parse_reuse(text: str) -> tuple[int | None, Mapping[str, int]]:
    """(one number for all layers, None for the smallest that fits; factors of single layers)."""
    single: int | None = None
    layers: dict[str, int] = {}
    for place, part in enumerate(text.replace(" ", "").split(",")):
        name, equals, number = part.rpartition("=")
        if place == 0 and part == FIT:
            continue
        if not re.fullmatch("-?[0-9]+", number) or bool(equals) != bool(name) or (not equals and place > 0):
            raise ValueError(f"{part!r} is no reuse factor: give fit, a number, or 64,block1_conv1=27")
        factor = int(number)
        if factor < 1:
            raise ValueError(f"reuse factor {factor} is not above 0: 1 is the lowest")
        if equals:
            layers[name] = factor
        else:
            single = factor
    return single, layers


def precision_text(text: str) -> str:
    """Checks ``stock`` or ``ap_fixed<W,I>`` and writes it one way; raises `ValueError`."""
    if text == STOCK:
        return text
    type = parse_type(text)
    if not type.signed or (type.rounding, type.overflow) != (Rounding.TRN, Overflow.WRAP):
        raise ValueError(f"{text!r}: give a signed ap_fixed<W,I> without modes; rounding and saturation follow from it")
    return type.name


@dataclass(frozen=True)
class Options:
    backend: str = field(
        default="vitis",
        metadata={"help": "for which HLS compiler hls4ml writes the project", "choices": ("vitis", "vivado")},
    )
    io_type: str = field(
        default="io_stream",
        metadata={
            "help": "how layers are connected; io_parallel unrolls every layer, which only tiny layers survive",
            "choices": ("io_stream", "io_parallel"),
        },
    )
    reuse_factor: str = field(
        default=FIT,
        metadata={
            "help": "products that each multiplier computes in turn: fit (the smallest single number whose DSPs fit "
            "the part), a number (snapped per layer to the nearest legal one, as hls4ml does), and factors of single "
            "layers, which must be legal: 64,block1_conv1=27",
            "unit": "RF",
            "parse": reuse_text,
        },
    )
    strategy: str = field(
        default="resource",
        metadata={
            "help": "resource multiplexes multipliers by the reuse factor; latency unrolls, for layers of at most "
            "4,096 products",
            "choices": ("resource", "latency"),
        },
    )
    precision: str = field(
        default="ap_fixed<16,6>",
        metadata={
            "help": "default type, its integer bits raised per layer where the measured ranges need it; stock shows "
            "what hls4ml's own types do",
            "unit": "TYPE",
            "parse": precision_text,
        },
    )
    softmax: str = field(
        default="skip",
        metadata={
            "help": "skip leaves it to the host, which takes the largest logit; keep builds hls4ml's tables",
            "choices": ("skip", "keep"),
        },
    )
