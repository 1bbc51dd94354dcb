"""Vivado's ``report_power``: an estimate of Vivado's, from the routed design or an earlier one, not a measurement."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backends.amd import tables
from backends.amd.tables import damaged, number
from backends.amd.vivado import head
from flows.core.evidence import Tier

TITLE = "Power Report"
ROW = r"^\| {name} +\| +(\S+) +\|$"
STAGES = {"routed": Tier.ROUTED, "synthesized": Tier.SYNTHESISED, "placed": Tier.SYNTHESISED}
TOLERANCE_W = 0.0016
"""Three numbers, each rounded to three decimals."""


@dataclass(frozen=True)
class Power:
    """`watts` are of the whole chip; `confidence` is Vivado's word for how well it knows the design's activity."""

    top: str
    part: str
    tool: str
    tier: Tier
    watts: float
    confidence: str


def parse(text: str, place: str) -> Power:
    """Raises `InputError` where it is no such report, or damaged, or cut off, or where its sums do not add up."""
    tables.single(text, rf"^{TITLE}", "a power report", place)
    header = head(text, place)
    tier = STAGES.get((header.state or "").lower())
    if tier is None:
        raise damaged(
            place, f"its design state is {header.state or 'not there'}, which is neither synthesised nor routed"
        )
    total, dynamic, static = (
        _watts(text, name, place) for name in (r"Total On-Chip Power \(W\)", r"Dynamic \(W\)", r"Device Static \(W\)")
    )
    if abs(total - dynamic - static) > TOLERANCE_W:
        raise damaged(place, f"{total:g} W in all, of {dynamic:g} W dynamic and {static:g} W static")
    confidence = tables.single(text, ROW.format(name="Confidence Level"), "its confidence level", place)
    return Power(header.top, header.part, header.tool, tier, total, confidence[1] if confidence else "")


def _watts(text: str, name: str, place: str) -> float:
    match = tables.single(text, ROW.format(name=name), name.replace("\\", ""), place)
    value = number(match[1].removeprefix("<"), place) if match else None
    if not value and not (match and match[1].startswith("<")):
        what = name.replace("\\", "")
        raise damaged(place, f"no {what} in it: perhaps it is cut off, or the power was not computed")
    return value or 0.0


IS_POWER = re.compile(r"^\| Command +: report_power\b", re.MULTILINE)
"""What distinguishes such a report from others of Vivado's."""
