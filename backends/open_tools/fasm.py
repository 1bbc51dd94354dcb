"""What nextpnr writes of a routed design: FASM, a line a feature of the fabric. Here counted, and turned into frames.

(https://fasm.readthedocs.io; frames as in AMD UG470, features as in Project X-Ray's database.)
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from backends.amd.bitstream.count import PASSING, PASSING_HALF, WORD

LUT = re.compile(r"(\w+\.SLICE[LM]_X\d\.[A-D]LUT)\.(\w+)")
RAMB18 = re.compile(r"(\w+\.RAMB18_Y\d)\.IN_USE")
DSP = re.compile(r"(\w+\.DSP48\.DSP_\d)\.")
VECTOR = re.compile(r"(\S+?)\[(\d+):(\d+)\]\s*=\s*\d+'([bh])([0-9a-fA-F_]+)")
SCALAR = re.compile(r"(\S+)\s*=\s*1'b([01])")
NUMBER = re.compile(r"\[(\d+)\]")
FRAME_WORDS = 101
BLOCKS = ((".db", "CLB_IO_CLK"), (".block_ram.db", "BLOCK_RAM"))


@dataclass(frozen=True)
class PlacedCounts:
    """What a routed design takes. `passing` are LUTs that only pass a signal on, which are not in `lut`."""

    lut: int
    passing: int
    ramb18: int
    dsp: int


def placed(fasm: Iterable[str]) -> PlacedCounts:
    """By the rules of `backends.amd.bitstream.count`.

    >>> placed(["L_X2Y3.SLICEL_X0.ALUT.INIT[63:0] = 64'b1", "L_X2Y3.SLICEM_X0.BLUT.SRL", "B_X1Y0.RAMB18_Y0.IN_USE"])
    PlacedCounts(lut=2, passing=0, ramb18=1, dsp=0)
    """
    contents: dict[str, int] = {}
    stored: set[str] = set()
    blocks: dict[re.Pattern[str], set[str]] = {RAMB18: set(), DSP: set()}
    for line in fasm:
        if match := LUT.match(line):
            if match[2] in ("RAM", "SRL"):
                stored.add(match[1])
            elif match[2] == "INIT":
                contents[match[1]] = contents.get(match[1], 0) | _table(line)
            continue
        for pattern, names in blocks.items():
            if match := pattern.match(line):
                names.add(match[1])
    logic = [table for site, table in contents.items() if table and site not in stored]
    passing = sum(map(_passes, logic))
    return PlacedCounts(len(logic) - passing + len(stored), passing, len(blocks[RAMB18]), len(blocks[DSP]))


def _table(line: str) -> int:
    return sum(1 << int(index[1]) for name in features(line) if (index := NUMBER.search(name)))


def _passes(table: int) -> bool:
    halves = (0, *PASSING_HALF)
    return table in PASSING or (table & WORD in halves and table >> 32 in halves)


def features(line: str) -> Iterator[str]:
    """The features that a line sets.

    >>> list(features("T.A.INIT[1:0] = 2'b10")), list(features("T.B = 1'b0")), list(features("T.C # why"))
    (['T.A.INIT[1]'], [], ['T.C'])
    """
    text = line.partition("#")[0].strip()
    if match := VECTOR.match(text):
        value, low = int(match[5].replace("_", ""), 2 if match[4] == "b" else 16), int(match[3])
        yield from (f"{match[1]}[{at + low}]" for at in range(int(match[2]) - low + 1) if value >> at & 1)
    elif match := SCALAR.match(text):
        if match[2] == "1":
            yield match[1]
    elif text:
        yield text.split()[0]


@dataclass(frozen=True)
class Frames:
    """Words of frames by their address, how many features they come from, and those that the database does not have."""

    words: Mapping[int, list[int]]
    features: int
    unknown: tuple[str, ...]

    def text(self) -> str:
        """As xc7frames2bit takes them."""
        rows = (f"0x{at:08X} {','.join(f'0x{word:08X}' for word in self.words[at])}\n" for at in sorted(self.words))
        return "".join(rows)


def frames(fasm: Iterable[str], family: Path, die: str) -> Frames:
    """`family` is the folder of the database, ``zynq7``; `die` a device in it. Raises `KeyError`, `ValueError` or
    `OSError` where the database is not as it should be."""
    grid = json.loads((family / die / "tilegrid.json").read_text())
    kinds: dict[str, _Kind] = {}
    words: dict[int, list[int]] = defaultdict(lambda: [0] * FRAME_WORDS)
    count, unknown = 0, dict[str, None]()
    for line in fasm:
        for feature in features(line):
            tile, _, rest = feature.partition(".")
            if tile not in grid:
                unknown[feature] = None
                continue
            kind = grid[tile]["type"]
            if kind not in kinds:
                kinds[kind] = _kind(family, kind)
            name = f"{kind}.{_plain(rest)}"
            known = kinds[kind].bits.get(name)
            if known is None:
                if name not in kinds[kind].always:
                    unknown[feature] = None
                continue
            block, bits = known
            place = grid[tile]["bits"].get(block)
            if place is None:
                unknown[feature] = None
                continue
            count += 1
            base, offset = int(place["baseaddr"], 16), int(place["offset"])
            for frame, bit in bits:
                words[base + frame][offset + bit // 32] |= 1 << bit % 32
    return Frames(words, count, tuple(unknown))


@dataclass(frozen=True)
class _Kind:
    """Of a kind of tile, the bits of each feature with their block; `always` are connections that are always on."""

    bits: Mapping[str, tuple[str, tuple[tuple[int, int], ...]]]
    always: frozenset[str]


def _kind(family: Path, kind: str) -> _Kind:
    bits: dict[str, tuple[str, tuple[tuple[int, int], ...]]] = {}
    for suffix, block in BLOCKS:
        for name, *rest in _rows(family / f"segbits_{kind.lower()}{suffix}"):
            if rest:
                bits[_plain(name)] = block, tuple(_bit(text) for text in rest if not text.startswith("!"))
    pairs = _rows(family / f"ppips_{kind.lower()}.db")
    return _Kind(bits, frozenset(_plain(name) for name, *_ in pairs))


def _rows(path: Path) -> Iterator[list[str]]:
    if path.exists():
        yield from (row for line in path.read_text().splitlines() if (row := line.split()))


def _bit(text: str) -> tuple[int, int]:
    frame, _, bit = text.partition("_")
    return int(frame), int(bit)


def _plain(name: str) -> str:
    """With indices as numbers: the database writes [07] where FASM has [7]."""
    return NUMBER.sub(lambda match: f"[{int(match[1])}]", name)
