"""What of a design costs what: one block a layer, and the shell, FIFOs and DMA as blocks of their own. Pure.

Resources add up, so each block begins where the last one ended. Layers of a dataflow work at the same time: their
cycles do not add up, and the longest is the bottleneck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.core.evidence import NO_BLOCKS, RESOURCES, TOTAL, Metric, Reading, Tier

METRICS = (Metric.INTERVAL_CYCLES, *RESOURCES)
TIERS = list(Tier)
TOLERANCE = 0.5
"""What a block or the total may be off for rounding, in the unit of the metric."""


@dataclass(frozen=True)
class Block:
    reading: Reading
    start: float

    @property
    def end(self) -> float:
        return self.start + self.reading.value


@dataclass(frozen=True)
class Waterfall:
    """`rest` is what the total has beyond the blocks (negative: they overlap), None where there is no total.

    `unknown` are the blocks of which this metric has no reading.
    """

    metric: Metric
    tier: Tier
    stage: Tier
    blocks: tuple[Block, ...]
    total: Reading | None
    rest: float | None
    unknown: tuple[str, ...]

    @property
    def extent(self) -> float:
        """What a picture must have room for."""
        ends = [block.end for block in self.blocks]
        return max([*ends, self.total.value if self.total else 0.0])

    @property
    def largest(self) -> float:
        return max(block.reading.value for block in self.blocks)


def waterfall(readings: Sequence[Reading], metric: Metric) -> Waterfall | None:
    """The blocks of one tier and stage, so that they and the total have the same evidence: the one with most blocks,
    and of several the nearest to the metal. A block that is known only at a later stage (a shell) joins them. None
    where nothing is known of the metric."""
    of_metric = [reading for reading in readings if reading.metric is metric and reading.scope not in NO_BLOCKS]
    kinds = list(dict.fromkeys((reading.tier, reading.stage) for reading in of_metric))
    if not kinds:
        return None
    groups = {kind: _of_kind(of_metric, *kind) for kind in kinds}
    tier, stage = max(kinds, key=lambda kind: (len(groups[kind]), TIERS.index(kind[1])))
    by_scope = groups[tier, stage]
    scopes = dict.fromkeys(reading.scope for reading in readings if reading.scope not in NO_BLOCKS)
    blocks, start = [], 0.0
    for scope in scopes:
        if scope in by_scope:
            blocks.append(Block(by_scope[scope], start))
            start = blocks[-1].end if metric in RESOURCES else 0.0
    whole = next(
        (
            reading
            for reading in readings
            if (reading.metric, reading.scope, reading.tier, reading.stage) == (metric, TOTAL, tier, stage)
        ),
        None,
    )
    rest = None
    if whole and metric in RESOURCES:
        rest = whole.value - start
        rest = rest if abs(rest) > TOLERANCE * (len(blocks) + 1) else 0.0
    unknown = tuple(scope for scope in scopes if scope not in by_scope)
    return Waterfall(metric, tier, stage, tuple(blocks), whole, rest, unknown)


def _of_kind(readings: Sequence[Reading], tier: Tier, stage: Tier) -> dict[str, Reading]:
    """A reading a scope: of this stage, or else of a later one."""
    alike = [
        reading for reading in readings if reading.tier is tier and TIERS.index(reading.stage) >= TIERS.index(stage)
    ]
    return {
        reading.scope: reading
        for reading in (*reversed(alike), *(reading for reading in reversed(alike) if reading.stage is stage))
    }
