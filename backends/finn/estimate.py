"""What a FINN design will cost, with no tool installed: totals, then nodes by layer, FIFOs, shell, and cycles.

Resources are those after place and route. FINN's own figures, which leave out what FINN leaves out, stand in the source
of each node's reading and in `formulas`. Cycles are FINN's for each node; those of the whole design are simulated with
the FIFOs that it has. The Fmax is that of the slowest path that is known (`backends.finn.clock`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from backends.cost import shell
from backends.cost.amounts import Amounts, joined, readings, summed
from backends.dataflow.space import Solved
from backends.dataflow.timing import totals
from backends.finn.clock import predicted
from backends.finn.design.design import FinnDesign
from backends.finn.design.nodes import HardwareNode
from backends.finn.resources import formulas, models
from flows.core.evidence import TOTAL, Metric, Reading, Tier


def estimate(solved: Solved[FinnDesign]) -> Sequence[Reading]:
    """Resources and cycles of a design, the whole of it first. A scope is a node by FINN's name, or FIFOs, width
    converters and the shell."""
    design = solved.design
    on = design.job.target.part.device.name
    parts = tuple(design.costs())
    by_scope = readings(parts, on, Tier.ROUTED, "nodes, FIFOs and width converters")
    by_scope[TOTAL] = _of_sums(by_scope[TOTAL], parts)
    by_scope[TOTAL] += totals(design.simulation, design.job.target.clock_ns)
    by_scope[TOTAL] += predicted(((node.op, {}) for node in design.nodes), design.job.target.part)[:1]
    for node in design.nodes:
        own = finn_figures(design, node)
        by_scope[node.name] = [
            replace(reading, source=f"{reading.source}; FINN's formula says {own[reading.metric]}")
            if reading.metric in own
            else reading
            for reading in by_scope[node.name]
        ]
        cycles = node.cycles(design.folding[node.name])
        source = f"FINN's cycles of one frame; {node.layer}, {_fold(design, node)}"
        by_scope[node.name].append(
            Reading(Metric.INTERVAL_CYCLES, cycles, Tier.MODELLED, on, source, node.name, Tier.RTL_SIMULATED)
        )
    return tuple(reading for group in by_scope.values() for reading in group)


def _of_sums(readings: Iterable[Reading], parts: Iterable[tuple[str, Amounts]]) -> list[Reading]:
    """The readings of a total with the intervals of sums."""
    whole = joined(*(models.of_sum(amounts) for _, amounts in parts))
    rows = []
    for reading in readings:
        amounts, calibrated = whole[reading.metric], models.shipped()
        sums, source = summed(amounts), reading.source
        if interval := calibrated.get((models.TOTAL, reading.metric.key)):
            source += f"; its interval holds for the sums of {interval['from']}"
            names = {amount.model for amount in amounts if amount} - {models.TOTAL, shell.SCOPE}
            source += "".join(
                f", beside that of the resource model {name}, which no design tests" for name in sorted(names)
            )
        low, high = float(round(sums.low)), float(round(sums.high))
        rows.append(replace(reading, low=low, high=high, source=source))
    return rows


def finn_totals(design: FinnDesign) -> dict[Metric, int]:
    """FINN's own sums over its nodes: no FIFOs, converters or shell, and no FFs."""
    sums = [finn_figures(design, node) for node in design.nodes]
    return {metric: sum(figures[metric] for figures in sums) for metric in (Metric.LUT, Metric.BRAM18, Metric.DSP)}


def finn_figures(design: FinnDesign, node: HardwareNode) -> dict[Metric, int]:
    """What FINN estimates of one node."""
    fold = design.folding[node.name]
    return {
        Metric.LUT: formulas.lut(node, fold, design.memories[node.name]),
        Metric.BRAM18: formulas.bram18(node, fold, design.memories[node.name]),
        Metric.DSP: formulas.dsp(node, fold),
    }


def _fold(design: FinnDesign, node: HardwareNode) -> str:
    fold = design.folding[node.name]
    values = {"PE": fold.pe, "SIMD": fold.simd}
    return ", ".join(f"{key} {values[key]}" for key in node.attributes if key in values)
