"""A comparison as Markdown, for a pull request or a wiki. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flows.core.evidence import RESOURCES, SOFTWARE, Metric
from flows.core.text import markdown, printable
from reports import ledger
from reports.assessment import assessment
from reports.comparison import Comparison
from reports.decision import Decision
from reports.design import Design
from reports.doubts import Doubt
from reports.processor import HEAD
from reports.words import RATES, SHARES, amount, clock, evidence, images, interval, label

COLUMNS = (*RESOURCES, Metric.LATENCY_US, Metric.INTERVAL_CYCLES, *RATES)


def report(comparison: Comparison) -> str:
    network = comparison.network
    title = f"# {markdown(network.name)}: which flow for which part"
    count = len(comparison.designs)
    about = (
        f"{count} design{'s' if count > 1 else ''} of one network: {network.parameters:,} parameters, {network.macs:,} "
        f"multiply-accumulates an image, architecture {_code(network.architecture)}. "
        f"Fit is judged with {' or '.join(map(str, comparison.margins))}."
    )
    parts = [title, about, "## Decision", *(_decision(decision) for decision in comparison.decisions)]
    parts += ["## Numbers", *(_numbers(decision) for decision in comparison.decisions)]
    parts += [_answers(comparison)] if comparison.differences else []
    parts += ["## Predictions and the truth", _ledger(comparison)] if comparison.ledger else []
    parts += [
        "## Assessment",
        *(_assessment(design) for decision in comparison.decisions for design in decision.leading),
    ]
    parts += ["## Proof", _proof(comparison), "## What we do not know", _unknowns(comparison)]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """A literal: backticks and bars in it would end it."""
    return f"`{printable(text).replace('`', chr(0x2019)).replace('|', chr(0xA6))}`"


def _decision(decision: Decision) -> str:
    rows = [
        [
            markdown(design.label),
            f"**{design.fit.verdict.value}**",
            _binding(design),
            clock(design.fit),
            _timed(design, Metric.THROUGHPUT_FPS),
            _value(design, Metric.SYSTEM_FPS),
            _timed(design, Metric.LATENCY_US),
            markdown(amount(design.accuracy)) if design.accuracy else "unknown",
            "yes" if design.proven else "no",
        ]
        for design in decision.designs
    ]
    head = ["design", "verdict", "binding resource", "clock", "core", "system", "latency", "accuracy", "proven"]
    if decision.has_program:
        for row, text in zip([head, *rows], [HEAD, *map(decision.times_processor, decision.designs)], strict=True):
            row.append(text)
    doubts = "\n".join(f"- {_doubt(doubt, len(decision.leading) > 1)}" for doubt in decision.doubts)
    return "\n\n".join(
        [
            f"### {markdown(decision.place)}: {markdown(decision.headline)}",
            markdown(decision.why),
            table(head, rows),
            f"What could make that wrong:\n\n{doubts or '- nothing that is recorded'}",
        ]
    )


def _assessment(design: Design) -> str:
    """Of a design that leads its decision."""
    rows = []
    for check in assessment(design):
        todo = f"{markdown(check.suggestion)}: {_code(check.command)}" if check.command else markdown(check.suggestion)
        texts = (check.category, check.metric, check.actual, check.threshold)
        rows.append([*map(markdown, texts), f"**{check.status}**", todo])
    head = ["about", "metric", "actual", "threshold", "status", "what to do"]
    return f"### {markdown(design.place)}\n\n{table(head, rows)}"


def _doubt(doubt: Doubt, several: bool) -> str:
    of = f" ({markdown(', '.join(design.label for design in doubt.designs))})" if doubt.designs and several else ""
    return f"**{markdown(doubt.unknown.topic)}**: {markdown(doubt.unknown.fact)}{of}"


def _binding(design: Design) -> str:
    binding = design.fit.binding
    share = design.share(binding) if binding else None
    return f"{binding.key.upper()}, {100 * share:.0f} %" if binding and share is not None else design.absent(Metric.LUT)


def _value(design: Design, metric: Metric) -> str:
    reading = design.totals.get(metric)
    return markdown(amount(reading)) if reading else design.absent(metric)


def _timed(design: Design, metric: Metric) -> str:
    """A rate or a time, and what it would be at the clock asked for where that is not credible."""
    asked = design.at_asked_clock(metric)
    return _value(design, metric) + (f" ({markdown(asked)})" if asked else "")


def _numbers(decision: Decision) -> str:
    """A line a metric, a column a design: designs are few, and each cell says how it is known."""
    rows = []
    software = SOFTWARE if any(design.is_program for design in decision.designs) else ()
    for metric in (*COLUMNS, *software, *SHARES):
        rows.append([label(metric), *(_cell(design, metric) for design in decision.designs)])
    rows.append(["weight bits", *(design.weight_bits for design in decision.designs)])
    return f"### {markdown(decision.part)}\n\n" + table(
        ["", *(markdown(design.label) for design in decision.designs)], rows
    )


def _cell(design: Design, metric: Metric) -> str:
    reading = design.totals.get(metric)
    if reading is None:
        return design.absent(metric)
    words = [f"**{markdown(amount(reading))}**"]
    if metric in RESOURCES:
        share = reading.value / design.device.available(metric)
        words[0] += f" of {design.device.available(metric):,} ({100 * share:.0f} %)"
    if span := interval(reading):
        words.append(f"90 %: {span}")
    if counted := images(reading):
        words.append(counted)
    words.append(f"*{markdown(evidence(reading))}*")
    if also := design.beside(metric):
        words.append(markdown(also))
    return "<br>".join(words)


def _ledger(comparison: Comparison) -> str:
    rows = [[markdown(cell) for cell in row] for account in comparison.ledger for row in ledger.cells(account)]
    remarks = [f"- {markdown(text)}" for account in comparison.ledger for text in ledger.remarks(account)]
    return "\n\n".join([ledger.ABOUT, table(ledger.HEAD, rows), *(["\n".join(remarks)] if remarks else [])])


def _proof(comparison: Comparison) -> str:
    head = ["part", "design", "proof", "weights", "arithmetic", "versions", "reproduce with"]
    rows = [
        [
            markdown(design.run.part),
            markdown(design.label),
            markdown(design.proof),
            _code(design.run.weights.digest) + (f" from {_code(design.ancestor)}" if _derived(design) else ""),
            _code(design.run.quantised),
            markdown(design.versions),
            _code(design.run.command),
        ]
        for design in comparison.designs
    ]
    return table(head, rows)


def _derived(design: Design) -> bool:
    return design.run.weights.derived_from is not None


def _unknowns(comparison: Comparison) -> str:
    lines = [
        f"- **{markdown(unknown.topic)}**: {markdown(unknown.fact)} ({markdown(comparison.places(designs))})"
        for unknown, designs in comparison.unknowns
    ]
    lines += [
        f"- **no run**: {markdown(f'{absence.flow} on {absence.part}: {absence.reason}')}"
        for absence in comparison.absent
    ]
    return "\n".join(lines)


def _answers(comparison: Comparison) -> str:
    head, *rows = [[markdown(text) for text in row] for row in comparison.answers()]
    about = "Images with another class: bounds, from how often each agrees with the float network."
    return f"## Where answers differ\n\n{about}\n\n{table(head, rows)}"
