"""What is predicted of one whole design, and what the prediction starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backends.cost.amounts import Total
from benchmarks.whole_designs.rows import Row
from flows.core.clock import Clock
from flows.core.evidence import Metric

CONFIGURATION, NODES, CSYNTH, SHELL = "configuration", "nodes", "csynth report", "IPs"
BOTH, CORE = "configuration and csynth report", "core, routed alone"
CORE_CSYNTH, REVISED = "csynth report, core alone", "csynth report of another revision"
"""What a prediction starts from. The last but one predicts the core alone, without a shell; the last is of other code
than was built, and no measure of the models."""
SUREST = CORE, BOTH, CONFIGURATION, NODES, SHELL, CSYNTH
"""For a whole design, from the most certain to the least certain."""


@dataclass(frozen=True)
class Prediction:
    """`totals` of the whole design by resource; empty where nothing is said, for the `reason`.

    `clock` is the verdict on the clock of the row, `rate` the images a second of the core at that clock, `system` those
    of the board at `Row.batch` images a call; None where nothing is said of them.
    """

    row: Row
    start: str
    totals: Mapping[Metric, Total]
    reason: str = ""
    clock: Clock | None = None
    rate: float | None = None
    system: Total | None = None
