"""Predicted resources and cycles of a design: totals, layers, memories, FIFOs, clones and shell. No tool is needed.

Resources are post-route. Fmax is what builds of HLS designs have reached (`backends.cost.clock`).
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.cost.amounts import readings
from backends.cost.clock import modelled_fmax
from backends.dataflow.layers.schedule import QUICKEST, SLOWEST
from backends.dataflow.space import Solved
from backends.dataflow.stages import Stage
from backends.dataflow.stream import simulate
from backends.dataflow.timing import Ends, busy, totals
from backends.hls.design.design import HlsDesign
from flows.core.evidence import TOTAL, Reading, Tier

BOUNDS = "bounds: the turns of the loops alone, and three times the pipeline depth and restart of the one known stage"
TOOL = "Vitis HLS"


def estimate(solved: Solved[HlsDesign]) -> Sequence[Reading]:
    """Resources and cycles of a design, the whole of it first."""
    design = solved.design
    by_scope = readings(design.costs(), design.job.target.part.device.name, Tier.ROUTED, "layers, memories and FIFOs")
    quick, slow = sides = design.stages_at(QUICKEST), design.stages_at(SLOWEST)
    by_scope[TOTAL] += totals(
        design.simulation, design.job.target.clock_ns, TOOL, (_ends(quick, design), _ends(slow, design)), BOUNDS
    )
    by_scope[TOTAL] += modelled_fmax(design.job.target.part)
    for scope in dict.fromkeys(node.scope for node in design.nodes):
        places = [place for place, node in enumerate(design.nodes) if node.scope == scope]
        members, *bounds = ([stages[place] for place in places] for stages in (design.stages, *sides))
        by_scope.setdefault(scope, []).append(busy(scope, members, TOOL, bounds, BOUNDS))
    return tuple(reading for group in by_scope.values() for reading in group)


def _ends(stages: Sequence[Stage], design: HlsDesign) -> Ends:
    simulation = simulate(stages, design.depths)
    return Ends(simulation.latency, simulation.interval)
