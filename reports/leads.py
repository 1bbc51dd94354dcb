"""The leading designs in a metric: the largest among numbers known in the same way, of the same stage.

Leads of one stage, such as a rate that is simulated and one that is modelled for that simulation, are ranked where one
is larger by `APART` than whatever the others may reach; else there is no winner among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flows.core.evidence import Metric, Reading
from reports.design import Design, Evidence, evidence_of

APART = 1.1
"""How many times as large a rate must be to be ranked above one that is known otherwise: a modelled rate that has no
interval is off by a few per cent where a board or a simulation of RTL could tell (docs/reference/evidence.md)."""


@dataclass(frozen=True)
class Lead:
    """The best of `among` designs with one kind of evidence; the intervals of those in `close` overlap its own."""

    design: Design
    reading: Reading
    evidence: Evidence
    among: int
    close: tuple[Design, ...]


def leads(designs: Iterable[Design], metric: Metric) -> tuple[Lead, ...]:
    """The largest `metric` of each kind of evidence; designs without a reading are in none."""
    groups: dict[Evidence, list[tuple[Design, Reading]]] = {}
    for design in designs:
        reading = design.accuracy if metric is Metric.ACCURACY else design.totals.get(metric)
        if reading is not None:
            groups.setdefault(evidence_of(reading), []).append((design, reading))
    best_by_evidence = []
    for evidence, group in groups.items():
        best, reading = max(group, key=lambda pair: pair[1].value)
        close = tuple(design for design, other in group if design is not best and _meet(reading, other))
        best_by_evidence.append(Lead(best, reading, evidence, len(group), close))
    return tuple(best_by_evidence)


def _meet(best: Reading, other: Reading) -> bool:
    return other.ends[1] >= best.ends[0]


def first(leads: Sequence[Lead]) -> Lead | None:
    """The lead that is ahead of all others; None where there is none. Leads that are too near each other, of different
    stages (a board's rate holds its driver) or on different images have no first."""
    if len(leads) < 2:
        return leads[0] if leads else None
    best = max(leads, key=lambda lead: lead.reading.value)
    alike = {(lead.reading.metric, lead.reading.stage) for lead in leads} == {
        (Metric.THROUGHPUT_FPS, best.reading.stage)
    }
    others = (lead.reading.ends[1] for lead in leads if lead is not best)
    return best if alike and best.reading.ends[0] > APART * max(others) else None
