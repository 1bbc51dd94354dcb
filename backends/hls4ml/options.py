"""The options of the hls4ml flow, as values and as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from backends.amd.options import VendorOptions
from backends.cost.shell import ACCELERATOR, DMA
from backends.dataflow.buffers import BRAM, LUTRAM, SRL
from backends.dataflow.options import (
    AUTO,
    OWN_SHELL,
    SHELLS,
    SIMULATED,
    RateOption,
    ShellOption,
    depth_text,
    shell_text,
)
from backends.hls4ml.config import DEFAULT, ROLES, read_config
from flows.core.errors import InputError
from models.fixed import FixedType, Overflow, Rounding, parse_type, separated

STOCK = "stock"
NO_CONFIG = "none"
DEFAULT_UNCERTAINTY = "default"
RESULT = "result"
SKIP = "skip"
STRATEGIES = RESOURCE, LATENCY = "resource", "latency"
FRAME, TOOL = "hls4ml", "tool"
FEWEST_BITS, WIDEST = 2, 32
"""Bits of a type that ranges choose."""


def reuse_text(text: str) -> str:
    """Checks the form of ``auto``, ``64`` or ``64,block1_conv1=27`` and writes it one way; raises `ValueError`."""
    single, layers = parse_reuse(text)
    parts = [AUTO if single is None else str(single)]
    return ",".join(parts + [f"{name}={factor}" for name, factor in layers.items()])


def parse_reuse(text: str) -> tuple[int | None, Mapping[str, int]]:
    """(one number for all layers, None for what the folding solver finds; factors of single layers)."""
    single: int | None = None
    layers: dict[str, int] = {}
    for place, part in enumerate(text.replace(" ", "").split(",")):
        name, equals, number = part.rpartition("=")
        if place == 0 and part == AUTO:
            continue
        if not re.fullmatch("-?[0-9]+", number) or bool(equals) != bool(name) or (not equals and place > 0):
            raise ValueError(f"{part!r} is no reuse factor: give auto, a number, or 64,block1_conv1=27")
        factor = int(number)
        if factor < 1:
            raise ValueError(f"reuse factor {factor} is not above 0: 1 is the lowest")
        if equals:
            layers[name] = factor
        else:
            single = factor
    return single, layers


def parse_strategy(text: str) -> tuple[str, Mapping[str, str]]:
    """(the strategy of all layers, those of single layers) of ``resource`` or ``resource,dense=latency``."""
    first, *others = text.replace(" ", "").split(",")
    first, layers = (
        first.lower(),
        {name: strategy.lower() for name, _, strategy in (part.partition("=") for part in others)},
    )
    for strategy in (first, *layers.values()):
        if strategy not in STRATEGIES:
            raise ValueError(f"{strategy or text!r} is no strategy: give resource, latency, or resource,dense=latency")
    return first, layers


def strategy_text(text: str) -> str:
    """Checks the form of a strategy and writes it one way; raises `ValueError`."""
    single, layers = parse_strategy(text)
    return ",".join([single, *(f"{name}={strategy}" for name, strategy in layers.items())])


Given = Mapping[str, Mapping[str, FixedType | int | None]]
"""Types by place (a layer, a class of layers ``@Dense``, all ``*``) and role, which are hls4ml's; of a number of bits,
ranges and trained weights place the point; None is ``auto``."""
ACCUMULATOR = "accum"


def parse_precision(text: str) -> tuple[str, Given]:
    """(what all types follow from, types that are given) of ``ap_fixed<16,6>,dense.accum=auto,dense.weight=6``.

    Raises `ValueError`.
    """
    base, *others = separated(text.replace(" ", ""))
    types: dict[str, dict[str, FixedType | int | None]] = {}
    for part in others:
        place, _, type = part.partition("=")
        layer, _, role = place.partition(".")
        if not layer or (role or RESULT) not in (*ROLES, DEFAULT):
            raise ValueError(f"{part!r}: give LAYER.ROLE=TYPE, where ROLE is one of {', '.join((*ROLES, DEFAULT))}")
        types.setdefault(layer, {})[role or RESULT] = _given(role or RESULT, type)
    return base, types


def _given(role: str, text: str) -> FixedType | int | None:
    """Raises `ValueError` where `text` is no type, no number of bits and not ``auto``."""
    if text == AUTO:
        return None
    if not text.isdecimal():
        return parse_type(text)
    if role == ACCUMULATOR:
        raise ValueError(f"{text} bits of an accumulator: give a type, or auto for one that holds every sum")
    return _bits(text)


def _bits(text: str) -> int:
    """Raises `ValueError`."""
    if not FEWEST_BITS <= int(text) <= WIDEST:
        raise ValueError(f"{text} bits: give {FEWEST_BITS} to {WIDEST}")
    return int(text)


def precision_text(text: str) -> str:
    """Checks a precision and writes it one way; raises `ValueError`."""
    base, types = parse_precision(text)
    layers = [
        f"{layer}.{role}={type.name if isinstance(type, FixedType) else type or AUTO}"
        for layer, roles in types.items()
        for role, type in roles.items()
    ]
    return ",".join([_base_text(base), *layers])


def _base_text(text: str) -> str:
    """Of ``stock``, a number of bits, or ``ap_fixed<W,I>``."""
    if text == STOCK:
        return text
    if text.isdecimal():
        return str(_bits(text))
    try:
        type = parse_type(text)
    except ValueError:
        raise ValueError(f"{text!r}: give a number of bits, as 8, or a type, as ap_fixed<16,6>") from None
    if not type.signed or (type.rounding, type.overflow) != (Rounding.TRN, Overflow.WRAP):
        raise ValueError(f"{text!r}: give a signed ap_fixed<W,I> without modes; rounding and saturation follow from it")
    return type.name


def uncertainty_text(text: str) -> str:
    """Checks a share of the clock period; raises `ValueError`."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", text)
    if text != DEFAULT_UNCERTAINTY and not (match and float(match[1]) < 100):
        raise ValueError(f"{text!r} is no share of the clock period: give 12.5%, say")
    return text


class Unasked(str):
    """A default that the user did not ask for: it compares as text, and a config may say otherwise."""

    __slots__ = ()


class Left(str):
    """What a config says and the options do not: by itself it is the text for people, `settings` are (name, value)."""

    settings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Left:
        left = ", ".join(f"{name} {value}" for name, value in settings.items() if name != "Strategy")
        text = cls(f"not taken: {left}" if left else "without a Strategy")
        text.settings = tuple(settings.items())
        return text


def accelerated_shell_text(text: str) -> str:
    """As `shell_text`, with the shell of VivadoAccelerator as well. Raises `ValueError` and `InputError`."""
    return text if text == ACCELERATOR else shell_text(text)


@dataclass(frozen=True)
class Hls4mlOptions(VendorOptions, RateOption, ShellOption):
    shell: str = field(
        default=DMA,
        metadata={
            "help": f"what connects the design to the processor: {SHELLS}, accelerator (dma, and the converters of "
            f"hls4ml's VivadoAccelerator), none (the bare core), {OWN_SHELL}",
            "unit": "SHELL",
            "parse": accelerated_shell_text,
        },
    )
    backend: str = field(
        default=Unasked("vitis"),
        metadata={
            "help": "for which HLS compiler hls4ml writes the project",
            "choices": ("vitis", "vivado"),
            "parse": str,
        },
    )
    io_type: str = field(
        default=Unasked("io_stream"),
        metadata={
            "help": "how layers are connected; io_parallel unrolls every layer, which only tiny layers survive",
            "choices": ("io_stream", "io_parallel"),
            "parse": str,
        },
    )
    reuse_factor: str = field(
        default=Unasked(AUTO),
        metadata={
            "help": "products that each multiplier computes in turn: auto (for each layer, so that the interval is the "
            "shortest that fits the part), a number (snapped per layer to the nearest legal one, as hls4ml does), and "
            "factors of single layers or classes of layers: 64,block1_conv1=27,@Dense=8",
            "unit": "RF",
            "parse": reuse_text,
        },
    )
    strategy: str = field(
        default=Unasked(RESOURCE),
        metadata={
            "help": "resource multiplexes multipliers by the reuse factor; latency unrolls, for layers of at most "
            "4,096 products; single layers may differ: resource,dense=latency",
            "unit": "STRATEGY",
            "parse": strategy_text,
        },
    )
    fifo_depth: str = field(
        default=SIMULATED,
        metadata={
            "help": "tokens that each FIFO between layers holds: simulated (from the stream simulation: no deadlock, "
            "full speed), hls4ml (a whole frame), or a number",
            "unit": "DEPTH",
            "parse": depth_text(SIMULATED, FRAME),
        },
    )
    fifo_storage: str = field(
        default=AUTO,
        metadata={
            "help": "what holds them: auto (the smallest share of the part), tool (as the HLS compiler chooses), shift "
            "registers, LUT RAM or block RAM",
            "choices": (AUTO, TOOL, SRL, LUTRAM, BRAM),
        },
    )
    precision: str = field(
        default=Unasked("ap_fixed<16,6>"),
        metadata={
            "help": "default type, its point moved per layer where measured ranges and trained weights need it; "
            "a number of bits alone (8) lets them choose all integer bits; stock shows what hls4ml's own types do; "
            "single types, or their bits, may follow: ap_fixed<16,6>,dense.accum=ap_fixed<40,20>,@Conv2D.weight=6",
            "unit": "TYPE",
            "parse": precision_text,
        },
    )
    softmax: str = field(
        default=Unasked(SKIP),
        metadata={
            "help": "skip leaves it to the host, which takes the largest logit; keep builds hls4ml's tables",
            "choices": (SKIP, "keep"),
            "parse": str,
        },
    )
    clock_uncertainty: str = field(
        default=Unasked(DEFAULT_UNCERTAINTY),
        metadata={
            "help": "share of the clock period that the HLS compiler keeps in hand; default is hls4ml's, 27% for "
            "Vitis HLS and 12.5% for Vivado HLS",
            "unit": "PERCENT",
            "parse": uncertainty_text,
        },
    )
    config: str = field(
        default=NO_CONFIG,
        metadata={
            "help": "an hls4ml_config.yml: its reuse factors, strategies, types, IOType, Backend and ClockUncertainty, "
            "where no option gives another",
            "unit": "FILE",
            "parse": str,
        },
    )

    def __post_init__(self) -> None:
        """Takes what the config says into the options that nobody gave, checked as these are.

        Raises `InputError`. The options then say all that is taken, `config` the rest: the file is no longer needed.
        """
        if self.config == NO_CONFIG or isinstance(self.config, Left):
            return
        values, left = read_config(Path(self.config))
        for option in fields(self):
            if option.name in values and isinstance(getattr(self, option.name), Unasked):
                try:
                    object.__setattr__(self, option.name, option.metadata.get("parse", str)(values[option.name]))
                except ValueError as reason:
                    raise InputError(f"config {self.config}", str(reason), "correct it") from None
        object.__setattr__(self, "config", Left.of(left) if left else NO_CONFIG)
