"""What a design will cost, with no tool installed: totals, layers, memories, FIFOs, shell, and cycles.

The cycles are those of the generated SystemVerilog, turn by turn. No Fmax is predicted: no whole build
of it is known, and the backend states the fastest clock that parts of one have met.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.cost.amounts import readings
from backends.dataflow.space import Solved
from backends.dataflow.timing import busy, totals
from backends.rtl.design.design import RtlDesign
from flows.core.evidence import TOTAL, Reading, Tier


def estimate(solved: Solved[RtlDesign]) -> Sequence[Reading]:
    """Resources and cycles of a design, the whole of it first. Resources are those that Yosys will count."""
    design = solved.design
    device = design.job.target.part.device.name
    by_scope = readings(design.costs(), device, Tier.SYNTHESISED, "layers, memories and FIFOs")
    by_scope[TOTAL] += totals(design.simulation, design.job.target.clock_ns)
    on = f"{design.job.target.clock_ns:g} ns clock"
    for scope in dict.fromkeys(node.scope for node in design.nodes):
        members = [stage for node, stage in zip(design.nodes, design.stages, strict=True) if node.scope == scope]
        by_scope.setdefault(scope, []).append(busy(scope, members, on))
    return tuple(reading for group in by_scope.values() for reading in group)
