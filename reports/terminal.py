"""Runs as plain text for a terminal. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier, nearest, total
from flows.core.fit import Fit, Verdict, judge
from flows.core.part import Device, devices
from flows.core.plan import Asset, Output, Plan, Step
from flows.core.record import Document, Run

WIDTH = 118
TIMES = (Metric.LATENCY_CYCLES, Metric.LATENCY_US, Metric.INTERVAL_CYCLES, Metric.THROUGHPUT_FPS, Metric.FMAX_MHZ)
SHARES = (Metric.ACCURACY, Metric.AGREEMENT)
LABELS = {
    Metric.LATENCY_CYCLES: "latency",
    Metric.LATENCY_US: "",
    Metric.INTERVAL_CYCLES: "interval",
    Metric.THROUGHPUT_FPS: "throughput",
    Metric.FMAX_MHZ: "Fmax",
    Metric.ACCURACY: "accuracy",
    Metric.AGREEMENT: "agreement",
}

LONGEST = 80
"""Characters of an option's value that the table shows."""


def table(rows: Sequence[Sequence[str]], left: frozenset[int] = frozenset({0})) -> str:
    """Rows in columns as wide as their widest cell; columns in `left` are set left, the others right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = (
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def details(document: Document, layers: bool = False) -> str:
    """Every run in full: totals with evidence, verdict, proof, steps and remarks; `layers` adds a line a scope."""
    network = document.network
    head = (
        f"{network.name}: {network.parameters:,} parameters, {network.macs:,} MACs, architecture {network.architecture}"
    )
    return "\n\n".join([head, *(_details(run, layers) for run in document.runs)]) + "\n"


def _details(run: Run, layers: bool) -> str:
    device = devices()[run.device]
    fit = judge(run.readings, device)
    lineage = f", derived from {run.weights.derived_from}" if run.weights.derived_from else ""
    title = (
        f"{run.flow} on {run.part}, {run.clock_ns:g} ns clock ({1000 / run.clock_ns:g} MHz), "
        f"weights {run.weights.digest}{lineage}"
    )
    options = ", ".join(f"{name.replace('_', '-')} {_clipped(value)}" for name, value in run.options.items())
    rows = _totals(run.readings, device)
    parts = [title, f"options: {options}", table(rows, frozenset({0, 5}))]
    if layers:
        parts.append(_layers(run.readings))
    facts = [("verdict", verdict(fit)), ("proof", _proof(run))]
    facts += (
        [("steps", ", ".join(_step(step.name, step.state, step.seconds, step.reason) for step in run.steps))]
        if run.steps
        else []
    )
    facts += [("run", run.name)] if run.steps else []
    facts += [("sources", text) for text in _sources(run.readings)]
    facts += [("note", text) for text in run.notes]
    facts += [("WARNING", text) for text in run.warnings]
    parts.append("\n".join(_paragraph(label, text) for label, text in facts))
    return "\n\n".join(parts)


def _clipped(value: str) -> str:
    """An option's value; a long one (a type for every layer) is whole in the JSON."""
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}..."


def _totals(readings: Sequence[Reading], device: Device) -> list[list[str]]:
    rows = [["", "value", "of", "share", "90 % interval", "evidence"]]
    shown = nearest(readings)
    for metric in (*RESOURCES, *TIMES, *SHARES):
        reading = total(shown, metric)
        if reading is None and metric not in RESOURCES:
            continue
        label = LABELS.get(metric, metric.key.upper())
        if reading is None:
            rows.append([label, "unknown", f"{device.available(metric):,}", "", "", "no law and no report covers it"])
            continue
        if metric in RESOURCES:
            available = device.available(metric)
            rows.append(
                [
                    label,
                    amount(reading),
                    f"{available:,}",
                    _percent(reading.value / available),
                    interval(reading),
                    evidence(reading) + _beside(readings, reading),
                ]
            )
        else:
            of = f"n = {reading.n:,}" if reading.n else ""
            words = evidence(reading) + _beside(readings, reading)
            rows.append([label, amount(reading), of, "", interval(reading), words])
    return rows


def _beside(readings: Sequence[Reading], shown: Reading) -> str:
    """What else is known of it: csynth's count of what is built, or what the model said of what a report tells."""
    same = [one for one in readings if (one.metric, one.scope) == (shown.metric, shown.scope)]
    if shown.tier is not Tier.MODELLED:
        model = next(iter(nearest(one for one in same if one.tier is Tier.MODELLED)), None)
        return f"; the model said {amount(model)}" if model else ""
    counts = [one for one in same if one.stage is Tier.HLS and shown.stage is Tier.ROUTED]
    return f"; csynth's count {amount(nearest(counts)[0])}" if counts else ""


def number(metric: Metric, value: float) -> str:
    if metric in SHARES:
        return f"{100 * value:.2f} %"
    if metric in (Metric.THROUGHPUT_FPS, Metric.FMAX_MHZ):
        return f"{value:,.1f}"
    return f"{value:,.0f}"


def amount(reading: Reading) -> str:
    unit = {Metric.LATENCY_CYCLES: " cycles", Metric.INTERVAL_CYCLES: " cycles", Metric.LATENCY_US: " us"}
    unit |= {Metric.THROUGHPUT_FPS: " images/s", Metric.FMAX_MHZ: " MHz"}
    return f"{'>= ' if reading.at_least else ''}{number(reading.metric, reading.value)}{unit.get(reading.metric, '')}"


def interval(reading: Reading) -> str:
    if reading.low is None or reading.high is None:
        return ""
    return f"{number(reading.metric, reading.low)} .. {number(reading.metric, reading.high)}"


def evidence(reading: Reading) -> str:
    if reading.tier is Tier.MODELLED and reading.predicts:
        return f"modelled for {_stage(reading.predicts)}, on {reading.on}"
    return f"{reading.tier.value}, on {reading.on}"


def _stage(tier: Tier) -> str:
    return "csynth" if tier is Tier.HLS else tier.value


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def verdict(fit: Fit) -> str:
    """One sentence: the verdict, what is over and by how much, the binding resource, stage and margin."""
    if fit.binding is None:
        return "unknown: no resource has a reading"
    stage = f"judged at {_stage(fit.stage)}" if fit.stage else ""
    terms = f"binding resource {fit.binding.key.upper()}; {stage}, {100 * fit.margin:.0f} % of each resource kept free"
    if fit.verdict is Verdict.OVER:
        over = ", ".join(f"{metric.key.upper()} by {number(metric, excess)}" for metric, excess in fit.excess.items())
        return f"over: {over}; {terms}"
    return f"{fit.verdict.value}; {terms}"


def _proof(run: Run) -> str:
    proof = run.verification
    if proof is None:
        return "not verified: nothing was built"
    if proof.equal is None:
        return f"not verified: {proof.against} did not run"
    equal = f"{proof.equal} of {proof.vectors} vectors equal as integers"
    return f"{equal}, {proof.against} against the exact reference {run.quantised}"


def _step(name: str, state: str, seconds: float, reason: str) -> str:
    return f"{name} {seconds:.1f} s" if state == "done" else f"{name} {state}{f' ({reason})' if reason else ''}"


def _sources(readings: Sequence[Reading]) -> list[str]:
    """What the totals come from, each source once with the metrics it gave."""
    sources: dict[str, list[str]] = {}
    for reading in nearest(readings):
        if reading.scope == TOTAL:
            sources.setdefault(reading.source, []).append(reading.metric.key)
    return [f"{', '.join(metrics)}: {source}" for source, metrics in sources.items()]


def _paragraph(label: str, text: str) -> str:
    return "\n".join(wrap(text, WIDTH, initial_indent=f"{label:<9}", subsequent_indent=" " * 9, break_on_hyphens=False))


def _layers(readings: Sequence[Reading]) -> str:
    """A line a scope; a column with a star holds what a second source says of the same, where one does."""
    columns = (*RESOURCES, Metric.LATENCY_CYCLES, Metric.INTERVAL_CYCLES)
    first = {(one.scope, one.metric): one for one in nearest(readings) if one.scope != TOTAL}
    second = _second(readings, first)
    used = [
        (label, metric, found)
        for metric in columns
        for label, found in ((metric.key, first), (f"{metric.key} *", second))
        if any(metric is one for _, one in found)
    ]
    rows = [["layer or block", *(label for label, _, _ in used)]]
    for scope in dict.fromkeys(scope for scope, _ in first):
        given = [found.get((scope, metric)) for _, metric, found in used]
        rows.append([scope, *(amount(one).removesuffix(" cycles") if one else "unknown" for one in given)])
    sources = dict.fromkeys(one.source.split(";")[0] for one in second.values())
    return "\n".join([table(rows), *(f"* {source}" for source in sources)])


def _second(
    readings: Sequence[Reading], first: Mapping[tuple[str, Metric], Reading]
) -> dict[tuple[str, Metric], Reading]:
    """Of each metric and scope, the other reading of one tier."""
    found = {}
    for one in readings:
        shown = first.get((one.scope, one.metric))
        if shown and one is not shown and one.tier is shown.tier:
            found[one.scope, one.metric] = one
    return found


def comparison(document: Document) -> str:
    """One line a run: resources as shares of the part, speed, accuracy, proof, verdict and kind of evidence."""
    rows = [
        [
            "run",
            "part",
            "LUT",
            "FF",
            "BRAM18",
            "DSP",
            "interval",
            "images/s",
            "accuracy",
            "verified",
            "verdict",
            "evidence",
        ]
    ]
    for run in document.runs:
        device = devices()[run.device]
        shown = nearest(run.readings)
        fit = judge(run.readings, device)
        resources = [total(shown, metric) for metric in RESOURCES]
        shares = [
            "unknown"
            if one is None
            else f"{'>= ' if one.at_least else ''}{_percent(one.value / device.available(one.metric))}"
            for one in resources
        ]
        speed = [_short(total(shown, metric)) for metric in (Metric.INTERVAL_CYCLES, Metric.THROUGHPUT_FPS)]
        accuracy = total(shown, Metric.ACCURACY)
        known = f"{number(Metric.ACCURACY, accuracy.value)} {_kind(accuracy)}" if accuracy else "unknown"
        proof = run.verification
        verified = f"{proof.equal}/{proof.vectors}" if proof and proof.equal is not None else "no"
        binding = f" ({fit.binding.key.upper()})" if fit.binding else ""
        tiers = dict.fromkeys(evidence(one).partition(",")[0] for one in resources if one)
        rows.append(
            [run.name, run.part, *shares, *speed, known, verified, f"{fit.verdict.value}{binding}", "; ".join(tiers)]
        )
    return (
        table(rows, frozenset({0, 1, 10, 11}))
        + f"\n\narchitecture {document.network.architecture} ({document.network.name})"
    )


def _kind(accuracy: Reading) -> str:
    """Whether an accuracy is this arithmetic's or only the float network's."""
    return "recorded, float" if "float network" in accuracy.on else accuracy.tier.value


def _short(reading: Reading | None) -> str:
    return number(reading.metric, reading.value) if reading else "unknown"


def plan(title: str, plan: Plan, digests: Mapping[str, str]) -> str:
    """What would run, step by step."""
    return "\n".join([title, *(_planned(step, digests[step.name]) for step in plan.steps)])


def _planned(step: Step, digest: str) -> str:
    given = []
    for name, item in step.files.items():
        match item:
            case str():
                given.append(f"{name} ({len(item):,} characters)")
            case Asset():
                given.append(f"{name} (asset {item.digest})")
            case Output():
                given.append(f"{name} (from {item.step})")
    lines = [
        ("", step.about),
        ("runs", " ".join(step.argv)),
        ("given", ", ".join(given)),
        ("makes", ", ".join(step.makes)),
    ]
    return "\n".join([f"  {step.name}  {digest}", *(f"    {label:<6}{text}" for label, text in lines)])
