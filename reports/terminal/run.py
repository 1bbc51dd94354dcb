"""Runs: each in full, and several side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from flows.core.evidence import (
    AT_ASKED_CLOCK,
    RESOURCES,
    SEEN,
    SOFTWARE,
    TOTAL,
    Metric,
    Reading,
    Subject,
    Tier,
    nearest,
)
from flows.core.record import Document, Run
from flows.core.text import printable
from reports.design import Design, designs_of
from reports.processor import HEAD, baseline, speed_up
from reports.terminal.layout import WIDTH, table
from reports.words import LABELS, RATES, SHARES, amount, evidence, images, interval, number, verdict, why

TIMES = (Metric.LATENCY_CYCLES, Metric.LATENCY_US, Metric.INTERVAL_CYCLES, *RATES, Metric.FMAX_MHZ)
NOTE_LINES = 5
"""Lines of notes that are shown where not all are asked for."""
LONGEST = 80
"""Characters of an option's value that the table shows."""


def details(document: Document, layers: bool = False, full: bool = True) -> str:
    """Every run: totals with evidence, verdict, proof, warnings; in full also steps, sources and every note, of which
    there are otherwise no more than `NOTE_LINES` lines; `layers` adds a line a scope."""
    network = document.network
    size = f"{network.parameters:,} parameters, {network.macs:,} MACs"
    head = f"{network.name}: {size}, architecture {network.architecture}"
    return (
        "\n\n".join([printable(head), *(_details(design, layers, full) for design in designs_of(document.runs))]) + "\n"
    )


def _details(design: Design, layers: bool, full: bool) -> str:
    run = design.run
    lineage = f", derived from {run.weights.derived_from}" if run.weights.derived_from else ""
    title = f"{run.flow} on {run.part}, {_clock(design)}weights {run.weights.digest}{lineage}"
    options = ", ".join(f"{name.replace('_', '-')} {_clipped(value)}" for name, value in run.options.items())
    parts = [printable(title), printable(f"options: {options}"), table(_totals(design), frozenset({0, 5}))]
    if layers:
        parts.append(_layers(run.readings))
    facts = [("verdict", verdict(design.fit))]
    if design.fit.clock and not design.fit.clock.warning:  # else the verdict says it
        facts.append(("clock", f"{design.fit.clock.verdict.value}: {design.fit.clock.fact}"))
    facts += [("proof", _proof(run))]
    if run.steps:
        steps = ", ".join(_step(step.name, step.state, step.seconds, step.reason) for step in run.steps)
        facts += [("steps", steps)] if full else []
        facts += [("run", run.name)]
    facts += [("sources", text) for text in _sources(design.totals.values())] if full else []
    lines = [_paragraph(label, text) for label, text in facts]
    notes = [_paragraph("note", text) for text in run.notes]
    lines += notes if full else _first(notes)
    lines += [_paragraph("WARNING", text) for text in run.warnings]
    parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _first(notes: Sequence[str]) -> list[str]:
    """As many notes, whole, as `NOTE_LINES` lines hold, and how many more there are."""
    shown, lines = 0, 0
    while shown < len(notes) and (lines := lines + notes[shown].count("\n") + 1) <= NOTE_LINES:
        shown += 1
    more = len(notes) - shown
    return [
        *notes[:shown],
        *([_paragraph("note", f"{more} more, and where each number comes from: -v")] if more else []),
    ]


def _clock(design: Design) -> str:
    """The clock asked for in the fabric, which a program does not have."""
    ns = design.run.clock_ns
    return "" if design.is_program else f"{ns:g} ns clock ({1000 / ns:g} MHz), "


def _clipped(value: str) -> str:
    """An option's value; a long one (a type for every layer) is whole in the JSON."""
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}..."


def _totals(design: Design) -> list[list[str]]:
    rows = [["", "value", "of", "share", "90 % interval", "evidence"]]
    for metric in (*RESOURCES, *SOFTWARE, *TIMES, *SHARES):
        reading, label = design.totals.get(metric), LABELS.get(metric, metric.key.upper())
        available = f"{design.device.available(metric):,}" if metric in RESOURCES else ""
        if reading:
            of = images(reading) or available
            share = _share(design, metric) if metric in RESOURCES else ""
            known = "; ".join(filter(None, (evidence(reading), design.beside(metric))))
            rows.append([label, amount(reading), of, share, interval(reading), known])
        elif metric in RESOURCES and not design.is_program:
            rows.append([label, "unknown", available, "", "", "no resource model and no report covers it"])
    return rows


def _share(design: Design, metric: Metric) -> str:
    share = design.share(metric)
    return design.absent(metric) if share is None else f"{100 * share:.0f} %"


def _proof(run: Run) -> str:
    proof = run.verification
    if run.refuted:
        return f"REFUTED: {'; '.join(run.refuted)}"
    if proof is None:
        return "not verified: nothing was built"
    if proof.equal is None:
        return f"not verified: {proof.against} did not run"
    equal = f"{proof.equal} of {proof.vectors} vectors equal as integers"
    return f"{equal}, {proof.against} against the exact reference {run.quantised}"


def _step(name: str, state: str, seconds: float, reason: str) -> str:
    return f"{name} {seconds:.1f} s" if state == "done" else f"{name} {state}{f' ({reason})' if reason else ''}"


def _sources(totals: Iterable[Reading]) -> list[str]:
    """What the totals come from, each source once with the metrics it gave."""
    sources: dict[str, list[str]] = {}
    for reading in totals:
        sources.setdefault(reading.source, []).append(reading.metric.key)
    return [f"{', '.join(metrics)}: {source}" for source, metrics in sources.items()]


def _paragraph(label: str, text: str) -> str:
    return "\n".join(wrap(text, WIDTH, initial_indent=f"{label:<9}", subsequent_indent=" " * 9, break_on_hyphens=False))


def _layers(readings: Sequence[Reading]) -> str:
    """A line a scope; a column with a star holds what a second source says of the same, where one does."""
    columns = (*RESOURCES, Metric.LATENCY_CYCLES, Metric.INTERVAL_CYCLES)
    first = {
        (reading.scope, reading.metric): reading
        for reading in nearest(readings)
        if reading.scope not in (TOTAL, SEEN, AT_ASKED_CLOCK)
    }
    second = _second(readings, first)
    used = [
        (label, metric, by_scope)
        for metric in columns
        for label, by_scope in ((metric.key, first), (f"{metric.key} *", second))
        if any(metric is known for _, known in by_scope)
    ]
    rows = [["layer or block", *(label for label, _, _ in used)]]
    for scope in dict.fromkeys(scope for scope, _ in first):
        cells = [by_scope.get((scope, metric)) for _, metric, by_scope in used]
        rows.append([scope, *(amount(reading).removesuffix(" cycles") if reading else "unknown" for reading in cells)])
    sources = dict.fromkeys(_count(reading) or reading.source.split(";")[0] for reading in second.values())
    return "\n".join([table(rows), *(printable(f"* {source}") for source in sources)])


def _second(
    readings: Sequence[Reading], first: Mapping[tuple[str, Metric], Reading]
) -> dict[tuple[str, Metric], Reading]:
    """Of each metric and scope, the other reading of one tier, or csynth's count; a metric of which it counts what is
    shown anyway (block RAM, DSP slices) is left out."""
    others = {}
    for reading in readings:
        shown = first.get((reading.scope, reading.metric))
        if shown and reading is not shown and (reading.tier is shown.tier or _count(reading)):
            others[reading.scope, reading.metric] = reading
    shown_metrics = {
        metric
        for (scope, metric), reading in others.items()
        if not _count(reading) or reading.value != first[scope, metric].value
    }
    return {key: reading for key, reading in others.items() if key[1] in shown_metrics}


def _count(reading: Reading) -> str:
    return f"csynth's count, {reading.tier.value}" if reading.stage is Tier.HLS else ""


def comparison(document: Document) -> str:
    """One line a run: resources as shares of the part, speed, accuracy, proof, verdict and kind of evidence; and what
    tells runs of one flow apart, where there are any."""
    network = document.network
    about = printable(f"architecture {network.architecture} ({network.name})")
    rows = comparison_rows(document)
    left = frozenset(place for place, head in enumerate(rows[0]) if head in TEXTS)
    return f"{table(rows, left)}\n\n{about}"


TEXTS = ("run", "part", "verdict", "evidence", "design")
"""Headings of columns that are set left."""


def comparison_rows(document: Document) -> list[list[str]]:
    """The rows of `comparison`, the heading first."""
    designs = designs_of(document.runs)
    programs = {part: baseline([design for design in designs if design.run.part == part]) for part in _parts(designs)}
    resources = [metric.key.upper() for metric in RESOURCES]
    rows = [
        ["run", "part", *resources, "interval", "images/s", "accuracy", "verified", "verdict", "evidence"],
        *(_compared(design) for design in designs),
    ]
    if any(programs.values()):
        ups = [speed_up(design, programs[design.run.part]) for design in designs]
        for row, text in zip(rows, [HEAD, *(str(up) if up else "" for up in ups)], strict=True):
            row.insert(8, text)
    if any(design.label != design.run.flow for design in designs):
        for row, label in zip(rows, ["design", *(design.label for design in designs)], strict=True):
            row.append(label)
    return rows


def _parts(designs: Sequence[Design]) -> Sequence[str]:
    return list(dict.fromkeys(design.run.part for design in designs))


def _compared(design: Design) -> list[str]:
    run, totals, fit = design.run, design.totals, design.fit
    least = {reading.metric: ">= " for reading in design.judged if reading.at_least}
    shares = [least.get(metric, "") + _share(design, metric) for metric in RESOURCES]
    speed = [_short(design, metric) for metric in (Metric.INTERVAL_CYCLES, Metric.THROUGHPUT_FPS)]
    accuracy = totals.get(Metric.ACCURACY)
    known = f"{_short(design, Metric.ACCURACY)} {_kind(accuracy)}" if accuracy else "unknown"
    proof = run.verification
    verified = f"{proof.equal}/{proof.vectors}" if proof and proof.equal is not None else "no"
    verified = "refuted" if run.refuted else verified
    known_by = [totals[metric] for metric in SOFTWARE[:1] if metric in totals] if design.is_program else design.judged
    tiers = dict.fromkeys(evidence(reading).partition(",")[0] for reading in known_by)
    return [run.name, run.part, *shares, *speed, known, verified, f"{fit.verdict.value}{why(fit)}", "; ".join(tiers)]


def _kind(accuracy: Reading) -> str:
    """How an accuracy is known, and whose it is where it is not the design's."""
    return accuracy.tier.value if accuracy.of is Subject.DESIGN else f"{accuracy.tier.value}, {accuracy.of.value}"


def _short(design: Design, metric: Metric) -> str:
    reading = design.totals.get(metric)
    return number(metric, reading.value) if reading else design.absent(metric)
