"""For one part: which designs fit, which of those is fastest and which most accurate, and the sentence why.

Among numbers known in the same way, of the same stage, the largest leads. Leads of one stage, such as a rate that is
simulated and one that is modelled for that simulation, are ranked where one is larger by `APART` than whatever the
others may reach; else there is no winner among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flows.core.evidence import Metric, Reading
from flows.core.fit import Verdict
from flows.core.part import Device
from reports.design import Design, Evidence, evidence_of
from reports.processor import baseline, sentence, speed_up
from reports.unknowns import TOPICS, Unknown, room, unknowns
from reports.words import amount, carriers, over, stage_name, undecided

ORDER = (
    Verdict.FITS, Verdict.AT_RISK, Verdict.UNDECIDED, Verdict.CLOCK_MISSED, Verdict.OVER, Verdict.UNKNOWN,
)  # fmt: skip
PROMISING = ORDER[:3]
"""The verdicts of designs that may be taken or looked into; the first that a design has is that of all candidates."""


APART = 1.1
"""How many times as large a rate must be to be ranked above one that is known otherwise: a modelled rate that has no
interval is off by a few per cent where a board or a simulation of RTL could tell (docs/reference/evidence.md)."""


@dataclass(frozen=True)
class Lead:
    """The best of those with one kind of evidence (`among` designs); the interval of each of `close` meets its own."""

    design: Design
    reading: Reading
    evidence: Evidence
    among: int
    close: tuple[Design, ...]


@dataclass(frozen=True)
class Doubt:
    """What could make a decision wrong, of the designs that lead it; none where it is of the whole decision."""

    designs: tuple[Design, ...]
    unknown: Unknown


@dataclass(frozen=True)
class Decision:
    """`candidates` are the designs that fit; where none does, those at risk; where none is, those undecided; where none
    is, nobody. A design that misses its clock is never one.

    `leading` are those in a lead, or where there is none the nearest to fitting: `doubts` are of them. Among `designs`
    they come first, and the others by their verdicts.
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
        headline=_headline(candidates, fastest, accurate, ordered, absent),
        why=" ".join(filter(None, (_why(candidates, fastest, accurate, ordered), _beside(program, fastest)))),
        leading=leading,
        doubts=(
            *(Doubt((), Unknown("no run", fact)) for fact in absent),
            *_doubts_of_all(candidates, fastest, accurate, ordered),
            *_doubts_of(leading),
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
        doubts=(*(Doubt((), Unknown("no run", fact)) for fact in absent), *_doubts_of(programs[:1])),
    )


def _beside(program: Design | None, fastest: Sequence[Lead]) -> str:
    return sentence(program, [lead.design for lead in fastest]) if program else ""


def _worst_share(design: Design) -> float:
    binding = design.fit.binding
    return design.share(binding) or 0.0 if binding else 0.0


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
    """The one that is ahead of all others; None where there is none, where they are too near, or of different stages (a
    board's rate holds its driver) or images."""
    if len(leads) < 2:
        return leads[0] if leads else None
    best = max(leads, key=lambda lead: lead.reading.value)
    alike = {(lead.reading.metric, lead.reading.stage) for lead in leads} == {
        (Metric.THROUGHPUT_FPS, best.reading.stage)
    }
    others = (lead.reading.ends[1] for lead in leads if lead is not best)
    return best if alike and best.reading.ends[0] > APART * max(others) else None


def _headline(
    candidates: Sequence[Design],
    fastest: Sequence[Lead],
    accurate: Sequence[Lead],
    ordered: Sequence[Design],
    absent: Sequence[str],
) -> str:
    if not candidates:
        stages = {
            stage_name(design.fit.stage)
            for design in ordered
            if design.fit.verdict is Verdict.OVER and design.fit.stage
        }
        if any(design.fit.verdict is Verdict.CLOCK_MISSED for design in ordered):
            return "Nothing fits at the clock that it was asked for"
        if not stages:
            return "Not known: no design has a reading of every resource"
        return f"Nothing fits, judged at {' and '.join(sorted(stages))}"
    if candidates[0].fit.verdict is not Verdict.FITS:
        best = fastest[0].design.label if len(fastest) == 1 else f"{len(candidates)} designs"
        return f"Nothing is sure to fit; {candidates[0].fit.verdict.value}, and first to look into: {best}"
    if len(candidates) == 1:
        return f"Take {candidates[0].label}: nothing else {'that was run ' if absent else ''}fits"
    speed, accuracy = first(fastest), first(accurate)
    if speed is None:
        fast = " or ".join(f"{lead.design.label} ({lead.evidence})" for lead in fastest)
        fact = f"which is faster cannot be told: {fast}" if fast else "of none is the rate known"
        return f"{len(candidates)} designs fit; {fact}"
    quick = speed.design
    phrase = "none that fits is surely faster" if speed.close else "the fastest that fits"
    if len(fastest) > 1:
        slower = ", ".join(f"{lead.design.label} is {lead.evidence}" for lead in fastest if lead is not speed)
        phrase += f" ({speed.evidence}; {slower})"
    if accuracy is None:
        return f"Take {quick.label}: {phrase}" + ("; which is most accurate cannot be told" if accurate else "")
    if accuracy.design is quick and not accuracy.close:
        return f"Take {quick.label}: {phrase}, and the most accurate"
    if quick in (accuracy.design, *accuracy.close):
        return f"Take {quick.label}: {phrase}, and none that fits is surely more accurate"
    return f"Take {quick.label} for speed, {accuracy.design.label} for accuracy"


def _why(
    candidates: Sequence[Design], fastest: Sequence[Lead], accurate: Sequence[Lead], ordered: Sequence[Design]
) -> str:
    margin = ordered[0].fit.margins
    alone = len(ordered) == 1
    if not candidates:
        known = any(design.fit.verdict is not Verdict.UNKNOWN for design in ordered)
        if alone:
            none = f"The only design {'does not fit' if known else 'is not known to fit'}"
        else:
            none = f"None of {len(ordered)} designs {'fits' if known else 'is known to fit'}"
        return " ".join([f"{none} with {margin}.", *(_nearest(ordered))])
    verdict = candidates[0].fit.verdict
    who = "The only design" if alone else f"{len(candidates)} of {len(ordered)} designs"
    word = "fits" if verdict is Verdict.FITS else f"is {verdict.value}"
    sentences = [f"{who} {word if len(candidates) == 1 else _plural(verdict)}, with {margin}."]
    if verdict is Verdict.AT_RISK:
        if any(candidate.fit.resources is Verdict.AT_RISK for candidate in candidates):
            sentences.append("Known to take some of a margin, and no more than the part has: only the build can tell.")
        if late := [candidate for candidate in candidates if candidate.fit.resources is Verdict.FITS]:
            sentences.append(
                f"The resources of {', '.join(design.label for design in late)} fit; the clock may not be met."
            )
    if verdict is Verdict.UNDECIDED:
        sentences += [f"{candidate.label}: {undecided(candidate.fit)}." for candidate in candidates[:1]]
    titles = ("Fastest", "Most accurate") if len(candidates) > 1 else ("Speed", "Accuracy")
    for title, group in zip(titles, (fastest, accurate), strict=True):
        sentences += [_lead_sentence(lead, title, len(group)) for lead in group]
    if not accurate:
        sentences.append("Of none is the accuracy known.")
    sentences += _nearest(ordered)
    return " ".join(sentences)


def _plural(verdict: Verdict) -> str:
    return "fit" if verdict is Verdict.FITS else f"are {verdict.value}"


def _lead_sentence(lead: Lead, title: str, kinds: int) -> str:
    group = f" of {lead.among} {lead.evidence}" if kinds > 1 else f" ({lead.evidence})"
    binding = lead.design.fit.binding
    taken = lead.design.share(binding) if binding else None
    bound = f", at {100 * taken:.0f} % of its binding resource {binding.key.upper()}" if binding and taken else ""
    speed = lead.reading.metric is Metric.THROUGHPUT_FPS
    asked = lead.design.at_asked_clock(lead.reading.metric)
    late = f", at the highest credible clock ({asked})" if asked else ""
    text = f"{title}{group}: {lead.design.label}, {amount(lead.reading)}{late}{bound if speed else ''}"
    if lead.close:
        text += (
            f"; not told apart from {', '.join(design.label for design in lead.close)}, whose interval meets its own"
        )
    return text + "."


def _nearest(ordered: Sequence[Design]) -> list[str]:
    """Who misses the clock, and of those over the part the nearest to fitting of each stage, and by how much."""
    sentences, stages = _late(ordered), set()
    for design in ordered:
        if design.fit.verdict is not Verdict.OVER or design.fit.stage in stages:
            continue
        stages.add(design.fit.stage)
        stage = stage_name(design.fit.stage) if design.fit.stage else "no stage"
        first = "Nearest" if ordered[0] is design else "Of those over, nearest"
        sentences.append(f"{first}, judged at {stage}: {design.label}, over: {over(design.fit)}.")
    return sentences


def _late(ordered: Sequence[Design]) -> list[str]:
    missed = [design for design in ordered if design.fit.verdict is Verdict.CLOCK_MISSED]
    return [f"{design.label} misses its clock: {design.fit.clock.fact}." for design in missed if design.fit.clock]


def _doubts_of_all(
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


def _doubts_of(leading: Sequence[Design]) -> Iterable[Doubt]:
    """Each once, with the designs that it is of."""
    by_unknown: dict[Unknown, list[Design]] = {}
    for design in leading:
        for unknown in dict.fromkeys((*room(design), *unknowns(design))):
            by_unknown.setdefault(unknown, []).append(design)
    for unknown in sorted(by_unknown, key=lambda unknown: TOPICS.index(unknown.topic)):
        yield Doubt(tuple(by_unknown[unknown]), unknown)
