"""A ``.bit`` file of a 7-series part: its header, and the frames that its configuration packets write (AMD UG470).

Any bytes give a `Bitstream` or an `InputError`. Nothing here knows what a frame means: `count` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backends.amd.bitstream import crc
from flows.core.errors import InputError
from flows.core.text import printable

LIMIT = 20 << 20
"""Bytes of a file: the largest Zynq-7000, the xc7z100, takes 17.4 million."""
SYNC = b"\xaa\x99\x55\x66"
FRAME_BYTES = 404
"""The length of a frame: 101 words of 32 bits."""
READ, WRITE = 1, 2
CRC, FDRI, CMD, CTL0, MFWR, CBC, IDCODE, DWC = 0, 2, 4, 5, 10, 11, 12, 26
"""Registers by their addresses."""
RESET_CRC, DESYNC = 7, 13
"""Commands; the second ends a bitstream."""
DECRYPT = 1 << 6
"""The bit of CTL0 that turns the decryptor on."""
DEVICES = {
    0x03723093: "xc7z007s", 0x03722093: "xc7z010", 0x0373C093: "xc7z012s", 0x03728093: "xc7z014s",
    0x0373B093: "xc7z015", 0x03727093: "xc7z020", 0x0372C093: "xc7z030", 0x03732093: "xc7z035",
    0x03731093: "xc7z045", 0x03736093: "xc7z100",
}  # fmt: skip
"""Zynq-7000 devices by their JTAG IDCODE, without its upper four bits, which count revisions (UG585)."""
REVISION = 0x0FFFFFFF
FIELDS = {b"a": "design", b"b": "part", b"c": "date", b"d": "time"}
AGAIN = "write it again with write_bitstream, whole, for a Zynq-7000, neither compressed nor encrypted"


@dataclass(frozen=True)
class Header:
    """The header before the packets; empty where the file has none. `part` has no speed grade (xc7z020clg400)."""

    design: str = ""
    part: str = ""
    tool: str = ""
    date: str = ""


@dataclass(frozen=True)
class Bitstream:
    """`frames` are the big-endian words of the only write of frames, pad frames included."""

    header: Header
    device: str
    frames: bytes


def refused(place: str, fact: str, advice: str = AGAIN) -> InputError:
    return InputError(f"bitstream {place}", fact, advice)


def parse(content: bytes, place: str) -> Bitstream:
    """Raises `InputError` where the file is no bitstream, or is of another family, compressed, encrypted, damaged or
    cut off."""
    header, body = _split(content, place)
    start = body.find(SYNC)
    if start < 0:
        raise refused(place, "no synchronisation word in it: no bitstream, or one that is cut off")
    device, frames, ended, total = "", b"", False, 0
    for register, payload in _writes(memoryview(body)[start + len(SYNC) :], place):
        if register in (MFWR, CBC, DWC) or (register == CTL0 and _word(payload) & DECRYPT):
            how = "compressed (one frame is written to many places)" if register == MFWR else "encrypted"
            raise refused(place, f"{how}, and only plain bitstreams are read")
        if register == CRC:
            if _word(payload) != total:
                raise refused(place, f"its CRC is 0x{_word(payload):08X}, of what is in it 0x{total:08X}: damaged")
            total = 0
            continue
        total = 0 if register == CMD and _word(payload) == RESET_CRC else crc.extend(total, register, payload)
        if register == IDCODE:
            device = _device(_word(payload), header, place)
        elif register == FDRI and payload:
            if not device:
                raise refused(place, "frames before the IDCODE of a part: damaged")
            if frames:
                raise refused(place, "frames written in several pieces: a partial bitstream, or one for debugging")
            frames = bytes(payload)
        elif register == CMD and _word(payload) == DESYNC:
            ended = True
            break
    if not frames or not ended:
        what = "no frames in it" if not frames else "no command that ends it"
        raise refused(place, f"{what}: perhaps it is cut off")
    return Bitstream(header, device, frames)


def _split(content: bytes, place: str) -> tuple[Header, bytes]:
    """(the header, the packets after it). A file of only packets (``.bin``) has no header."""
    if not content.startswith(b"\x00\x09\x0f\xf0"):
        return Header(), content
    at = 13
    texts: dict[str, str] = {}
    while True:
        key, size = content[at : at + 1], 4 if content[at : at + 1] == b"e" else 2
        length = int.from_bytes(content[at + 1 : at + 1 + size], "big")
        at += 1 + size
        value = content[at : at + length]
        if (key not in FIELDS and key != b"e") or len(value) < length:
            lacks = (
                f"{len(value):,} of {length:,} bytes of its packets are there" if key == b"e" else "a damaged header"
            )
            raise refused(place, f"{lacks}: perhaps it is cut off")
        at += length
        if key == b"e":
            return _header(texts), value
        texts[FIELDS[key]] = printable(value.rstrip(b"\0").decode("ascii", "replace"))


def _header(texts: dict[str, str]) -> Header:
    design, *settings = texts.get("design", "").split(";")
    version = next((setting.removeprefix("Version=") for setting in settings if setting.startswith("Version=")), "")
    part = texts.get("part", "")
    return Header(design, f"xc{part}" if re.match(r"7\w", part) else part, version, texts.get("date", ""))


def _device(idcode: int, header: Header, place: str) -> str:
    device = DEVICES.get(idcode & REVISION)
    if device is None:
        whose = header.part or "another part"
        raise refused(place, f"of {whose} (IDCODE 0x{idcode:08X}), which is no Zynq-7000")
    if header.part and not header.part.startswith(device):
        raise refused(place, f"for {header.part} by its header, for {device} by its IDCODE: damaged")
    return device


def _word(payload: memoryview) -> int:
    return int.from_bytes(payload[:4], "big")


def _writes(body: memoryview, place: str) -> Iterator[tuple[int, memoryview]]:
    """(register, words written to it) of each packet. Raises `InputError` for an invalid packet."""
    at, register = 0, 0
    while at + 4 <= len(body):
        head = int.from_bytes(body[at : at + 4], "big")
        at += 4
        kind, operation = head >> 29, head >> 27 & 3
        if kind == 1:
            register, count = head >> 13 & 0x1F, head & 0x7FF
        elif kind == 2:
            count = head & 0x7FFFFFF
        elif head in (0, 0xFFFFFFFF):  # fillers
            continue
        else:
            raise refused(place, f"a packet of unknown type, 0x{head:08X}: damaged, or encrypted")
        if operation == READ:
            continue
        payload = body[at : at + 4 * count]
        at += len(payload)
        if len(payload) < 4 * count:
            raise refused(place, f"cut off: {len(payload) // 4:,} of {count:,} words of a packet are there")
        if operation == WRITE and count:
            yield register, payload
