"""The timing report of FINN's own build (``report/post_route_timing.rpt``), as evidence of a design's clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from backends.amd import steps
from backends.amd.identity import ANYTHING
from backends.dataflow.space import Solved
from backends.finn.clock import COSTS, LABEL_SELECT
from backends.finn.design.design import FinnDesign
from backends.protocol import Imported, Note, warning
from flows.core.errors import InputError
from flows.core.evidence import Metric

PARTITION = "StreamingDataflowPartition"
"""What FINN's builder calls the parts of its design, in which it numbers and names the nodes."""

BETWEEN = ("StreamingFIFO", "StreamingDataWidthConverter", "IODMA")
"""Nodes that FINN puts between those of a design and around them."""


def read_report(solved: Solved[FinnDesign], report: Path) -> Imported:
    """Raises `InputError` where it is damaged, no timing report, or of another kind of design, part or clock."""
    job = solved.design.job
    read = steps.read_report(report, PARTITION, job.target, ANYTHING, "vitis")
    if any(one.metric is not Metric.FMAX_MHZ for one in read.readings):
        advice = "give its report/post_route_timing.rpt"
        raise InputError(f"report {report}", "of FINN's builds timing reports alone are read", advice)
    return Imported(read.readings, (*read.notes, *_limits(solved.design, read)))


def _limits(design: FinnDesign, read: Imported) -> Iterator[Note]:
    """Which node the slowest path ends in, whether it is one of this design, and what to do where it is known."""
    ops = {node.op for node in design.nodes}
    for one in read.readings:
        if node := re.search(rf"{PARTITION}_\d+_((\w+?_(?:hls|rtl))_\d+)", one.source):
            here = "" if node[2] in ops or node[2].startswith(BETWEEN) else ", of which this design has none"
            advice = f"; set its PE to 1: {COSTS}" if node[2].startswith(LABEL_SELECT) else ""
            yield warning(f"the slowest path ends in {node[1]}{here}{advice}")
