"""The headline of a decision, and the sentences why."""

from __future__ import annotations

from collections.abc import Sequence

from flows.core.evidence import Metric
from flows.core.fit import Verdict
from reports.design import Design
from reports.leads import Lead, first
from reports.words import amount, over, stage_name, undecided


def headline(
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
    if accurate and quick.accuracy is None:
        return f"Take {quick.label}: {phrase}; its accuracy is not known"
    if accuracy is None:
        return f"Take {quick.label}: {phrase}" + ("; which is most accurate cannot be told" if accurate else "")
    if accuracy.design is quick and not accuracy.close:
        among = "" if all(design.accuracy for design in candidates) else " of those whose accuracy is known"
        return f"Take {quick.label}: {phrase}, and the most accurate{among}"
    if quick in (accuracy.design, *accuracy.close):
        return f"Take {quick.label}: {phrase}, and none that fits is surely more accurate"
    return f"Take {quick.label} for speed, {accuracy.design.label} for accuracy"


def why(
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
    elif unknown := [design.label for design in candidates if design.accuracy is None]:
        sentences.append(f"The accuracy of {', '.join(unknown)} is not known.")
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
