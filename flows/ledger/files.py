"""Which files of a folder are evidence, and what each is read as."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backends.amd.bitstream import archive, packets
from flows.core.digest import digest_bytes
from flows.core.errors import InputError
from flows.core.files import TEXT_LIMIT, read_bytes
from flows.core.ledger import Entry
from flows.ledger import board, finn, hardware, vendor

ADVICE = "name a report, a bitstream, a board file, or a folder with some"
REPORTS = re.compile(
    r"csynth\.(rpt|xml)$|(cosim|_export|export_(syn|impl)|hls_impl_(syn|pnr))\.rpt$"
    r"|(utilization|timing|power)\w*\.rpt$",
    re.IGNORECASE,
)
"""How the files of AMD's tools are called in whose folders they are looked for. One that is named may have any name."""
HARDWARE = (".bit", ".xsa", ".hdf", ".hwh")
BOARD = ".toml"
NOT_READ = re.compile(r"^csynth\.rpt$|power_summary|clock_utilization")
"""What is called like a report that is read and is none: ``csynth.rpt`` of Vitis HLS is a summary of several."""
DEPTH, MOST = 4, 50_000
"""How deep a folder is looked through, and how many files and folders at most."""


@dataclass(frozen=True)
class Source:
    """A file of evidence: where it is, and what it is called in the ledger."""

    path: Path
    name: str


def evidence(path: Path) -> tuple[Source, ...]:
    """The file itself, or what of a folder is evidence. Raises `InputError` where nothing in a folder is."""
    if not path.is_dir():
        return (Source(path, path.name),)
    paths = sorted(_walk(path), key=lambda file: file.relative_to(path).as_posix())
    chosen = [Source(file, file.relative_to(path).as_posix()) for file in _chosen(paths)]
    if not chosen:
        fact = "no report, no bitstream and no board file in it"
        raise InputError(f"folder {path}", fact, "name the file, or the folder that holds it")
    return tuple(chosen)


def _walk(folder: Path) -> Iterator[Path]:
    """Links are not followed."""
    seen, left = 0, [(folder, 0)]
    while left:
        place, depth = left.pop()
        try:
            entries = sorted(place.iterdir())
        except OSError as reason:
            raise InputError(f"folder {place}", f"cannot be read ({reason.strerror})", ADVICE) from None
        for file in entries:
            seen += 1
            if seen > MOST:
                raise InputError(f"folder {folder}", f"more than {MOST:,} files in it", "name a folder inside it")
            if file.is_symlink():
                continue
            if file.is_dir():
                if depth < DEPTH:
                    left.append((file, depth + 1))
            elif _is_evidence(file.name):
                yield file


def _is_evidence(name: str) -> bool:
    if NOT_READ.search(name):
        return False
    return name.endswith(HARDWARE) or name in finn.FILES or name == "board.toml" or bool(REPORTS.search(name))


def _chosen(paths: list[Path]) -> list[Path]:
    """Of a folder of csynth reports, which has one a function, the one of the top: ``csynth.xml`` is always of that."""
    tops = {file.parent for file in paths if file.name == "csynth.xml"}
    texts = {file.with_suffix("") for file in paths if file.suffix == ".rpt"}
    chosen = []
    for file in paths:
        is_csynth = file.name.endswith(("csynth.rpt", "csynth.xml"))
        if is_csynth and file.parent in tops and file.name != "csynth.xml":
            continue
        if is_csynth and file.suffix == ".xml" and file.with_suffix("") in texts:
            continue
        chosen.append(file)
    return chosen


def read(file: Source, today: str, database: Path | None) -> Entry:
    """Raises `InputError` where it is damaged, and `SetupError` where what reads it is not here."""
    suffix = file.path.suffix.lower()
    limit = {".bit": packets.LIMIT, ".bin": packets.LIMIT, ".xsa": archive.LIMIT, ".hdf": archive.LIMIT}.get(
        suffix, TEXT_LIMIT
    )
    content = read_bytes(file.path, limit, ADVICE)
    name, digest = file.name, digest_bytes(content)
    if suffix in (".bit", ".bin"):  # the second has no header, and is read where it is named
        return hardware.bitstream_entry(content, name, digest, today, database)
    if suffix in (".xsa", ".hdf"):
        return hardware.archive_entry(content, name, digest, today, database)
    if suffix == ".hwh":
        return hardware.handoff_entry(content, name, digest, today)
    text = content.decode(errors="replace").replace("\r\n", "\n")
    if suffix == BOARD:
        return board.entry(text, name, digest, today)
    if file.path.name in finn.FILES:
        return finn.entry(text, file.path.name, name, digest, today)
    if suffix == ".json":
        fact = f"a JSON file called {file.path.name}, which is none of {', '.join(finn.FILES)}"
        raise InputError(f"file {file.path}", fact, "give FINN's report folder as FINN left it")
    return vendor.entry(text, name, digest, today)
