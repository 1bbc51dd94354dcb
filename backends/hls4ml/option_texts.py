"""The texts of hls4ml's options: each is checked, written in one way, and read as values."""

from __future__ import annotations

import re
from collections.abc import Mapping

from backends.cost.shell import ACCELERATOR
from backends.dataflow.options import AUTO, shell_text
from backends.hls4ml.config import DEFAULT, ROLES
from models.fixed import FixedType, Overflow, Rounding, parse_type, separated

STOCK = "stock"
DEFAULT_UNCERTAINTY = "default"
RESULT = "result"
STRATEGIES = RESOURCE, LATENCY = "resource", "latency"
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


TypesByPlace = Mapping[str, Mapping[str, FixedType | int | None]]
"""Types by place (a layer, a class of layers ``@Dense``, all ``*``) and role, which are hls4ml's; of a number of bits,
ranges and trained weights place the point; None is ``auto``."""
ACCUMULATOR = "accum"


def parse_precision(text: str) -> tuple[str, TypesByPlace]:
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
        types.setdefault(layer, {})[role or RESULT] = _type_or_bits(role or RESULT, type)
    return base, types


def _type_or_bits(role: str, text: str) -> FixedType | int | None:
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


def accelerated_shell_text(text: str) -> str:
    """As `shell_text`, with the shell of VivadoAccelerator as well. Raises `ValueError` and `InputError`."""
    return text if text == ACCELERATOR else shell_text(text)
