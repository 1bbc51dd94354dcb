"""What the HLS tool printed when it synthesised, or placed and routed, the core alone: ``TOP_export.rpt``, and since
Vitis HLS 2022 ``export_syn.rpt`` and ``export_impl.rpt``, or ``hls_impl_syn.rpt`` and ``hls_impl_pnr.rpt``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backends.amd import tables
from backends.amd.tables import RELEASE, count, damaged, number
from flows.core.evidence import Metric, Tier

HEADING = re.compile(
    r"^(?:#=== (?:Post-(Synthesis|Implementation) )?Resource usage ==="
    r"|== Vivado (RTL Synthesis|Place & Route) Results)$",
    re.MULTILINE,
)
PLACED = re.compile(r"^(?:SLICE|CLB): +[1-9]", re.MULTILINE)
"""Slices are filled by placement alone: where the heading does not say the stage, this does."""
NAMES = {"LUT": Metric.LUT, "FF": Metric.FF, "BRAM": Metric.BRAM18, "DSP": Metric.DSP}
"""Its BRAM counts RAMB18: it stands beside the 280 that an xc7z020 has of them."""
ACHIEVED = re.compile(
    r"^(?:CP achieved(?: post-(implementation|implemetation|synthesis))?: +|\| Post-(Synthesis|Route) +\| )(\S+)"
    r"(?: +\|)?$",
    re.MULTILINE,
)
"""The last of them is of the last stage; some releases leave an n out."""
TOOL = r"(?:Implementation tool: Xilinx Vivado v\.|    \* Version: )"
PART = r"(?:Device target:|    \* Target device: )"
ASKED = r"(?:CP required:|\| Target +\| )"


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
    text = text[: text.rfind("\n") + 1]  # a last line without its end may be cut off in a number
    heading = tables.single(text, HEADING.pattern, "an export report", place)
    if heading is None:
        raise damaged(place, "no export report of an HLS tool")
    stage = heading[1] or heading[2]
    is_routed = stage in ("Implementation", "Place & Route") or (stage is None and bool(PLACED.search(text)))
    tool, part = _word(text, TOOL, "version", place), _word(text, PART, "target device", place)
    if not RELEASE.fullmatch(tool):
        raise damaged(place, f"{tool!r} where the version of Vivado should be")
    used = {metric: _amount(text, name, place) for name, metric in NAMES.items()}
    asked = number(_word(text, ASKED, "clock period", place), place)
    if not asked:
        raise damaged(place, "no clock period was asked for")
    *_, last = [None, *ACHIEVED.finditer(text)]
    if last and is_routed and (last[1] or last[2] or "").lower() == "synthesis":
        raise damaged(place, "no period after routing in it: perhaps it is cut off")
    achieved = number(last[3], place) if last else None
    return Export(part, f"Vivado {tool}", Tier.ROUTED if is_routed else Tier.SYNTHESISED, used, asked, achieved)


def _amount(text: str, name: str, place: str) -> float:
    used = count(_word(text, f"{name}:", name, place), place)
    if used is None:
        raise damaged(place, f"no {name} in it")
    return used


def _word(text: str, before: str, what: str, place: str) -> str:
    """The word behind `before`, a pattern, which stands at the beginning of a line."""
    match = tables.single(text, rf"^{before} *([^\s|]+)(?: .*)?$", f"the {what}", place)
    if match is None:
        raise damaged(place, f"no {what} in it: perhaps it is cut off")
    return match[1]
