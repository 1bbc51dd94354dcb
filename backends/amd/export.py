"""What the HLS tool printed when it synthesised, or placed and routed, the core alone (``TOP_export.rpt``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backends.amd import tables
from backends.amd.tables import RELEASE, count, damaged, number
from flows.core.evidence import Metric, Tier

HEADING = re.compile(r"^#=== (?:Post-(Synthesis|Implementation) )?Resource usage ===$", re.MULTILINE)
PLACED = re.compile(r"^(?:SLICE|CLB): +[1-9]", re.MULTILINE)
"""Slices are filled by placement alone: where the heading does not say the stage, this does."""
NAMES = {"LUT": Metric.LUT, "FF": Metric.FF, "BRAM": Metric.BRAM18, "DSP": Metric.DSP}
"""Its BRAM counts RAMB18: it stands beside the 280 that an xc7z020 has of them."""
ACHIEVED = re.compile(r"^CP achieved(?: post-(?:implementation|implemetation|synthesis))?: +(\S+)$", re.MULTILINE)
"""The last of them is of the last stage; some releases leave an n out."""


@dataclass(frozen=True)
class Export:
    """`achieved_ns` is of the same stage as the resources; None where the design has no path."""

    part: str
    tool: str
    tier: Tier
    resources: Mapping[Metric, float]
    clock_ns: float
    achieved_ns: float | None


def parse(text: str, place: str) -> Export:
    """Raises `InputError` where it is no such report, or two, or cut off."""
    heading = tables.single(text, HEADING.pattern, "an export report", place)
    if heading is None:
        raise damaged(place, "no export report of an HLS tool")
    is_routed = heading[1] == "Implementation" or (heading[1] is None and bool(PLACED.search(text)))
    tool, part = _word(text, r"Implementation tool: Xilinx Vivado v\.", place), _word(text, "Device target:", place)
    if not RELEASE.fullmatch(tool):
        raise damaged(place, f"{tool!r} where the version of Vivado should be")
    used = {metric: _amount(text, name, place) for name, metric in NAMES.items()}
    asked = number(_word(text, "CP required:", place), place)
    if not asked:
        raise damaged(place, "no clock period was asked for")
    periods = ACHIEVED.findall(text)
    achieved = number(periods[-1], place) if periods else None
    return Export(part, f"Vivado {tool}", Tier.ROUTED if is_routed else Tier.SYNTHESISED, used, asked, achieved)


def _amount(text: str, name: str, place: str) -> float:
    used = count(_word(text, f"{name}:", place), place)
    if used is None:
        raise damaged(place, f"no {name} in it")
    return used


def _word(text: str, before: str, place: str) -> str:
    match = tables.single(text, rf"^{before} *(\S+)$", before.rstrip(":."), place)
    if match is None:
        raise damaged(place, f"no line {before.rstrip(':.')!r} in it: perhaps it is cut off")
    return match[1]
