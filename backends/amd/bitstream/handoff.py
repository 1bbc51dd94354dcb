"""A hardware handoff (``.hwh``) of Vivado's: part, board, clocks of the fabric and IP cores of a block design."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.core.errors import InputError
from flows.core.files import TEXT_LIMIT
from flows.core.text import printable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LIMIT = TEXT_LIMIT
"""Bytes of a file: those of public designs have less than two million."""
PROCESSOR = "processing_system7"
HERTZ = re.compile(r"[1-9]\d{0,10}|[1-9](\.\d{1,9})?e\+?\d\d?", re.ASCII)
"""A frequency: 142857132, or 1e+08."""


@dataclass(frozen=True)
class Handoff:
    """`clocks_mhz` are the clocks from the processing system to the fabric, by pin; `ips` counts IP cores."""

    design: str
    part: str
    board: str
    tool: str
    clocks_mhz: Mapping[str, float]
    ips: Mapping[str, int]

    @property
    def is_whole(self) -> bool:
        """Whether it has a processing system; a handoff without one is of a block inside a design."""
        return PROCESSOR in self.ips


def parse(content: bytes, place: str) -> Handoff:
    """Raises `InputError` where the content is no handoff, or is damaged."""
    from xml.etree import ElementTree

    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:  # no handoff has one; entities can be made to fill the memory
        raise _refused(place, "an XML file with a document type, which no hardware handoff has")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise _refused(place, "damaged XML, perhaps cut off") from None
    system = root.find("SYSTEMINFO")
    if root.tag != "EDKSYSTEM" or system is None:
        raise _refused(place, "no hardware handoff of Vivado's")
    said = {name: printable(value)[:200] for name, value in system.attrib.items()}
    device = said.get("DEVICE", "")
    part = f"xc{device}{said.get('PACKAGE', '')}{said.get('SPEEDGRADE', '')}" if device else ""
    modules = list(root.iter("MODULE"))
    ips = Counter(printable(module.get("MODTYPE", "unnamed"))[:200] for module in modules)
    clocks = dict(_clocks(modules, place))
    tool = printable(root.get("VIVADOVERSION", ""))[:200]
    return Handoff(said.get("NAME", ""), part, said.get("BOARD", ""), tool, clocks, dict(sorted(ips.items())))


def _clocks(modules: list[Element], place: str) -> Iterator[tuple[str, float]]:
    for module in modules:
        if module.get("MODTYPE") != PROCESSOR:
            continue
        for port in module.iter("PORT"):
            pin, hertz = port.get("NAME", ""), port.get("CLKFREQUENCY", "")
            if pin.startswith("FCLK_CLK") and hertz:
                if not (match := HERTZ.fullmatch(hertz)):
                    raise _refused(place, f"{hertz[:20]!r} where the frequency of {pin[:20]} should be, in Hz")
                yield printable(pin)[:20], float(match[0]) / 1e6


def _refused(place: str, fact: str) -> InputError:
    return InputError(f"hardware handoff {place}", fact, "take the .hwh that Vivado made beside the bitstream")
