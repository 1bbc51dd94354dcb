"""Scans of texts of others: twice the text takes twice the time, not four or eight times."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from backends.amd import cosim, csynth_text, tables, utilization
from backends.hls4ml.option_texts import precision_text
from flows.core.errors import FlowsError
from flows.core.text import identifier, printable
from models.fixed import parse_type, separated
from models.formats import parse_formats

MEGABYTE = 1 << 20


def refused(scan: Callable[[str], object]) -> Callable[[str], None]:
    """`scan`, which may say what is wrong."""

    def run(text: str) -> None:
        with suppress(FlowsError, ValueError):
            scan(text)

    return run


SCANS: dict[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "field, blanks": (lambda text: tables.field(text, "Design"), lambda size: f"| Design {' ' * size} : {' ' * size}x"),
    "field, before": (lambda text: tables.field(text, "Design"), lambda size: " " * size + "x"),
    "field, behind": (lambda text: tables.field(text, "Design"), lambda size: f"| Design : x{' ' * size}y"),
    "field, lines": (lambda text: tables.field(text, "Design"), lambda size: "|\n" * (size // 2)),
    "tables": (refused(lambda text: tables.tables(text, "x")), lambda size: f"+{'-' * size}\n|{' ' * size}"),
    "number": (refused(lambda text: tables.number(text, "x")), lambda size: "1,234" * (size // 5)),
    "sections, blanks": (
        refused(lambda text: utilization._check_sections(text, "x")),
        lambda size: f"1. a{' ' * size}b",
    ),
    "sections, digits": (refused(lambda text: utilization._check_sections(text, "x")), lambda size: "1." * (size // 2)),
    "csynth": (
        refused(lambda text: csynth_text.parse_text(text, "x")),
        lambda size: "== Vivado HLS Report for '" + "a" * size,
    ),
    "cosim": (refused(lambda text: cosim.HEADING.search(text)), lambda size: "+ RTL" + " " * size),
    "separated, commas": (separated, lambda size: "," * size),
    "separated, inside": (separated, lambda size: "<" + "," * size),
    "precision": (refused(precision_text), lambda size: "ap_fixed<16,6>" + "," * size),
    "formats": (refused(parse_formats), lambda size: "," * size),
    "type": (refused(parse_type), lambda size: "ap_fixed<1,1" + " " * size + "x"),
    "printable": (printable, lambda size: "\x1b" * size),
    "identifier": (lambda text: identifier(text, "x"), lambda size: "_-" * (size // 2)),
}


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_of_a_megabyte_is_soon_done(name: str) -> None:
    """A square of a megabyte takes hours, so that a generous limit tells the two apart on a busy machine, too."""
    scan, text = SCANS[name]
    started = time.process_time()
    scan(text(MEGABYTE))
    assert time.process_time() - started < 10


def test_a_field_is_read_as_before() -> None:
    text = "* Date:     Sat\n| Tool Version : Vivado v.2022.2 (lin64)   \n  * Empty:\n| Design    : top |\nDesign: x"
    texts = {name: tables.field(text, name) for name in ("Date", "Tool Version", "Empty", "Design", "Absent", "")}
    expected = {"Date": "Sat", "Tool Version": "Vivado v.2022.2 (lin64)", "Empty": None, "Design": "top"}
    assert texts == expected | {"Absent": None, "": None}
