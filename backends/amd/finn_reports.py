"""The JSON files that FINN writes into the ``report`` folder of a build, as readings, node by node."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from flows.core.errors import InputError
from flows.core.evidence import DESIGN, TOTAL, WHOLES, Metric, Reading, Tier
from flows.core.shape import Wrong, mapping, number, parse

TOP = "(top)"
COLUMNS = {
    "LUT": (Metric.LUT, 1), "FF": (Metric.FF, 1), "DSP": (Metric.DSP, 1),
    "BRAM_18K": (Metric.BRAM18, 1), "BRAM_36K": (Metric.BRAM18, 2),
}  # fmt: skip
PARTITION = re.compile(r"StreamingDataflowPartition_\d+_(?=.)")
"""What FINN puts in front of a node's name: its place in the block design."""
SHELL_NODE = "IODMA"
"""A node of the shell that FINN builds around a design."""
AMOUNT = number(0, 1e12)


def readings_of(content: str, name: str, file: str) -> tuple[Reading, ...]:
    """The readings of one of `FILES`. Raises `InputError` where it is damaged, or has no reading."""
    try:
        if readings := FILES[name](parse(content), file):
            return readings
        raise Wrong("holds none of the numbers that FINN writes there")
    except Wrong as wrong:
        advice = "take the report folder of the build as FINN left it"
        raise InputError(f"FINN report {file}", f"damaged: {wrong}", advice) from None


def _built(value: Any, file: str) -> tuple[Reading, ...]:
    """Vivado's counts after routing; the whole with its shell where there are DMAs in it."""
    nodes: Mapping[str, Mapping[str, Any]] = mapping(mapping(_anything))(value)
    scope = TOTAL if any(SHELL_NODE in name for name in nodes) else DESIGN
    scopes = {name: scope if name == TOP else PARTITION.sub("", name) for name in nodes}
    times = Counter(scopes.values())
    readings: list[Reading] = []
    for name, row in nodes.items():
        if name == TOP or (times[scopes[name]] == 1 and scopes[name] not in WHOLES):
            readings += _counts(row, name, scopes[name], Tier.ROUTED, None, file)
    return tuple(readings)


def _estimated(value: Any, file: str) -> tuple[Reading, ...]:
    """FINN's own estimate, which counts no FIFOs and no shell."""
    nodes: Mapping[str, Mapping[str, Any]] = mapping(mapping(_anything))(value)
    readings: list[Reading] = []
    for name, row in nodes.items():
        words = f"FINN's own estimate, {file}"
        if name == "total" or name not in WHOLES:
            scope = DESIGN if name == "total" else name
            readings += _counts(row, name, scope, Tier.MODELLED, Tier.SYNTHESISED, words)
    return tuple(readings)


def _counts(
    row: Mapping[str, Any], name: str, scope: str, tier: Tier, predicts: Tier | None, source: str
) -> list[Reading]:
    amounts: dict[Metric, float] = {}
    for column, (metric, halves) in COLUMNS.items():
        if column in row:
            amounts[metric] = amounts.get(metric, 0) + halves * _amount(row[column], name, column)
    return [Reading(metric, value, tier, "FINN", source, scope, predicts) for metric, value in amounts.items()]


def _simulated(value: Any, file: str) -> tuple[Reading, ...]:
    """For a single image only the latency is known; an interval needs a second image."""
    row = mapping(_anything)(value)
    cycles_of = []
    if row.get("TIMEOUT") or row.get("UNFINISHED_OUTS"):
        raise Wrong("says that the simulation did not end")
    if "latency_cycles" in row:
        cycles_of.append((Metric.LATENCY_CYCLES, _amount(row["latency_cycles"], "", "latency_cycles")))
    if "interval_cycles" in row and _amount(row.get("N", 0), "", "N") > 1:
        cycles_of.append((Metric.INTERVAL_CYCLES, _amount(row["interval_cycles"], "", "interval_cycles")))
    words = f"{file}; {row.get('N', 'some')} images simulated"
    return tuple(Reading(metric, cycles, Tier.RTL_SIMULATED, "FINN", words) for metric, cycles in cycles_of)


def _paced(value: Any, file: str) -> tuple[Reading, ...]:
    row = mapping(_anything)(value)
    names = {"critical_path_cycles": Metric.LATENCY_CYCLES, "max_cycles": Metric.INTERVAL_CYCLES}
    words = f"FINN's own estimate, {file}"
    return tuple(
        Reading(metric, _amount(row[name], "", name), Tier.MODELLED, "FINN", words, predicts=Tier.RTL_SIMULATED)
        for name, metric in names.items()
        if name in row
    )


def _anything(value: Any) -> Any:
    return value


def _amount(value: Any, *place: str) -> float:
    try:
        return AMOUNT(value)
    except Wrong as wrong:
        for name in filter(None, reversed(place)):
            wrong = wrong.within(name)
        raise wrong from None


FILES: Mapping[str, Callable[[Any, str], tuple[Reading, ...]]] = {
    "post_synth_resources.json": _built,
    "rtlsim_performance.json": _simulated,
    "estimate_layer_resources.json": _estimated,
    "estimate_network_performance.json": _paced,
}
