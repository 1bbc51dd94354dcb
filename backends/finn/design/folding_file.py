"""FINN's folding files: JSON objects of attributes by node (``ApplyConfig``), in and out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from backends.finn.design.fifos import Link, StreamingFifo
from backends.finn.design.nodes import HardwareNode, MatrixVector, NodeFold, Window
from backends.finn.design.schedule import Folding
from backends.finn.resources.formulas import AUTO, BLOCK, DECOUPLED, DISTRIBUTED, EMBEDDED, MemoryStyle
from flows.core.errors import InputError

WHERE = "folding"
TAKEN = "PE", "SIMD", "parallel_window"
MEM_MODE, RAM_STYLE, RES_TYPE = "mem_mode", "ram_style", "resType"
MODES, STYLES = (DECOUPLED, EMBEDDED), (AUTO, BLOCK, DISTRIBUTED)
"""What the resource model knows; a Zynq-7000 has no UltraRAM, and weights from outside are not modelled."""
NOT_OURS = "StreamingFIFO", "StreamingDataWidthConverter", "IODMA"
"""Nodes of FINN's final configuration that follow from the folding."""


def read(text: str, nodes: Sequence[HardwareNode]) -> Folding:
    """The folding that `text` gives; what it leaves out is not parallel, as in FINN.

    Raises `InputError` where it names other nodes, a PE or SIMD that does not divide, folds that do not go together, or
    what `memories` refuses.
    """
    settings: dict[str, Any] = json.loads(text)
    if settings.pop("Defaults", {}):
        raise InputError(f"{WHERE}, Defaults", "they are not read here", "give each node its attributes")
    by_name = {node.name: node for node in nodes}
    for name in settings:
        if name not in by_name and not name.startswith(NOT_OURS):
            near = get_close_matches(name, by_name, n=3) or list(by_name)[:3]
            raise InputError(
                f"{WHERE}, node {name}", "the network has no such node", f"its nodes are {', '.join(near)}, ..."
            )
    folding = {node.name: _fold(node, settings.get(node.name, {})) for node in nodes}
    memories(text, nodes, MemoryStyle())
    for node in nodes:
        for source in node.sources:
            window = by_name.get(source)
            if isinstance(window, Window) and window.depthwise and folding[source].simd != folding[node.name].pe:
                fact = f"SIMD {folding[source].simd} of {source} before PE {folding[node.name].pe}"
                raise InputError(
                    f"{WHERE}, node {node.name}",
                    fact,
                    "a depthwise unit or a pooling, and its window, fold alike: give one number",
                )
    return folding


def _fold(node: HardwareNode, settings: Mapping[str, Any]) -> NodeFold:
    numbers = {key: settings.get(key, 0 if key == "parallel_window" else 1) for key in node.attributes}
    where = f"{WHERE}, node {node.name}"
    meant = {attribute.lower() for attribute in TAKEN}
    if strange := [key for key in settings if key.lower() in meant and key not in node.attributes]:
        raise InputError(where, f"it has no attribute {strange[0]!r}", f"its are {', '.join(node.attributes)}")
    for key, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise InputError(where, f"{key} is {number!r}", "give a whole number")
    fold = NodeFold(numbers.get("PE", 1), numbers.get("SIMD", 1), bool(numbers.get("parallel_window")))
    if fold in node.folds:
        return fold
    for key, legal in (("PE", {fold.pe for fold in node.folds}), ("SIMD", {fold.simd for fold in node.folds})):
        if numbers.get(key, 1) not in legal:
            near = sorted(sorted(legal, key=lambda divisor: (abs(divisor - numbers[key]), divisor))[:2])
            size = node.channels if key == "PE" or not isinstance(node, MatrixVector) else node.inputs
            fact = f"{key} {numbers[key]} does not divide {size}"
            raise InputError(where, fact, f"nearest are {' and '.join(map(str, near))}")
    raise InputError(where, "a parallel window of fewer than all channels", f"give SIMD {node.channels}, or 0 for it")


def memories(text: str, nodes: Sequence[HardwareNode], others: MemoryStyle) -> dict[str, MemoryStyle]:
    """Where each node keeps its weights or lines: as `text` says, and otherwise as `others`.

    Raises `InputError` for a memory, or a kind of multiplier, that the resource model does not know of that node.
    """
    settings: dict[str, Any] = json.loads(text)
    return {node.name: _memory(node, settings.get(node.name, {}), others) for node in nodes}


def _memory(node: HardwareNode, settings: Mapping[str, Any], others: MemoryStyle) -> MemoryStyle:
    match node:
        case MatrixVector():
            multipliers = ("auto", "dsp") if node.rtl else ("auto", "lut")
            known: dict[str, Sequence[str]] = {MEM_MODE: MODES, RAM_STYLE: STYLES, RES_TYPE: multipliers}
        case Window():
            known = {RAM_STYLE: STYLES}
        case _:
            known = {}
    for key in settings.keys() & {MEM_MODE, RAM_STYLE, RES_TYPE}:
        where, value = f"{WHERE}, node {node.name}", settings[key]
        if key not in known:
            raise InputError(where, f"{key} is {value!r}, and its memory is not modelled by that", f"leave {key} out")
        if value not in known[key]:
            near = get_close_matches(str(value), known[key], n=1, cutoff=0) or known[key][:1]
            fact = f"{key} is {value!r}; the model of {node.op} knows {', '.join(known[key])}"
            raise InputError(where, fact, f"the nearest is {near[0]}")
    if isinstance(node, Window):
        return replace(others, window_style=settings.get(RAM_STYLE, others.window_style))
    weights, style = settings.get(MEM_MODE, others.weights), settings.get(RAM_STYLE, others.weight_style)
    return replace(others, weights=weights, weight_style=style)


def left_aside(text: str) -> list[str]:
    """The attributes in `text` that neither `read` nor `memories` takes.

    >>> left_aside('{"MVAU_rtl_0": {"PE": 2, "ram_style": "block", "inFIFODepths": [2]}}')
    ['inFIFODepths']
    """
    ours = {*TAKEN, MEM_MODE, RAM_STYLE, RES_TYPE}
    nodes: dict[str, Any] = json.loads(text)
    unread = (set(settings) - (set() if name.startswith(NOT_OURS) else ours) for name, settings in nodes.items())
    return sorted(set[str]().union(*unread))


def write(
    nodes: Sequence[HardwareNode], folding: Folding, memories: Mapping[str, MemoryStyle], links: Sequence[Link]
) -> str:
    """The folding as FINN's ``folding_config_file``, with memories and FIFO depths (in words)."""
    settings: dict[str, dict[str, Any]] = {"Defaults": {}}
    for node in nodes:
        fold, memory = folding[node.name], memories[node.name]
        values = {"PE": fold.pe, "SIMD": fold.simd, "parallel_window": int(fold.parallel)}
        settings[node.name] = {key: values[key] for key in node.attributes}
        if isinstance(node, MatrixVector):
            settings[node.name] |= {MEM_MODE: memory.weights, RAM_STYLE: memory.weight_style}
        elif isinstance(node, Window):
            settings[node.name] |= {RAM_STYLE: memory.window_style}
        depths = [
            max(
                link.depth
                for link in links
                if isinstance(link, StreamingFifo) and (link.writer, link.reader) == (source, node.name)
            )
            for source in node.sources
            if source in folding
        ]
        if depths:
            settings[node.name]["inFIFODepths"] = depths
    return json.dumps(settings, indent=2) + "\n"
