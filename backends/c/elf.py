"""The memory of a compiled object: its ELF sections, by what they hold (System V ABI, "Object Files")."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from struct import Struct, error

from flows.core.errors import InputError
from flows.core.files import read_bytes

IDENT = b"\x7fELF\x01\x01"
"""Of 32 bits, the lowest byte first."""
HEADER = Struct("<16sHHIIIIIHHHHHH")
SECTION = Struct("<IIIIIIIIII")
PROGBITS, NOBITS = 1, 8
WRITE, ALLOC, EXECUTE = 1, 2, 4
AGAIN = "compile it again"
LARGEST = 1 << 28
"""Bytes of an object that is read."""


@dataclass(frozen=True)
class ProgramMemory:
    """Bytes that a program takes: instructions, what is only read, what is written."""

    code: int
    constants: int
    written: int


def memory(path: Path) -> ProgramMemory:
    """Of a 32-bit little-endian object. Raises `InputError` where it is none."""
    content = read_bytes(path, LARGEST, AGAIN)
    try:
        header = HEADER.unpack_from(content)
        if not header[0].startswith(IDENT):
            raise ValueError("it does not begin as one")
        start, size, count = header[6], header[11], header[12]
        sections = [SECTION.unpack_from(content, start + place * size) for place in range(count)]
    except (ValueError, error) as reason:
        raise InputError(path.name, f"no object of 32-bit ARM ({reason})", AGAIN) from None
    sizes = {"code": 0, "constants": 0, "written": 0}
    for _, kind, flags, _, _, bytes_of, *_ in sections:
        if kind in (PROGBITS, NOBITS) and flags & ALLOC:
            sizes["code" if flags & EXECUTE else "written" if flags & WRITE else "constants"] += bytes_of
    return ProgramMemory(**sizes)
