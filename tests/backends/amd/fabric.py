"""A made-up device of one tile of each kind, with its database and bitstreams for it: the grammar is the real one."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

DEVICE, IDCODE, FRAME_WORDS = "xc7z010", 0x13722093, 101
COLUMNS = {"CLBLL_L": 8, "CLBLM_L": 8, "BRAM_L": 4, "DSP_L": 4}
"""Frames of the column that each tile stands in."""
OFFSET = 3
"""The word at which every tile begins."""
PADS = 2


def _features() -> dict[str, dict[str, str]]:
    """By kind of tile, features and their bits. A LUT's table fills two words of a frame of its own."""
    logic = {
        f"SLICEL_X0.{lut}LUT.INIT[{at:02}]": f"{place:02}_{at:02}" for place, lut in enumerate("AB") for at in range(64)
    }
    memory = {name.replace("SLICEL", "SLICEM"): bits for name, bits in logic.items()}
    modes = {
        f"SLICEM_X0.{lut}LUT.{mode}": f"{4 + place:02}_{bit:02}"
        for place, lut in enumerate("AB")
        for bit, mode in enumerate(("RAM", "SRL"))
    }
    slices = {
        f"DSP48.DSP_{place}.{name}": f"{place:02}_{bit:02}"
        for place in (0, 1)
        for bit, name in enumerate(("MASK[0]", "ZPREG[0]"))
    }
    return {
        "CLBLL_L": logic | {"SLICEL_X0.AFF.ZINI": "!07_00"},
        "CLBLM_L": memory | modes,
        "BRAM_L": {"RAMB18_Y0.IN_USE": "00_00 00_01", "RAMB18_Y1.IN_USE": "01_00 01_01"},
        "DSP_L": slices,
    }


FEATURES = _features()


def write_database(folder: Path) -> Path:
    """A folder as Project X-Ray has it; gives the folder that holds ``zynq7``."""
    family = folder / "zynq7"
    for place in (DEVICE, f"{DEVICE}clg400-1"):
        (family / place).mkdir(parents=True)
    columns = {str(at): {"frame_count": count} for at, count in enumerate(COLUMNS.values())}
    memory = {"0": {"frame_count": 2}}
    buses = {name: {"configuration_columns": each} for name, each in (("CLB_IO_CLK", columns), ("BLOCK_RAM", memory))}
    region = {"rows": {"0": {"configuration_buses": buses}}}
    part = {"idcode": IDCODE, "global_clock_regions": {"top": region, "bottom": region}}
    (family / f"{DEVICE}clg400-1" / "part.json").write_text(json.dumps(part))
    tiles = {
        f"{kind}_X0Y{half}": {"type": kind, "bits": {"CLB_IO_CLK": _bits(half << 22 | at << 7, count)}}
        for half in (0, 1)
        for at, (kind, count) in enumerate(COLUMNS.items())
    }
    (family / DEVICE / "tilegrid.json").write_text(json.dumps(tiles | {"NULL_X0": {"type": "NULL", "bits": {}}}))
    for kind, features in FEATURES.items():
        text = "".join(f"{kind}.{name} {bits}\n" for name, bits in features.items())
        (family / f"segbits_{kind.lower()}.db").write_text(text)
    return folder


def _bits(address: int, frames: int) -> dict[str, object]:
    return {"baseaddr": f"0x{address:08X}", "frames": frames, "offset": OFFSET, "words": 2}


Place = tuple[int, str, str]
"""Half of the device (0 is the top), kind of tile, name of a feature or of a LUT."""


def frames(setting: Iterable[Place], tables: Mapping[Place, int] | None = None) -> bytes:
    """All frames: `setting` are features to be on, `tables` the contents of LUTs."""
    row = sum(COLUMNS.values()) + PADS
    words = [0] * (2 * row + 2 * (2 + PADS)) * FRAME_WORDS
    starts = {kind: sum(list(COLUMNS.values())[:at]) for at, kind in enumerate(COLUMNS)}
    wanted = list(setting)
    for (half, kind, lut), table in (tables or {}).items():
        wanted += [(half, kind, f"{lut}.INIT[{at:02}]") for at in range(64) if table >> at & 1]
    for half, kind, name in wanted:
        for text in FEATURES[kind][name].split():
            frame, bit = map(int, text.split("_"))
            at = (half * row + starts[kind] + frame) * FRAME_WORDS + OFFSET + bit // 32
            words[at] |= 1 << bit % 32
    return struct.pack(f">{len(words)}I", *words)


def write(register: int, *words: int) -> bytes:
    """A packet that writes a register."""
    return struct.pack(f">{1 + len(words)}I", 1 << 29 | 2 << 27 | register << 13 | len(words), *words)


def summed(*writes: tuple[int, bytes]) -> int:
    """The CRC of what is written, (register, words), bit by bit."""
    total = 0
    for register, content in writes:
        for (word,) in struct.iter_unpack(">I", content):
            for at in range(37):
                bit = (register << 32 | word) >> at & 1
                total = total >> 1 ^ (0x82F63B78 if (total & 1) != bit else 0)
    return total


SYNC = b"\xff" * 32 + struct.pack(">3I", 0x000000BB, 0x11220044, 0xAA995566) + struct.pack(">I", 0x20000000)
END = write(4, 13) + struct.pack(">4I", *[0x20000000] * 4)


RESET_CRC = write(4, 7)


def packets(content: bytes, idcode: int = IDCODE, before: bytes = b"", end: bytes = END) -> bytes:
    """`before` stands between the IDCODE and the frames. Without a CRC, as BITSTREAM.GENERAL.CRC leaves one out."""
    far = write(12, idcode) + before + write(1, 0) + write(4, 1)
    data = struct.pack(">2I", 1 << 29 | 2 << 27 | 2 << 13, 2 << 29 | 2 << 27 | len(content) // 4) + bytes(content)
    return SYNC + far + data + end


def bit_file(body: bytes, design: str = "design_1_wrapper", part: str = "7z010clg400") -> bytes:
    """With the header that Vivado writes."""
    fields = {b"a": f"{design};UserID=0XFFFFFFFF;Version=2022.1", b"b": part, b"c": "2026/11/28", b"d": "12:00:00"}
    head = bytes.fromhex("00090ff00ff00ff00ff0000001")
    for key, text in fields.items():
        head += key + struct.pack(">H", len(text) + 1) + text.encode() + b"\0"
    return head + b"e" + struct.pack(">I", len(body)) + body


SOME = (
    (0, "CLBLM_L", "SLICEM_X0.ALUT.RAM"),
    (1, "CLBLM_L", "SLICEM_X0.BLUT.SRL"),
    (0, "BRAM_L", "RAMB18_Y0.IN_USE"),
    (1, "BRAM_L", "RAMB18_Y0.IN_USE"),
    (1, "BRAM_L", "RAMB18_Y1.IN_USE"),
    (1, "DSP_L", "DSP48.DSP_1.ZPREG[0]"),
)
AND, PASS, PASSES, HALF = 1 << 63, 0xAAAAAAAAAAAAAAAA, 0xFFFF0000AAAAAAAA, 0xCCCCCCCC
"""Contents of a LUT: six inputs and, one input passed on, two of them, and one in its lower half alone."""
TABLES = {
    (0, "CLBLL_L", "SLICEL_X0.ALUT"): AND,
    (0, "CLBLL_L", "SLICEL_X0.BLUT"): PASS,
    (1, "CLBLL_L", "SLICEL_X0.ALUT"): PASSES,
    (1, "CLBLL_L", "SLICEL_X0.BLUT"): HALF,
    (0, "CLBLM_L", "SLICEM_X0.ALUT"): AND,
    (1, "CLBLM_L", "SLICEM_X0.ALUT"): 0x6666666666666666,
}


def guarded(content: bytes) -> bytes:
    """A bitstream with its CRC, as Vivado writes it."""
    written = ((12, struct.pack(">I", IDCODE)), (1, bytes(4)), (4, struct.pack(">I", 1)), (2, bytes(content)))
    body = packets(content, end=write(0, summed(*written)) + END)
    return bit_file(body.replace(SYNC, SYNC + RESET_CRC))


def some_bitstream() -> bytes:
    """Two LUTs of logic, three that route through, one of RAM, one shift register, three RAMB18, one DSP slice."""
    return bit_file(packets(frames(SOME, TABLES)))
