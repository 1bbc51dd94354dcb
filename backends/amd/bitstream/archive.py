"""Reads an ``.xsa`` or ``.hdf`` of Vivado's, a zip archive, in memory; nothing is unpacked to disk."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath

from backends.amd.bitstream import handoff, packets
from backends.amd.bitstream.handoff import Handoff
from flows.core.errors import InputError
from flows.core.text import printable

LIMIT = 64 << 20
"""The most bytes of an archive."""
MEMBERS = 10_000
HANDOFFS = 32
"""The most block designs in one archive; each has its own handoff."""
ADVICE = "write it again with write_hw_platform -include_bit, or give the .bit file itself"


@dataclass(frozen=True)
class Archive:
    """`bitstream` is the content of its ``.bit`` file, called `name`; `handoff` None where it has none."""

    name: str
    bitstream: bytes
    handoff: Handoff | None


def refused(place: str, fact: str) -> InputError:
    return InputError(f"archive {place}", fact, ADVICE)


def parse(content: bytes, place: str) -> Archive:
    """Raises `InputError` where it is no archive, damaged, encrypted, made to do harm, or without one bitstream."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = archive.infolist()
            _check(members, place)
            bits = [member for member in members if member.filename.endswith(".bit")]
            if len(bits) != 1:
                raise refused(place, f"{len(bits) or 'no'} bitstreams in it, where one is read")
            named = [member for member in members if member.filename.endswith(".hwh")]
            if len(named) > HANDOFFS:
                raise refused(place, f"{len(named):,} hardware handoffs in it, where at most {HANDOFFS} are read")
            handoffs = [
                handoff.parse(_read(archive, member, handoff.LIMIT, place), f"{place}, {member.filename}")
                for member in named
            ]
            whole = [handoff for handoff in handoffs if handoff.is_whole]  # the others are of blocks in it
            if len(whole) > 1:
                raise refused(place, f"{len(whole)} designs with a processing system in it, where one is read")
            bitstream = _read(archive, bits[0], packets.LIMIT, place)
            return Archive(printable(bits[0].filename), bitstream, whole[0] if whole else None)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, ValueError) as reason:
        raise refused(place, f"no zip archive, or a damaged one ({reason})") from None


def _check(members: list[zipfile.ZipInfo], place: str) -> None:
    if len(members) > MEMBERS:
        raise refused(place, f"{len(members):,} files in it, where at most {MEMBERS:,} are read")
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in member.filename:
            raise refused(place, f"a path that leads out of it, {member.filename[:60]!r}: do not trust this file")
        if member.flag_bits & 1:
            raise refused(place, f"{member.filename[:60]!r} in it is encrypted")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, place: str) -> bytes:
    """Reads a member up to a limit, since its stated size is not trusted."""
    with archive.open(member) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise refused(place, f"{member.filename[:60]!r} unpacks to more than {limit:,} bytes")
    return content
