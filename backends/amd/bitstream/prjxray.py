"""Project X-Ray's database of 7-series bitstreams: a folder of the user's, whose content is not trusted.

Of a device it tells in which order frames are written and where the bits of every tile stand; of a kind of tile, which
bits mean what (https://f4pga.readthedocs.io/projects/prjxray).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.amd.bitstream.packets import FRAME_BYTES, Bitstream, refused
from flows.core.errors import InputError, SetupError
from flows.core.files import MEBIBYTE, read_text

VARIABLE = "XRAY_DATABASE_DIR"
"""What Project X-Ray's own tools call it."""
FAMILY = "zynq7"
DIES = {"xc7z007s": "xc7z010", "xc7z014s": "xc7z020"}
"""Devices with one core use the dies of others, with the same frames."""
PAD_FRAMES = 2
"""Behind the frames of each row."""
BUSES = ("CLB_IO_CLK", "BLOCK_RAM")
"""Blocks of frames, in the order in which they are written."""
HALVES = ("top", "bottom")
TILES = re.compile(r"(CLBL[LM]|BRAM|DSP)_[LR]")
"""Kinds of tiles that are counted."""
LIMIT = 64 * MEBIBYTE
GET = (
    "get it with `apt install prjxray-database`, or clone f4pga/prjxray-db, and name the folder that holds zynq7/ with "
    f"--prjxray DIR or ${VARIABLE}"
)

Bit = tuple[int, int, bool]
"""(frame, bit, whether it must be 1), relative to the start of a tile."""


@dataclass(frozen=True)
class Tiles:
    """All tiles of a kind: for each, the index of its first frame among those written, and its first word in it."""

    features: Mapping[str, tuple[Bit, ...]]
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Fabric:
    """`frames` is the number that a whole bitstream writes, pads included; `tiles` are by kind."""

    frames: int
    tiles: Mapping[str, Tiles]


def find(named: Path | None = None) -> Path:
    """The folder with ``zynq7`` in it: the one named, ``$XRAY_DATABASE_DIR``, or what a package of the tools left.

    Raises `SetupError` with what to install where there is none.
    """
    places = [named] if named else list(_places())
    for place in places:
        folder = place.parent if place.name == FAMILY else place
        if (folder / FAMILY).is_dir() and supported(folder):
            return folder
    where = f"folder {named}" if named else "prjxray database"
    fact = "no zynq7 database of Project X-Ray in it" if named else "not here, and reading a bitstream needs it"
    raise SetupError(where, fact, GET)


def _places() -> Iterator[Path]:
    if named := os.environ.get(VARIABLE):
        yield Path(named)
        return
    for tool in ("bitread", "xc7frames2bit"):
        if path := shutil.which(tool):
            for beside in (Path(path).resolve().parent.parent, Path(path).parent.parent / "root" / "usr"):
                yield beside / "share" / "prjxray" / "database"
    yield Path("/usr/share/prjxray/database")


def supported(folder: Path) -> tuple[str, ...]:
    """The devices that the database has, by their dies.

    >>> supported(Path("nowhere"))
    ()
    """
    return tuple(sorted(path.parent.name for path in (folder / FAMILY).glob("xc7z*/tilegrid.json")))


def load(folder: Path, bitstream: Bitstream, place: str) -> Fabric:
    """The part of the database that is needed to count in `bitstream`. Raises `InputError` where the database is
    damaged or lacks the device, or where the bitstream does not write every frame of the device."""
    die = DIES.get(bitstream.device, bitstream.device)
    if die not in supported(folder):
        has = ", ".join(supported(folder)) or "none"
        raise refused(place, f"of {bitstream.device}, of which the database {folder} knows nothing", f"it has {has}")
    try:
        starts, count = _order(_json(_part(folder, die)))
        if len(bitstream.frames) != count * FRAME_BYTES:
            there = f"{len(bitstream.frames) / FRAME_BYTES:,.5g} frames"
            raise refused(place, f"it writes {there} where {bitstream.device} has {count:,}: a partial bitstream")
        return Fabric(count, dict(_tiles(folder / FAMILY, die, starts, count)))
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as reason:
        fact = f"damaged, or of another layout ({type(reason).__name__}: {reason})"
        raise InputError(f"prjxray database {folder}", fact, GET) from None


def _part(folder: Path, die: str) -> Path:
    """Of any package: all packages of a die have the same frames."""
    parts = sorted((folder / FAMILY).glob(f"{die}[a-z]*/part.json"))
    return parts[0] if parts else folder / FAMILY / die / "part.json"


def _json(path: Path) -> Any:
    return json.loads(read_text(path, GET, f"prjxray database {path}", LIMIT))


def _order(part: Any) -> tuple[dict[int, int], int]:
    """(the index of the first frame of each column, by its address; the number of frames written in all)."""
    starts: dict[int, int] = {}
    count = 0
    for block, bus in enumerate(BUSES):
        for half, name in enumerate(HALVES):
            rows = part["global_clock_regions"].get(name, {"rows": {}})["rows"]
            for row in sorted(map(int, rows)):
                columns = rows[str(row)]["configuration_buses"].get(bus, {"configuration_columns": {}})
                columns = columns["configuration_columns"]
                for column in sorted(map(int, columns)):
                    starts[block << 23 | half << 22 | row << 17 | column << 7] = count
                    count += int(columns[str(column)]["frame_count"])
                count += PAD_FRAMES if columns else 0
    return starts, count


def _tiles(family: Path, die: str, starts: Mapping[int, int], count: int) -> Iterator[tuple[str, Tiles]]:
    places: dict[str, list[tuple[int, int]]] = {}
    for tile in _json(family / die / "tilegrid.json").values():
        bits = tile["bits"].get(BUSES[0])
        if TILES.fullmatch(tile["type"]) and bits:
            start, offset = starts[int(bits["baseaddr"], 16)], int(bits["offset"])
            frames, words = int(bits["frames"]), int(bits["words"])
            if min(offset, frames, words) < 0 or offset + words > FRAME_BYTES // 4 or start + frames > count:
                raise ValueError(f"a tile of {tile['type']} outside its frames")
            places.setdefault(tile["type"], []).append((start, offset))
    for kind, spots in sorted(places.items()):
        yield kind, Tiles(_features(family / f"segbits_{kind.lower()}.db", count), tuple(spots))


def _features(path: Path, frames: int) -> dict[str, tuple[Bit, ...]]:
    """The bits of each feature, by its name without the tile: ``SLICEL_X0.ALUT.INIT[00]``."""
    features = {}
    for line in read_text(path, GET, f"prjxray database {path}", LIMIT).splitlines():
        name, *bits = line.split()
        if bits and bits[0][:1] in "!0123456789":
            features[name.partition(".")[2]] = tuple(_bit(text, frames) for text in bits)
    return features


def _bit(text: str, frames: int) -> Bit:
    """
    >>> _bit("!31_06", 100)
    (31, 6, False)
    """
    frame, _, bit = text.removeprefix("!").partition("_")
    position = int(frame), int(bit)
    if not (0 <= position[0] < frames and 0 <= position[1] < FRAME_BYTES * 8):
        raise ValueError(f"a bit at {text}")
    return *position, not text.startswith("!")
