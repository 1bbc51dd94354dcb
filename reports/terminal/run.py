"""Runs, each in full."""

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
    Tier,
    nearest,
)
from flows.core.record import Document, Run
from flows.core.text import printable
from reports.design import Design, designs_of
from reports.terminal.layout import WIDTH, table
from reports.words import LABELS, RATES, SHARES, amount, evidence, images, interval, verdict

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
        if metric is Metric.LATENCY_US and Metric.LATENCY_CYCLES not in design.totals:
            label = LABELS[Metric.LATENCY_CYCLES]  # no row above it has it
        available = f"{design.device.available(metric):,}" if metric in RESOURCES else ""
        if reading:
            of = images(reading) or available
            share = share_text(design, metric) if metric in RESOURCES else ""
            known = "; ".join(filter(None, (evidence(reading), design.beside(metric))))
            rows.append([label, amount(reading), of, share, interval(reading), known])
        elif metric in RESOURCES and not design.is_program:
            rows.append([label, "unknown", available, "", "", "no resource model and no report covers it"])
    return rows


def share_text(design: Design, metric: Metric) -> str:
    """Of the part, in per cent; else why there is none."""
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
