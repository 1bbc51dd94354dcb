"""What could make a decision wrong, each with the designs that it is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flows.core.evidence import Metric
from reports.design import Design
from reports.leads import APART, Lead, first
from reports.unknowns import TOPICS, Unknown, room, unknowns
from reports.words import stage_name


@dataclass(frozen=True)
class Doubt:
    """What could make a decision wrong, of the designs that lead it; none where it is of the whole decision."""

    designs: tuple[Design, ...]
    unknown: Unknown


def doubts_of_all(
    candidates: Sequence[Design], fastest: Sequence[Lead], accurate: Sequence[Lead], ordered: Sequence[Design]
) -> Iterable[Doubt]:
    """Of the decision as a whole."""
    stages: dict[str, list[str]] = {}
    for design in ordered:
        if design.fit.stage:
            stages.setdefault(stage_name(design.fit.stage), []).append(design.label)
    if len(stages) > 1:
        verdicts = "; ".join(f"{stage}: {', '.join(labels)}" for stage, labels in stages.items())
        yield Doubt(
            (), Unknown("stages", f"the verdicts are of different stages, which count differently ({verdicts})")
        )
    if any(len(leads) > 1 for leads in (fastest, accurate)):
        yield Doubt((), Unknown("evidence", _ranking(fastest, accurate)))
    unranked = [
        f"{what} unknown of {', '.join(design.label for design in without)}"
        for what, without in (
            ("images/s", [candidate for candidate in candidates if Metric.THROUGHPUT_FPS not in candidate.totals]),
            ("accuracy", [candidate for candidate in candidates if candidate.accuracy is None]),
        )
        if without
    ]
    if unranked:
        yield Doubt((), Unknown("not ranked", "; ".join(unranked)))
    ancestors = sorted({design.ancestor for design in ordered})
    if len(ancestors) > 1:
        fact = f"their weights come from {len(ancestors)} trainings ({', '.join(ancestors)})"
        yield Doubt((), Unknown("lineage", fact))


def _ranking(fastest: Sequence[Lead], accurate: Sequence[Lead]) -> str:
    """What leads of different evidence mean for the order of designs."""
    if all(first(leads) for leads in (fastest, accurate) if leads):
        least = f"{100 * (APART - 1):.0f} %"
        return f"a rate that is modelled is ranked with one that is not, since they differ by over {least}"
    return "leads of different evidence are not ranked against each other"


def doubts_of(leading: Sequence[Design]) -> Iterable[Doubt]:
    """Each once, with the designs that it is of."""
    by_unknown: dict[Unknown, list[Design]] = {}
    for design in leading:
        for unknown in dict.fromkeys((*room(design), *unknowns(design))):
            by_unknown.setdefault(unknown, []).append(design)
    for unknown in sorted(by_unknown, key=lambda unknown: TOPICS.index(unknown.topic)):
        yield Doubt(tuple(by_unknown[unknown]), unknown)
