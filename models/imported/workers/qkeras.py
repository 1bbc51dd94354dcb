"""QKeras' quantisers as a file describes them: fixed-point types, read as numbers and never executed.

``quantized_bits(bits, integer)`` is ``ap_fixed<bits, integer + 1>`` and ``quantized_relu`` is ``ap_ufixed<bits,
integer>``, to the nearest code, ties to even, saturating. What is no such type is refused by name: a scale that QKeras
computes of the weights (``alpha="auto_po2"``, what it takes for kernels without a word) is not in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from flows.core.errors import InputError
from models.imported.quantiser import Quantise, code_range
from models.imported.workers.draft import Place, Tensor
from models.imported.workers.limits import refusal
from models.imported.workers.twin import twin
from models.network import Network
from models.pixels import UNIT

QONNX = "export it as QONNX where QKeras is (qonnx.converters.from_keras of qonnx 0.4), and give that"
KINDS = ("QConv2D", "QDense", "QActivation")
"""The layers of QKeras that are read."""
MODULE = "qkeras"
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "quantized_bits": ("bits", "integer", "symmetric", "keep_negative", "alpha", "use_stochastic_rounding"),
    "quantized_relu": ("bits", "integer", "use_sigmoid", "negative_slope", "use_stochastic_rounding"),
}
"""The quantisers that are read, and what they are called with, in QKeras' order."""
USUAL = {"use_sigmoid": 0, "negative_slope": 0, "relu_upper_bound": None, "qnoise_factor": 1, "is_quantized_clip": 1}
"""What changes the arithmetic where it is anything else."""
OTHERS = re.compile(r"(quantized|stochastic|bernoulli|binary|ternary)\w*")
CALL = re.compile(r"(\w+)\((.*)\)")
WIDEST = 24
"""Bits of a code that float32 holds exactly."""


@dataclass(frozen=True)
class FixedPoint:
    bits: int
    integer: int
    """Bits before the point, the sign not among them."""
    signed: bool
    narrow: bool = False

    @property
    def scale(self) -> float:
        return float(Fraction(2) ** (self.integer - self.bits + self.signed))

    def rounded(self, tensor: Tensor) -> Tensor:
        low, high = code_range(self.bits, self.signed, self.narrow)
        codes = np.rint(tensor.astype(np.float64) / self.scale).clip(low, high)
        return (codes * self.scale).astype(np.float32)


def quantiser(place: Place, value: Any, of_kernel: bool = False) -> FixedPoint | None:
    """What a setting says: the quantiser's call as text, or its name and settings; None where it names no quantiser.

    Raises `InputError` where it is one that is no fixed-point type.
    """
    named = _named(value)
    if named is None:
        return None
    name, settings = named
    if name not in SETTINGS:
        if OTHERS.fullmatch(name):
            raise place.refusal(f"its quantiser is {name}", f"supported are {' and '.join(SETTINGS)}; or {QONNX}")
        return None
    alpha = settings.get("alpha")
    if alpha not in (1, None, "") or (of_kernel and alpha != 1):
        fact = (
            f"alpha of its {name} is {alpha or 'auto_po2'!r}: a scale that QKeras computes, and the file does not say"
        )
        raise place.refusal(fact, f"train it with alpha=1; or {QONNX}")
    usual = {
        "use_sigmoid": 0,
        "negative_slope": 0,
        "relu_upper_bound": None,
        "qnoise_factor": 1,
        "is_quantized_clip": 1,
    }
    for setting, only in usual.items():
        if settings.get(setting, only) != only:
            raise place.refusal(f"{setting} of its {name} is {settings[setting]}", f"supported is {only}; or {QONNX}")
    bits, integer = settings.get("bits", 8), settings.get("integer", 0)
    signed = name == "quantized_bits" and bool(settings.get("keep_negative", True))
    if not (isinstance(bits, int) and isinstance(integer, int) and 1 <= bits - signed < WIDEST and abs(integer) < 64):
        fact = f"its {name} has {bits} bits, {integer} before the point"
        raise place.refusal(fact, f"supported are 1 to {WIDEST} bits beside the sign; or {QONNX}")
    return FixedPoint(bits, integer, signed, narrow=signed and bool(settings.get("symmetric", 0)))


def _named(value: Any) -> tuple[str, Mapping[str, Any]] | None:
    match value:
        case {"class_name": str(name), "config": dict(settings)}:
            return name, settings
        case str(text) if call := CALL.fullmatch(text.strip()):
            parts = [part.strip() for part in call[2].split(",") if part.strip()]
            order, values = iter(SETTINGS.get(call[1], ())), dict[str, Any]()
            for part in parts:
                key, equals, number = part.partition("=")
                values[key.strip() if equals else next(order, part)] = _plain(number if equals else part)
            return call[1], values
        case str(text):
            return text, {}
    return None


def _plain(text: str) -> Any:
    """A number, a truth value or None; text, without its quotes, where it is none of these."""
    word = text.strip().strip("'\"")
    known = {"True": True, "False": False, "None": None}
    if word in known:
        return known[word]
    try:
        number = float(word)
    except ValueError:
        return word
    return int(number) if number.is_integer() else number


def is_quantised(network: Network) -> bool:
    return any(isinstance(layer, Quantise) for layer in network.layers)


def read_twin(
    network: Network, tensors: Mapping[str, Tensor], file: str, out: Path
) -> tuple[Network, Mapping[str, np.ndarray]]:
    """The network without its quantisers, its weights as they were quantised; into the folder `out` what the quantisers
    represent, and why it is no network of integers: FINN is handed a QONNX file, and this is none."""
    if network.pixels != UNIT:
        fact = f"a quantised network that reads {network.pixels}, where its ranges are known for x / 255 only"
        raise InputError(file, fact, "scale in the first convolution instead, or train it on x / 255")
    hardware, weights, ranges = twin(network, tensors, Fraction(1, 255))
    (out / "ranges.json").write_text(json.dumps({name: list(ends) for name, ends in ranges.items()}))
    reason = InputError(file, "a model of QKeras, and FINN starts from a QONNX file", QONNX)
    (out / "not_integers.json").write_text(refusal(reason))
    return hardware, weights
