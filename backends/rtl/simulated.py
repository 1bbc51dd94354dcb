"""What the simulation of the RTL counted, as readings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backends.dataflow.layers.names import layer_names
from backends.dataflow.layers.nodes import CLONE, WINDOW
from backends.dataflow.space import Solved
from backends.dataflow.stages import Fifo
from backends.rtl.design.design import RtlDesign
from backends.rtl.generate.instances import instance_name
from backends.rtl.plan import CYCLES, FRAMES, STALLED
from flows.core.evidence import MET_OR_NOT, TOTAL, Metric, Reading, Tier
from flows.core.plan import Products

AGREE = 0.005
"""How far the interval may be from that of the stream simulation."""


@dataclass(frozen=True)
class Simulated:
    """Of the first frame, between the last two without stalls; the most words that each FIFO held, by its instance."""

    latency: int
    interval: int
    fifos: Mapping[str, int]
    simulator: str


def cycles_of(products: Products) -> Simulated | None:
    """None where the simulation was skipped."""
    path = products.path(CYCLES)
    return Simulated(**json.loads(path.read_text())) if path else None


def read(solved: Solved[RtlDesign], products: Products) -> Sequence[Reading]:
    """Latency and interval, in cycles and at the clock that was asked for."""
    cycles, clock_ns = cycles_of(products), solved.design.job.target.clock_ns
    if cycles is None:
        return ()
    source = (
        f"simulation of the generated RTL by {cycles.simulator}, {FRAMES - STALLED} frames back to back without stalls"
    )
    asked = f"{source}; {MET_OR_NOT}"
    values = (
        (Metric.LATENCY_CYCLES, cycles.latency, f"first frame, {source}"),
        (Metric.INTERVAL_CYCLES, cycles.interval, f"between frames, {source}"),
        (Metric.LATENCY_US, cycles.latency * clock_ns / 1e3, f"first frame, {asked}"),
        (Metric.THROUGHPUT_FPS, 1e9 / (cycles.interval * clock_ns), f"between frames, {asked}"),
    )
    on = f"{clock_ns:g} ns clock, {cycles.simulator}"
    return tuple(
        Reading(metric, value, Tier.RTL_SIMULATED, on, words, TOTAL, low=value, high=value)
        for metric, value, words in values
    )


def fifo_names(design: RtlDesign) -> Mapping[Fifo, str]:
    """The instance of each FIFO, as simulators call it."""
    names = layer_names(design.job.network, verilog=True)
    nodes = {node.name: node for node in design.nodes}
    windows = {node.layer.name for node in design.nodes if node.kind == WINDOW}
    by_fifo: dict[Fifo, str] = {}
    for writer, reader in design.depths:
        node = nodes[writer]
        if node.kind == CLONE:
            first = next(fifo[1] for fifo in design.depths if fifo[0] == writer)
            inside = "left" if reader == first else "right"
        elif node.kind == WINDOW:
            inside = "windows parts"
        else:
            inside = "products words" if node.layer.name in windows and node.kind == "matrix_vector" else "words"
        instance = names[node.layer.name] if node.kind == WINDOW else instance_name(node, names)
        by_fifo[writer, reader] = f"{instance} {inside}"
    return by_fifo
