"""PE x SIMD folding of matrix-vector stages: values, the option ``--folding``, and what is legal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backends.dataflow.options import AUTO
from backends.dataflow.refusals import unknown
from backends.protocol import Refusal
from flows.core.errors import InputError
from flows.core.files import read_text
from flows.core.shape import Wrong, fields, flag, mapping, parse, whole

EXAMPLE = '{"block1_conv1": {"pe": 4, "simd": 9}}'
NAME = r"[^=,\s]+"
LUTS = ":lut"
"""The suffix of a fold that multiplies in LUTs."""
LISTED = re.compile(rf"({NAME})=([0-9]{{1,9}})x([0-9]{{1,9}})({LUTS})?")
LISTED_WAYS = 8
MOST = 1 << 20
"""PE or SIMD: more than any layer has results or products."""


@dataclass(frozen=True, slots=True)
class Fold:
    """The fold of a matrix-vector stage: `pe` results at a time, `simd` products of each. Where `in_luts`, it
    multiplies in LUTs instead of DSP slices."""

    pe: int
    simd: int
    in_luts: bool = False

    @property
    def multipliers(self) -> int:
        return self.pe * self.simd

    def groups(self, results: int) -> int:
        """The number of groups of PE results; the last group may be partly filled."""
        return -(-results // self.pe)

    def __str__(self) -> str:
        return f"{self.pe}x{self.simd}" + LUTS * self.in_luts


Ways = tuple[Sequence[int], Sequence[int]]
"""(every SIMD, every PE) that is legal for a stage."""


def legal(ways: Ways) -> tuple[Fold, ...]:
    """
    >>> [str(fold) for fold in legal(((1, 3), (1, 2)))]
    ['1x1', '1x3', '2x1', '2x3']
    """
    return tuple(Fold(pe, simd) for pe in ways[1] for simd in ways[0])


def nearest(ways: Ways, wanted: Fold) -> Fold:
    """The legal fold nearest to `wanted`, PE and SIMD each; the smaller of two that are equally near.

    >>> str(nearest(((1, 3, 9, 27), (1, 2, 4, 7, 14, 28)), Fold(5, 8)))
    '4x9'
    """
    simds, pes = ways
    return Fold(_nearest(pes, wanted.pe), _nearest(simds, wanted.simd))


def _listed(ways: Sequence[int]) -> str:
    """
    >>> _listed((1, 2, 3, 6)), _listed(range(1, 100))
    ('1, 2, 3, 6', '1, 2, 3, 4, 5, 6, 7, 8, ..., 99')
    """
    few = map(str, ways[:LISTED_WAYS])
    return ", ".join((*few, "...", str(ways[-1]))) if len(ways) > LISTED_WAYS + 1 else ", ".join(map(str, ways))


def _nearest(ways: Sequence[int], wanted: int) -> int:
    return min(ways, key=lambda way: (abs(way - wanted), way))


def refusals(asked: Mapping[str, Fold], ways: Mapping[str, Ways]) -> Iterator[Refusal]:
    """Refusals of requested folds that cannot be built; `ways` are the legal folds of the layers with weights."""
    yield from unknown("--folding", asked, ways)
    for name, fold in asked.items():
        if name in ways and (fold.simd not in ways[name][0] or fold.pe not in ways[name][1]):
            simds, pes = ways[name]
            fact = (
                f"{fold} is no fold of {name}: of {max(pes)} results, PE is one of {_listed(pes)}, and SIMD one of "
                f"{_listed(simds)}: others need as many turns as a smaller one, or take no whole words"
            )
            yield Refusal("--folding", fact, f"{name}={nearest(ways[name], fold)}")


def parse_folding(text: str) -> Mapping[str, Fold]:
    """The layers whose folding is given by ``auto`` (none) or ``block1_conv1=4x9,dense=1x8`` (PE x SIMD)."""
    return (
        {}
        if text == AUTO
        else {name: Fold(int(pe), int(simd), bool(luts)) for name, pe, simd, luts in LISTED.findall(text)}
    )


def folding_text(text: str) -> str:
    """Checks the form of a folding, given as ``auto``, as a JSON file or as text, and writes it as text.

    Raises `InputError` for a file that is missing or is no folding, `ValueError` for a number out of range. The text
    is complete, so the file is not needed afterwards.
    """
    text = text.strip()
    if text == AUTO:
        return text
    parts = [LISTED.fullmatch(part.strip()) for part in text.split(",")]
    listed = [(part[1], Fold(int(part[2]), int(part[3]), bool(part[4]))) for part in parts if part]
    folds = listed if len(listed) == len(parts) else list(_read(Path(text)).items())
    for name, fold in folds:
        if not 1 <= min(fold.pe, fold.simd) <= max(fold.pe, fold.simd) <= MOST:
            raise ValueError(f"{name}={fold}: PE and SIMD are at least 1 and at most {MOST:,}")
    return ",".join(f"{name}={fold}" for name, fold in dict(folds).items())


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
_FOLD = fields({"pe": _NUMBER, "simd": _NUMBER, "lut": flag}, lambda pe, simd, lut: Fold(pe, simd, lut), {"lut": False})
_FILE = mapping(_FOLD, 1000)


@dataclass(frozen=True)
class FoldingOption:
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
