"""The ledger: what was built and measured, file by file, kept beside what was predicted.

A `Page` holds the evidence of one design: of a run of this program, or of a design of its own name. Readings of a whole
design, its shell included, have the scope `TOTAL`; of the design without its shell `DESIGN`; of a block its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flows.core.errors import InputError
from flows.core.evidence import Reading, Tier
from flows.core.record import reading_to_json
from flows.core.record_reader import HEX, READING
from flows.core.shape import Shape, Wrong, choice, fields, flag, listing, mapping, number, optional, parse, text
from flows.core.text import printable

SCHEMA = "zynqflows-ledger/1"
ADVICE = "put the file away and import its evidence again"
NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,59}"
"""What a design may be called: it is the name of a file."""


class Kind(StrEnum):
    """Of a file of evidence."""

    CSYNTH = "csynth report"
    COSIM = "co-simulation report"
    UTILIZATION = "utilisation report"
    TIMING = "timing report"
    POWER = "power report"
    BITSTREAM = "bitstream"
    HANDOFF = "hardware handoff"
    FINN_BUILD = "FINN build"
    FINN_SIMULATION = "FINN simulation"
    FINN_ESTIMATE = "FINN estimate"
    BOARD = "board measurement"


@dataclass(frozen=True)
class Entry:
    """One file as it was read. `top`, `part` and `clock_ns` are what it names; empty and None where it names none.

    `whole` says whether the shell is in it, None where the file speaks of no hardware. `failed` says what it shows to
    be wrong with the design, empty where nothing. `facts` are whatever else it tells, in words.
    """

    file: str
    digest: str
    kind: Kind
    imported: str
    top: str = ""
    whole: bool | None = None
    part: str = ""
    clock_ns: float | None = None
    failed: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    readings: tuple[Reading, ...] = ()

    @property
    def is_truth(self) -> bool:
        """Whether it is about what was built; another program's estimate is a prediction."""
        return self.kind is not Kind.FINN_ESTIMATE


@dataclass(frozen=True)
class Page:
    """The evidence of one design. `run` is the run that predicted it, empty where none did."""

    name: str
    run: str
    entries: tuple[Entry, ...] = ()

    @property
    def part(self) -> str:
        """The most complete name of the part in any file; empty where none names it."""
        return max((entry.part for entry in self.entries), key=len, default="")

    @property
    def failures(self) -> tuple[str, ...]:
        """What was shown to be wrong with the design: while there is any, it is not proven."""
        return tuple(f"{entry.failed} ({entry.file})" for entry in self.entries if entry.failed)


def same_part(name: str, other: str) -> bool:
    """Whether two names can be of one part: one of them may leave out the speed grade, or the package.

    >>> same_part("xc7z020clg400", "7z020-clg400-1"), same_part("xc7z020clg400", "xc7z020clg484-1")
    (True, False)
    """
    first, second = (re.sub("^xc|-", "", text.lower()) for text in (name, other))
    return first.startswith(second) or second.startswith(first)


def page_to_json(page: Page) -> str:
    entries = [vars(entry) | {"readings": [reading_to_json(row) for row in entry.readings]} for entry in page.entries]
    content = {"schema": SCHEMA, "name": page.name, "run": page.run, "entries": entries}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _entry(**row: Any) -> Entry:
    entry = Entry(**row)
    if any(reading.tier in (Tier.EVALUATED, Tier.RECORDED) for reading in entry.readings):
        raise Wrong("has accuracies, which no such file tells").within("readings")
    return entry


def _page(schema: str, **row: Any) -> Page:
    return Page(**row)


_ENTRY = {
    "file": text(),
    "digest": HEX,
    "kind": choice({kind.value: kind for kind in Kind}),
    "imported": text(r"\d{4}-\d\d-\d\d", "a date"),
    "top": text(),
    "whole": optional(flag),
    "part": text(),
    "clock_ns": optional(number(0.1, 1e6)),
    "failed": text(),
    "facts": mapping(text()),
    "readings": listing(READING),
}
_PAGE: Shape[Page] = fields(
    {"schema": text(), "name": text(NAME, "a name"), "run": text(), "entries": listing(fields(_ENTRY, _entry), 10_000)},
    _page,
)


def page_from_json(content: str, place: str) -> Page:
    """Raises `InputError` naming `place`, and the field, where it is damaged, or written by a newer version."""
    try:
        value = parse(content)
        schema = value.get("schema") if isinstance(value, dict) else None
        if schema != SCHEMA:
            if isinstance(schema, str) and schema.startswith("zynqflows-ledger/"):
                fact = f"written in schema {printable(schema)[:40]}, and this version reads {SCHEMA}"
                raise InputError(place, fact, "read it with the version of zynqflows that wrote it")
            raise Wrong("names no schema of a ledger")
        return _PAGE(value)
    except Wrong as wrong:
        raise InputError(place, f"damaged ledger: {wrong}", ADVICE) from None
