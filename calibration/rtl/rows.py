"""Rows of JSON with the counts of open tools for the stages of designs.

    python -m calibration.rtl.count FILE DESIGN [DESIGN ...]

makes them; a DESIGN is NETWORK:PART:MHZ, as in arch8:xc7z010:125.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from backends.dataflow.layers.clocks import resolve
from backends.rtl.design.design import RtlDesign
from backends.rtl.options import RtlOptions
from flows import jobs
from flows.core.errors import InputError, UsageError
from flows.core.files import TEXT_LIMIT, read_text
from flows.core.part import Target, find_part

METRICS = ("lut", "ff", "bram18", "dsp")


@dataclass(frozen=True)
class StageRow:
    """A stage of `design`, of `kind` (`RtlStage.kind`): what `tool` counted of it, and what nextpnr made of it, if it
    was routed: ``fmax_mhz`` and the same resources, without a LUT count where it was not kept."""

    design: str
    stage: str
    module: str
    kind: str
    tool: str
    counted: Mapping[str, float]
    routed: Mapping[str, float] | None = None


@cache
def design_of(name: str) -> RtlDesign:
    """NETWORK:PART:MHZ, or NETWORK:PART:MHZ:FOLDING as `pinned` writes it. Raises `UsageError` where it is neither."""
    try:
        network, part, mhz, *folding = name.split(":")
        target = Target(find_part(part), 1000 / float(mhz))
    except ValueError:
        raise UsageError(f"design {name!r}", "not NETWORK:PART:MHZ", "give one as arch8:xc7z010:125") from None
    options = RtlOptions(folding=folding[0]) if folding else RtlOptions()
    return resolve(jobs.find_trained(network, None).job(target, options), RtlDesign).design


def pinned(name: str) -> str:
    """With the folding that the solver finds now, so that the rows outlive a better solver."""
    folds = design_of(name).folds
    return name if name.count(":") > 2 else f"{name}:{','.join(f'{layer}={fold}' for layer, fold in folds.items())}"


def read(path: Path) -> list[StageRow]:
    """Raises `InputError` where it holds no such rows."""
    advice = "make it with python -m calibration.rtl.count"
    try:
        return [StageRow(**row) for row in json.loads(read_text(path, advice, f"rows {path}", TEXT_LIMIT))]
    except (ValueError, TypeError) as reason:
        raise InputError(f"rows {path}", f"damaged ({reason})", advice) from None


def to_json(rows: list[StageRow]) -> str:
    lines: list[dict[str, Any]] = [asdict(row) for row in rows]
    return "[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]\n"
