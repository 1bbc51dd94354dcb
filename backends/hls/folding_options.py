"""The options of the folding and of the FIFOs, as values and as text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, nan
from pathlib import Path

from flows.core.errors import InputError
from flows.core.files import read_text
from flows.core.shape import Wrong, fields, mapping, parse, whole

AUTO, NO_TARGET, SIMULATED = "auto", "none", "simulated"
SRL, LUTRAM, BRAM = "srl", "lutram", "bram"
DEEPEST = 65536
"""The deepest FIFO that may be asked for, in words."""
SHALLOWEST = 16
"""Words of a FIFO; up to this depth two bits share a LUT of a shift register (AMD UG474): fewer would save nothing."""
EXAMPLE = '{"block1_conv1": {"pe": 4, "simd": 9}}'
NAME = r"[^=,\s]+"
LISTED = re.compile(rf"({NAME})=([0-9]{{1,9}})x([0-9]{{1,9}})")
MOST = 1 << 20
"""PE or SIMD: more than any layer has results or products."""


@dataclass(frozen=True, slots=True)
class Fold:
    """How a matrix-vector stage is folded: `pe` results at a time, `simd` products of each."""

    pe: int
    simd: int

    @property
    def multipliers(self) -> int:
        return self.pe * self.simd

    def __str__(self) -> str:
        return f"{self.pe}x{self.simd}"


def parse_folding(text: str) -> Mapping[str, Fold]:
    """The layers whose folding is given by ``auto`` (none) or ``block1_conv1=4x9,dense=1x8`` (PE x SIMD)."""
    return {} if text == AUTO else {name: Fold(int(pe), int(simd)) for name, pe, simd in LISTED.findall(text)}


def folding_text(text: str) -> str:
    """Checks the form of a folding, given as ``auto``, as a JSON file or as text, and writes it as text.

    Raises `InputError` for a file that is missing or no folding, `ValueError` for a number below 1. The text says all,
    so that the file is no longer needed.
    """
    text = text.strip()
    if text == AUTO:
        return text
    parts = [LISTED.fullmatch(part.strip()) for part in text.split(",")]
    listed = [(one[1], Fold(int(one[2]), int(one[3]))) for one in parts if one]
    folds = listed if len(listed) == len(parts) else list(_read(Path(text)).items())
    for name, fold in folds:
        if not 1 <= min(fold.pe, fold.simd) <= max(fold.pe, fold.simd) <= MOST:
            raise ValueError(f"{name}={fold}: PE and SIMD are at least 1 and at most {MOST:,}")
    return ",".join(f"{name}={fold}" for name, fold in dict(folds).items())


def folding_json(folds: Mapping[str, Fold]) -> str:
    """A folding as the file that says it."""
    return json.dumps({name: {"pe": fold.pe, "simd": fold.simd} for name, fold in folds.items()}, indent=1) + "\n"


def _read(path: Path) -> Mapping[str, Fold]:
    """The folds of a JSON file like `EXAMPLE`."""
    advice = f"give auto, block1_conv1=4x9,dense=1x8, or a JSON file like {EXAMPLE}"
    try:
        folds = _FILE(parse(read_text(path, advice, f"folding {path}")))
        if odd := [name for name in folds if not re.fullmatch(NAME, name)]:
            raise Wrong("is no name of a layer").within(odd[0])
        if not folds:
            raise Wrong("it names no layer")
    except Wrong as wrong:
        raise InputError(f"folding {path}", str(wrong), advice) from None
    return folds


_NUMBER = whole(1, MOST)
_FILE = mapping(fields({"pe": _NUMBER, "simd": _NUMBER}, Fold), 1000)


def target_text(text: str) -> str:
    """Checks a rate, in images per second; raises `ValueError`."""
    if text == NO_TARGET:
        return text
    try:
        rate = float(text)
    except ValueError:
        rate = nan
    if not 0 < rate < inf:
        raise ValueError(f"{text!r} is no rate: give images per second, above 0")
    return f"{rate:.10g}"


def depth_text(text: str) -> str:
    """Checks ``simulated`` or a number of words; raises `ValueError`."""
    if text == SIMULATED:
        return text
    if not re.fullmatch("[0-9]+", text) or not 1 <= int(text) <= DEEPEST:
        raise ValueError(f"{text!r} is no FIFO depth: give {SIMULATED} or a number from 1 to {DEEPEST:,}")
    return str(int(text))


@dataclass(frozen=True)
class FoldingOptions:
    folding: str = field(
        default=AUTO,
        metadata={
            "help": "PE x SIMD of each layer with weights: auto (for each layer, so that the interval is the shortest "
            f"that fits the part), or a JSON file like {EXAMPLE}, or block1_conv1=4x9,dense=1x8; layers that "
            "are not named are as with auto",
            "unit": "FILE",
            "parse": folding_text,
        },
    )
    target_fps: str = field(
        default=NO_TARGET,
        metadata={
            "help": "images per second to reach: the cheapest folding that does, whether it fits or not",
            "unit": "N",
            "parse": target_text,
        },
    )
    fifo_depth: str = field(
        default=SIMULATED,
        metadata={
            "help": "words that each FIFO between stages holds: simulated (from the stream simulation: no deadlock, "
            "full speed), or a number",
            "unit": "DEPTH",
            "parse": depth_text,
        },
    )
    fifo_storage: str = field(
        default=AUTO,
        metadata={
            "help": "what holds them: auto (the smallest share of the part), shift registers, LUT RAM or block RAM",
            "choices": (AUTO, SRL, LUTRAM, BRAM),
        },
    )
