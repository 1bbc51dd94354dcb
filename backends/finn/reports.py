"""What FINN's own build leaves in its ``report`` folder, as evidence of a design: one file of it, or the folder.

``post_route_timing.rpt`` holds the clock; its JSON files hold resources and cycles, node by node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from backends.amd import finn_reports, steps
from backends.amd.identity import ANYTHING
from backends.dataflow.space import Solved
from backends.finn.clock import COSTS, LABEL_SELECT
from backends.finn.design.design import FinnDesign
from backends.protocol import Imported, Note, warning
from flows.core.errors import InputError
from flows.core.evidence import WHOLES, Metric
from flows.core.files import read_text

PARTITION = "StreamingDataflowPartition"
"""What FINN's builder calls the parts of its design, in which it numbers and names the nodes."""

BETWEEN = ("StreamingFIFO", "StreamingDataWidthConverter", "IODMA")
"""Nodes that FINN puts between those of a design and around them."""


TIMING = "post_route_timing.rpt"


def read_report(solved: Solved[FinnDesign], report: Path) -> Imported:
    """Raises `InputError` where it is damaged, none of FINN's, or of another kind of design, part or clock."""
    if not report.is_dir():
        return _read(solved, report)
    every = [report / name for name in (*finn_reports.FILES, TIMING) if (report / name).is_file()]
    if not every:
        advice = "give the folder `report` of FINN's build output"
        raise InputError(f"report {report}", "the folder holds none of FINN's reports", advice)
    read = [_read(solved, path) for path in every]
    return Imported(
        tuple(reading for imported in read for reading in imported.readings),
        tuple(note for imported in read for note in imported.notes),
    )


def _read(solved: Solved[FinnDesign], report: Path) -> Imported:
    if report.name in finn_reports.FILES:
        return _counted(solved.design, report)
    read = steps.read_report(report, PARTITION, solved.design.job.target, ANYTHING, "vitis")
    if any(reading.metric is not Metric.FMAX_MHZ for reading in read.readings):
        advice = f"give its report folder, or {TIMING} or a JSON file of it"
        raise InputError(f"report {report}", "of a FINN build's vendor reports the timing report alone is read", advice)
    return Imported(read.readings, (*read.notes, *_limits(solved.design, read)))


def _counted(design: FinnDesign, report: Path) -> Imported:
    """A JSON file of FINN's. It names neither part nor clock: of those only the nodes are compared."""
    advice = "give the report folder of FINN's build output"
    content = read_text(report, advice, f"report {report}")
    on = design.job.target.part.device.name
    readings = [replace(counted, on=on) for counted in finn_reports.readings_of(content, report.name, report.name)]
    ours = {node.name for node in design.nodes}
    named = {reading.scope for reading in readings} - set(WHOLES)
    strange = sorted(name for name in named - ours if not name.startswith(BETWEEN))
    notes = [warning(f"that {report.name} is of this very design is your word: it names neither part nor clock")]
    if strange:
        names = ", ".join(strange[:3])
        notes.append(warning(f"{report.name} has nodes that this design has not ({names}): it is of another one"))
    return Imported(tuple(readings), tuple(notes))


def _limits(design: FinnDesign, read: Imported) -> Iterator[Note]:
    """Which node the slowest path ends in, whether it is one of this design, and what to do where it is known."""
    ops = {node.op for node in design.nodes}
    for reading in read.readings:
        if node := re.search(rf"{PARTITION}_\d+_((\w+?_(?:hls|rtl))_\d+)", reading.source):
            here = "" if node[2] in ops or node[2].startswith(BETWEEN) else ", of which this design has none"
            advice = f"; set its PE to 1: {COSTS}" if node[2].startswith(LABEL_SELECT) else ""
            yield warning(f"the slowest path ends in {node[1]}{here}{advice}")
