"""Counts of a routed design from the frames of its bitstream: LUTs by function, RAMB18, DSP48E1.

A LUT counts where its contents are not all 0, unless it only passes inputs on: one input through the whole LUT, or one
through each half. Vivado's router makes such LUTs, and its utilisation report does not count them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.amd.bitstream.packets import FRAME_BYTES, Bitstream
from backends.amd.bitstream.prjxray import Bit, Fabric, Tiles

if TYPE_CHECKING:
    from numpy import bool_, uint32, uint64
    from numpy.typing import NDArray

LUT = re.compile(r"(SLICE[LM]_X\d\.[A-D]LUT)\.INIT\[(\d+)\]")
WORD = (1 << 32) - 1
PASSING_HALF = tuple(sum(1 << at for at in range(32) if at >> pin & 1) for pin in range(5))
"""The truth tables of half a LUT that pass one of five inputs through."""
PASSING = tuple(sum(1 << at for at in range(64) if at >> pin & 1) for pin in range(6))
"""The truth tables of a LUT that pass one of six inputs through."""


@dataclass(frozen=True)
class DecodedCounts:
    """`route_through` LUTs are not in `lut_logic`."""

    lut_logic: int
    lutram: int
    srl: int
    route_through: int
    ramb18: int
    dsp: int

    @property
    def lut(self) -> int:
        """The number that ``report_utilization`` calls slice LUTs."""
        return self.lut_logic + self.lutram + self.srl


def count(bitstream: Bitstream, fabric: Fabric) -> DecodedCounts:
    """`bitstream` must write as many frames as `fabric` has, which `prjxray.load` ensures."""
    import numpy

    words = numpy.frombuffer(bitstream.frames, ">u4").astype(numpy.uint32).reshape(fabric.frames, FRAME_BYTES // 4)
    totals = {"lut_logic": 0, "lutram": 0, "srl": 0, "route_through": 0, "ramb18": 0, "dsp": 0}
    for kind, tiles in fabric.tiles.items():
        if kind.startswith("CLB"):
            _count_luts(words, tiles, totals)
        elif kind.startswith("BRAM"):
            for half in (0, 1):
                if bits := tiles.features.get(f"RAMB18_Y{half}.IN_USE"):
                    totals["ramb18"] += int(_all_on(words, tiles, bits).sum())
        else:
            for place in (0, 1):
                totals["dsp"] += _count_slices(words, tiles, f"DSP48.DSP_{place}.")
    return DecodedCounts(**totals)


def _on(words: NDArray[uint32], tiles: Tiles, bit: Bit) -> NDArray[bool_]:
    """Whether a bit has the expected value in each tile: shape (tiles,)."""
    import numpy

    places = numpy.array(tiles.places, dtype=numpy.intp)
    frame, position, wanted = bit
    rows, columns = places[:, 0] + frame, places[:, 1] + position // 32
    inside = (rows < words.shape[0]) & (columns < words.shape[1])
    value = words[numpy.where(inside, rows, 0), numpy.where(inside, columns, 0)] >> numpy.uint32(position % 32) & 1
    return inside & ((value == 1) == wanted)


def _all_on(words: NDArray[uint32], tiles: Tiles, bits: Sequence[Bit]) -> NDArray[bool_]:
    import numpy

    return numpy.logical_and.reduce([_on(words, tiles, bit) for bit in bits])


def _count_slices(words: NDArray[uint32], tiles: Tiles, prefix: str) -> int:
    """DSP slices with any feature set; in an unused one all bits are 0."""
    import numpy

    features = [bits for name, bits in tiles.features.items() if name.startswith(prefix)]
    if not features:
        return 0
    return int(numpy.logical_or.reduce([_all_on(words, tiles, bits) for bits in features]).sum())


def _count_luts(words: NDArray[uint32], tiles: Tiles, totals: dict[str, int]) -> None:
    import numpy

    for lut, table in _tables(tiles.features).items():
        contents = numpy.zeros(len(tiles.places), numpy.uint64)
        for index, bit in table:
            contents |= _on(words, tiles, bit).astype(numpy.uint64) << numpy.uint64(index)
        modes = {}
        for mode in ("RAM", "SRL"):
            bits = tiles.features.get(f"{lut}.{mode}")
            modes[mode] = _all_on(words, tiles, bits) if bits else numpy.zeros(len(contents), bool)
        ram, shift = modes["RAM"], modes["SRL"] & ~modes["RAM"]
        used = (contents != 0) & ~ram & ~shift
        passes = used & _passes(contents)
        counted = {"lutram": ram, "srl": shift, "route_through": passes, "lut_logic": used & ~passes}
        for name, which in counted.items():
            totals[name] += int(which.sum())


def _tables(features: Mapping[str, tuple[Bit, ...]]) -> dict[str, list[tuple[int, Bit]]]:
    """(index, position) of the bits of the truth table of each LUT."""
    tables: dict[str, list[tuple[int, Bit]]] = {}
    for name, bits in features.items():
        if match := LUT.fullmatch(name):
            tables.setdefault(match[1], []).append((int(match[2]) % 64, bits[0]))
    return tables


def _passes(contents: NDArray[uint64]) -> NDArray[bool_]:
    """Whether a LUT computes nothing: it passes one input through, or one in each half that is not empty."""
    import numpy

    half = numpy.array([0, *PASSING_HALF], numpy.uint64)
    low, high = contents & numpy.uint64(WORD), contents >> numpy.uint64(32)
    whole = numpy.isin(contents, numpy.array(PASSING, numpy.uint64))
    return whole | (numpy.isin(low, half) & numpy.isin(high, half))
