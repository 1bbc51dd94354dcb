"""The options of the FINN flow."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backends.cost.shell import SMARTCONNECT
from backends.dataflow.buffers import SRL
from backends.dataflow.options import AUTO, OWN_SHELL, RateOption, shell_text
from backends.finn.resources.formulas import BLOCK, DECOUPLED, DISTRIBUTED, EMBEDDED
from flows.core.errors import InputError
from flows.core.files import read_text
from flows.core.shape import Wrong, mapping, parse, whole

FINN = "finn"
ADVICE = 'give auto, finn, or a folding file of FINN\'s, such as {"MVAU_rtl_0": {"PE": 1, "SIMD": 9}}'


def folding_text(text: str) -> str:
    """``auto``, ``finn``, or what the folding file of this name holds, as JSON; raises `InputError`.

    JSON itself is taken as it is, so that the options say all, and the file is no longer needed.
    """
    if text in (AUTO, FINN):
        return text
    where = "folding" if text.lstrip().startswith("{") else f"folding {text}"
    try:
        raw = text if where == "folding" else read_text(Path(text), ADVICE, where)
        return json.dumps(_nodes(parse(raw)), sort_keys=True)
    except Wrong as wrong:
        raise InputError(where, str(wrong), ADVICE) from None


def _attribute(value: Any, depth: int = 3) -> Any:
    """Any value that FINN gives a node: numbers, words and lists of those; `folding_file` looks at what it takes."""
    match value:
        case None | bool():
            return value
        case str() if len(value) < LONGEST:
            return value
        case int() | float() if -MOST <= value <= MOST:
            return value
        case list() if depth and len(value) < LONGEST:
            return [_attribute(item, depth - 1) for item in value]
    raise Wrong(f"is no number up to {MOST:,}, no word and no list of those")


def _nodes(value: Any) -> dict[str, dict[str, Any]]:
    nodes = mapping(mapping(_attribute, LONGEST))(value)
    for name, attributes in nodes.items():
        for key in attributes.keys() & {"PE", "SIMD"} if name != "Defaults" else ():
            try:
                whole(1, MOST)(attributes[key])
            except Wrong as wrong:
                raise wrong.within(key).within(name) from None
    return nodes


LONGEST, MOST = 1000, 1 << 32


@dataclass(frozen=True)
class FinnOptions(RateOption):
    shell: str = field(
        default=SMARTCONNECT,
        metadata={
            "help": "what connects the design to the processor: smartconnect (FINN's own Zynq build, with its two DMA "
            "engines), dma (the stitched IP in a block design of yours: one AXI DMA, 2x1 memory interconnect, "
            f"AXI-Lite, reset), dma-1x1 (with 1x1 interconnects), none (the bare core), {OWN_SHELL}",
            "unit": "SHELL",
            "parse": shell_text,
        },
    )
    folding: str = field(
        default=AUTO,
        metadata={
            "help": "PE and SIMD of every node: auto (the fastest that fits the part with the margin, or the lightest "
            "that reaches --target-fps), finn (FINN's own search for --target-fps), or a folding file of FINN's (JSON)",
            "unit": "HOW",
            "parse": folding_text,
        },
    )
    weight_memory: str = field(
        default=DECOUPLED,
        metadata={
            "help": "where the matrix units' weights are: beside them and streamed, or inside (FINN's mem_mode)",
            "choices": (DECOUPLED, EMBEDDED),
        },
    )
    weight_style: str = field(
        default=AUTO,
        metadata={
            "help": "what holds streamed weights: as Vivado chooses (counted as block RAM, as FINN does), block RAM or "
            "LUTs (FINN's ram_style)",
            "choices": (AUTO, BLOCK, DISTRIBUTED),
        },
    )
    window_style: str = field(
        default=DISTRIBUTED,
        metadata={
            "help": "what holds the sliding windows' lines: LUTs (FINN's default) or block RAM",
            "choices": (DISTRIBUTED, BLOCK, AUTO),
        },
    )
    fifo_style: str = field(
        default=AUTO,
        metadata={
            "help": "what holds the FIFOs: auto (LUTs up to 64 words), block RAM, or shift registers",
            "choices": (AUTO, BLOCK, SRL),
        },
    )
