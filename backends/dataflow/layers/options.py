"""The formats of the numbers of a network, and the options of the flows with these stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from backends.dataflow.options import AUTO, FifoOptions, RateOption, ShellOption, bits
from backends.dataflow.pe_simd import FoldingOption
from backends.protocol import Precisions
from flows.core.errors import UsageError
from models.fixed import FixedType
from models.formats import parse_format
from models.network import Network
from models.quantised import WEIGHTED

BY_LAYER, AS_TRAINED = "layer", "none"
OFF = "off"
"""No products share a DSP48E1."""
LEAST, MOST = 2, 16
"""Bits of weights and activations: a DSP48E1 multiplies 25 x 18 bits (AMD UG479)."""
SHORTEST, LONGEST = 16, 48
"""Bits of an accumulator: a DSP48E1 adds 48 (AMD UG479)."""


def formats_text(text: str) -> str:
    """Checks formats of weights and writes them as Qm.n; raises `ValueError`."""
    usual, layers = parse_formats(text)
    return ",".join([_name(usual), *(f"{layer}={_name(type)}" for layer, type in layers.items())])


def parse_formats(text: str) -> tuple[FixedType, dict[str, FixedType]]:
    """(the format of the weights, those of layers by name); raises `ValueError`.

    >>> usual, layers = parse_formats("Q1.7,conv1=Q1.11")
    >>> usual.name, layers["conv1"].width
    ('ap_fixed<8,1,AP_RND_CONV,AP_SAT>', 12)
    """
    usual, *others = text.split(",")
    layers = {}
    for other in others:
        layer, equals, format = other.partition("=")
        if not equals or not layer.strip():
            raise ValueError(f"{other!r}: give LAYER=Qm.n, as in block1_conv1=Q1.11")
        layers[layer.strip()] = _format(format.strip())
    return _format(usual.strip()), layers


Options = TypeVar("Options", bound="FormatOptions")
ACTIVATIONS = "activations"
WEIGHT = ".weight"


def tensors(network: Network) -> list[str]:
    """All activations, which have one number of bits, then the weights of each layer."""
    return [ACTIVATIONS, *(f"{layer.name}{WEIGHT}" for layer in network.layers if layer.kind in WEIGHTED)]


def with_bits(options: Options, bits: Mapping[str, int]) -> Options:
    """`options` with these numbers of bits for each of `tensors`."""
    weights = {name.removesuffix(WEIGHT): f"Q1.{count - 1}" for name, count in bits.items() if name != ACTIVATIONS}
    usual = max(weights.values(), key=lambda format: (list(weights.values()).count(format), format))
    others = [f"{layer}={format}" for layer, format in weights.items() if format != usual]
    return replace(options, weight_format=",".join([usual, *others]), activation_bits=bits[ACTIVATIONS])


def _format(text: str) -> FixedType:
    try:
        format = parse_format(text)
    except UsageError as reason:
        raise ValueError(f"{text!r}: {reason.fact}; give Qm.n of {LEAST} to {MOST} bits, as in Q1.7") from None
    if not format.name.startswith("Q") or not format.type or not LEAST <= format.type.width <= MOST:
        raise ValueError(f"{text!r}: give Qm.n of {LEAST} to {MOST} bits, as in Q1.7")
    return format.type


def _name(type: FixedType) -> str:
    return f"Q{type.integer}.{type.fraction}"


@dataclass(frozen=True)
class FormatOptions:
    weight_format: str = field(
        default="Q1.7",
        metadata={
            "help": "format of the weights, Qm.n (m counts the sign bit): to nearest, ties to even, and saturated; "
            "Q1.7,block1_conv1=Q1.11 for other formats of some layers",
            "unit": "Qm.n",
            "parse": formats_text,
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
            "help": f"the most bits of an accumulator, {SHORTEST} to {LONGEST}; refused where one could overflow",
            "unit": "BITS",
            "parse": bits(SHORTEST, LONGEST),
        },
    )


PRECISIONS: Precisions[Any] = Precisions(tensors, LEAST, MOST, with_bits)


@dataclass(frozen=True)
class PackingOption:
    packing: str = field(
        default=AUTO,
        metadata={
            "help": "auto: products of several results share a DSP48E1 (two of 8 bits, three of 4, up to six of 2) in "
            "every layer that has no weight at the lowest number of its format; off: a DSP48E1 a product",
            "choices": (AUTO, OFF),
        },
    )


@dataclass(frozen=True)
class LayerOptions(PackingOption, FormatOptions, FifoOptions, RateOption, ShellOption, FoldingOption):
    """Formats, shared multipliers, and the options of stages between FIFOs: folding, rate, FIFOs and shell."""
