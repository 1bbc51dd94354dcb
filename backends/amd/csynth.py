"""csynth reports of Vivado HLS and Vitis HLS, text form (``TOP_csynth.rpt``) and XML (``csynth.xml``), to one value."""

from __future__ import annotations

from backends.amd.csynth_text import parse_text
from backends.amd.csynth_values import Csynth
from backends.amd.csynth_xml import parse_xml


def parse(text: str, place: str) -> Csynth:
    """A report in either form. Raises `InputError`, which names `place`, where the text is no such report, is damaged
    or cut off, or contradicts itself."""
    is_xml = text.lstrip("\ufeff \r\n\t").startswith("<")
    return parse_xml(text, place) if is_xml else parse_text(text, place)
