"""Studies on test images; also as Markdown, for the docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import frexp

from flows.core.study import Classified, Outcome, Report, Row, Scope, Share, Study
from reports.terminal.layout import table, wrapped

SHORT = 4
"""Letters of a class name over a column of the confusion matrix."""
WORST = 6
"""How many confusions are listed in words."""

Rows = list[list[str]]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: Share) -> str:
    return f"{100 * share.right / share.n:.2f}"


def with_interval(share: Share) -> str:
    return f"{percent(share)} [{100 * share.low:.2f}, {100 * share.high:.2f}]"


def probability(p: float) -> str:
    return f"p {p:.3f}" if p >= 0.001 else "p < 0.001"


def quantisation_rows(study: Study) -> Rows:
    head = ["format", "bytes", "out of range", *(scope.value for scope in Scope), "published, n = 100"]
    floating = ["float32", f"{study.float_bytes:,}", "0", *[with_interval(study.floating)] * len(Scope)]
    rows = [head, [*floating, _published(study.published)]]
    for row in study.rows:
        whole = row.outcomes[Scope.BIASES]
        assert isinstance(whole, Outcome), "rounding weights is never refused"
        outcomes = [_outcome(row.outcomes[scope]) for scope in Scope]
        rows.append([row.format, f"{whole.bytes:,}", f"{whole.out_of_range:,}", *outcomes, _published(row.published)])
    return rows


def _outside(row: Row) -> int:
    return sum(outcome.out_of_range for outcome in row.outcomes.values() if isinstance(outcome, Outcome))


def _outcome(outcome: Outcome | str) -> str:
    if isinstance(outcome, str):
        return "absent"
    return f"{with_interval(outcome.accuracy)} {probability(outcome.paired.p)}"


def _published(percent: int | None) -> str:
    return "" if percent is None else str(percent)


def quantisation(study: Study, as_markdown: bool = False) -> str:
    """The table, what its words mean, and why what is absent is absent."""
    title = (
        f"{study.network}: post-training quantisation, accuracy in % of {study.floating.n:,} test images "
        "[95 % interval], p against float32"
    )
    rows = quantisation_rows(study)
    marks = [
        f"weights {study.weights}, images {study.images}, architecture {study.architecture}; pixels are {study.pixels}"
    ]
    remarks = [
        f"{row.format}, {scope.value}: absent. {outcome}"
        for row in study.rows
        for scope, outcome in row.outcomes.items()
        if isinstance(outcome, str)
    ]
    saturating = [row.format for row in study.rows if not row.scaled and _outside(row)]
    if saturating:
        remarks.append(
            f"{', '.join(saturating)}: parameters reach {study.largest:.2f}, which m = {frexp(study.largest)[1] + 1} "
            "would hold; what is out of range becomes the nearest end (with AP_WRAP it wraps). intN moves the point of "
            "each tensor so that nothing is."
        )
    if as_markdown:
        notes = "\n".join(f"- {text}" for text in (*remarks, *marks))
        return f"{title}\n\n{markdown(rows)}\n\n{notes}"
    return "\n\n".join([title, table(rows), "\n".join(wrapped(text) for text in (*remarks, *study.method, *marks))])


def accuracy_rows(reports: Sequence[Report]) -> Rows:
    """One row a network: the float one beside what was published of it, and the quantised one where there is one."""
    rows = [["network", "parameters", "MACs", "accuracy, % [95 % interval]", "published, %", "difference"]]
    quantised = [report.quantised.name for report in reports if report.quantised]
    rows[0] += [f"{quantised[0]}, %"] if quantised else []
    for report in reports:
        share, published = report.floating.accuracy, report.published
        gap = "" if published is None else f"{100 * share.right / share.n - published:+.2f}"
        known = "" if published is None else f"{published:.2f}"
        rows.append([report.network, f"{report.parameters:,}", f"{report.macs:,}", with_interval(share), known, gap])
        if report.quantised and report.paired:
            rows[-1].append(f"{with_interval(report.quantised.accuracy)} {probability(report.paired.p)}")
    return rows


def accuracies(reports: Sequence[Report], as_markdown: bool = False) -> str:
    rows = accuracy_rows(reports)
    marks = "; ".join(f"{report.network} on weights {report.weights}" for report in reports)
    return f"{markdown(rows) if as_markdown else table(rows)}\n\n{marks}; images {reports[0].images}"


def evaluation(report: Report) -> str:
    """Accuracy by class, the confusion matrix, and where the two networks differ."""
    shown = report.quantised or report.floating
    n = report.floating.accuracy.n
    title = f"{report.network} on {n:,} test images, weights {report.weights}; pixels are {report.pixels}"
    parts = [title, table(_by_class(report)), _confusion(report, shown), _worst(report, shown)]
    if report.quantised and report.paired:
        parts.append(_difference(report))
    return "\n\n".join(parts)


def _by_class(report: Report) -> Rows:
    networks = [network for network in (report.floating, report.quantised) if network]
    rows = [["class", "n", *(f"{network.name}, % [95 % interval]" for network in networks)]]
    for index, name in enumerate(report.classes):
        shares = [network.by_class[index] for network in networks]
        rows.append([name, f"{shares[0].n:,}", *map(with_interval, shares)])
    total = [network.accuracy for network in networks]
    return [*rows, ["all", f"{total[0].n:,}", *map(with_interval, total)]]


def _confusion(report: Report, shown: Classified) -> str:
    rows = [[f"{shown.name}: image of", *(name[:SHORT] for name in report.classes)]]
    for name, counts in zip(report.classes, shown.confusion, strict=True):
        rows.append([name, *(str(count) if count else "." for count in counts)])
    return table(rows)


def _worst(report: Report, shown: Classified) -> str:
    names = report.classes
    pairs = [
        (shown.confusion[row][column], names[row], names[column])
        for row in range(len(names))
        for column in range(len(names))
        if row != column
    ]
    confusions = [
        f"{label} called {other} {count}" for count, label, other in sorted(pairs, reverse=True)[:WORST] if count
    ]
    return wrapped(f"most confused: {', '.join(confusions) or 'nothing'}")


def _difference(report: Report) -> str:
    assert report.quantised and report.paired
    pair, n = report.paired, report.floating.accuracy.n
    text = (
        f"{report.quantised.name} and float32 differ on {pair.differ:,} of {n:,} images: only float32 is right on "
        f"{pair.float_only:,}, only {report.quantised.name} on {pair.other_only:,} (McNemar's exact test, "
        f"{probability(pair.p)})."
    )
    by_class = Counter(disagreement.label for disagreement in report.disagreements).most_common()
    if by_class:
        text += f" By class: {', '.join(f'{name} {count}' for name, count in by_class)}."
        text += (
            f" Images, by place in the batch: {_places([disagreement.image for disagreement in report.disagreements])}."
        )
    return wrapped(text)


def _places(images: Sequence[int], limit: int = 12) -> str:
    more = len(images) - limit
    return ", ".join(map(str, images[:limit])) + (f" and {more:,} more (--json has all)" if more > 0 else "")
