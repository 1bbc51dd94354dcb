"""The options of folding and memories, for `options.Options`: their texts and how they are read."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path

from backends.finn.fifos import SRL
from backends.finn.formulas import AUTO as AUTO
from backends.finn.formulas import BLOCK, DECOUPLED, DISTRIBUTED, EMBEDDED
from flows.core.errors import InputError

FINN, NO_TARGET = "finn", "none"
WEIGHT_MEMORIES = DECOUPLED, EMBEDDED
WEIGHT_STYLES = AUTO, BLOCK, DISTRIBUTED
WINDOW_STYLES = DISTRIBUTED, BLOCK, AUTO
FIFO_STYLES = AUTO, BLOCK, SRL

HELP = {
    "target_fps": "images per second to reach: the lightest folding that does, whether it fits or not",
    "folding": "PE and SIMD of every node: auto (the fastest that fits the part with the margin, or the lightest that "
    "reaches --target-fps), finn (FINN's own search for --target-fps), or a folding file of FINN's (JSON)",
    "weight_memory": "where the matrix units' weights are: beside them and streamed, or inside (FINN's mem_mode)",
    "weight_style": "what holds streamed weights: as Vivado chooses (counted as block RAM, as FINN does), block RAM "
    "or LUTs (FINN's ram_style)",
    "window_style": "what holds the sliding windows' lines: LUTs (FINN's default) or block RAM",
    "fifo_style": "what holds the FIFOs: auto (LUTs up to 64 words), block RAM, or shift registers",
}
"""Help of every option, by field. All but the first two have choices, the constants above; the first is the default."""


def target_text(text: str) -> str:
    """Checks a rate in images per second, or ``none``; raises `ValueError`."""
    if text == NO_TARGET:
        return text
    try:
        rate = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no rate: give images per second, or none") from None
    if not isfinite(rate) or rate <= 0:
        raise ValueError(f"{text} images per second: give a rate above 0, or none")
    return f"{rate:g}"


def folding_text(text: str) -> str:
    """``auto``, ``finn``, or what the folding file of this name holds, as JSON; raises `InputError`.

    JSON itself is taken as it is, so that the options say all, and the file is no longer needed.
    """
    if text in (AUTO, FINN):
        return text
    where = "folding" if text.lstrip().startswith("{") else f"folding {text}"
    try:
        raw = text if where == "folding" else Path(text).read_text(encoding="utf-8")
        config = json.loads(raw)
    except OSError as error:
        raise InputError(where, error.strerror or "cannot be read", "give auto, finn, or a folding file") from None
    except (ValueError, RecursionError) as error:
        raise InputError(where, f"not JSON: {error}", "give auto, finn, or a folding file of FINN's") from None
    if not isinstance(config, dict) or not all(isinstance(one, dict) for one in config.values()):
        raise InputError(
            where, "no object of nodes with their attributes", 'write {"MVAU_rtl_0": {"PE": 1, "SIMD": 9}}'
        )
    return json.dumps(config, sort_keys=True)
