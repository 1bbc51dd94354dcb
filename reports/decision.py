"""For one part: which designs fit, which of those is fastest and which most accurate, and the sentences why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.core.evidence import Metric
from flows.core.fit import Verdict
from flows.core.part import Device
from reports.design import Design
from reports.doubts import Doubt, doubts_of, doubts_of_all
from reports.leads import Lead, leads
from reports.processor import baseline, sentence, speed_up
from reports.reasons import headline, why
from reports.unknowns import Unknown
from reports.words import carriers

ORDER = (
    Verdict.FITS, Verdict.AT_RISK, Verdict.UNDECIDED, Verdict.CLOCK_MISSED, Verdict.OVER, Verdict.UNKNOWN,
)  # fmt: skip
PROMISING = ORDER[:3]
"""The verdicts of designs that may be taken or looked into; the first that a design has is that of all candidates."""


@dataclass(frozen=True)
class Decision:
    """`candidates` are the designs that fit, else those at risk, else those undecided, else none. A design that misses
    its clock is never a candidate.

    `leading` are the designs in a lead, or the nearest to fitting where there is none; `doubts` are of them. They come
    first among `designs`, and the others follow by their verdicts.
    """

    part: str
    device: Device
    designs: tuple[Design, ...]
    candidates: tuple[Design, ...]
    fastest: tuple[Lead, ...]
    most_accurate: tuple[Lead, ...]
    headline: str
    why: str
    leading: tuple[Design, ...]
    doubts: tuple[Doubt, ...]

    @property
    def boards(self) -> str:
        """The boards that carry the part; empty where none is known."""
        return carriers(self.part)

    @property
    def place(self) -> str:
        """The part, with the boards that carry it."""
        return f"{self.part} ({self.boards})" if self.boards else self.part

    def times_processor(self, design: Design) -> str:
        """How many times as fast as the fastest program it is; empty where there is none, or a rate is unknown."""
        factor = speed_up(design, baseline(self.designs))
        return str(factor) if factor else ""

    @property
    def has_program(self) -> bool:
        """Whether a design is a program whose rate is known."""
        return baseline(self.designs) is not None


def decide(designs: Sequence[Design], absent: Sequence[str] = ()) -> Decision:
    """`designs` are all of one part, at least one; `absent` says of which flows there is no run on it, and why."""
    programs = tuple(design for design in designs if design.is_program)
    if len(programs) == len(designs):
        return _processor_alone(programs, absent)
    everything, designs = designs, [design for design in designs if not design.is_program]
    program = baseline(programs)
    ordered = sorted(designs, key=_worst_share)
    ordered = [design for verdict in ORDER for design in ordered if design.fit.verdict is verdict]
    best = ordered[0].fit.verdict
    candidates = [design for design in ordered if best in PROMISING and design.fit.verdict is best]
    fastest = leads(candidates, Metric.THROUGHPUT_FPS)
    accurate = leads(candidates, Metric.ACCURACY)
    leading = tuple({lead.design.run.name: lead.design for lead in (*fastest, *accurate)}.values()) or (ordered[0],)
    ordered = [*leading, *(design for design in ordered if design not in leading)]
    first = everything[0]
    return Decision(
        part=first.run.part,
        device=first.device,
        designs=(*ordered, *programs),
        candidates=tuple(candidates),
        fastest=fastest,
        most_accurate=accurate,
        headline=headline(candidates, fastest, accurate, ordered, absent),
        why=" ".join(filter(None, (why(candidates, fastest, accurate, ordered), _beside(program, fastest)))),
        leading=leading,
        doubts=(
            *(Doubt((), Unknown("no run", fact)) for fact in absent),
            *doubts_of_all(candidates, fastest, accurate, ordered),
            *doubts_of(leading),
        ),
    )


def _processor_alone(programs: tuple[Design, ...], absent: Sequence[str]) -> Decision:
    """Where nothing of the fabric was run there is nothing to fit."""
    fastest, accurate = leads(programs, Metric.THROUGHPUT_FPS), leads(programs, Metric.ACCURACY)
    program = baseline(programs)
    return Decision(
        part=programs[0].run.part,
        device=programs[0].device,
        designs=programs,
        candidates=programs,
        fastest=fastest,
        most_accurate=accurate,
        headline="The processor alone: no design of the fabric was run",
        why=_beside(program, ()) or "Of no program are the instructions known.",
        leading=programs[:1],
        doubts=(*(Doubt((), Unknown("no run", fact)) for fact in absent), *doubts_of(programs[:1])),
    )


def _beside(program: Design | None, fastest: Sequence[Lead]) -> str:
    return sentence(program, [lead.design for lead in fastest]) if program else ""


def _worst_share(design: Design) -> float:
    binding = design.fit.binding
    return design.share(binding) or 0.0 if binding else 0.0
