"""A search for a mixed precision: the front, the bits of each tensor, and the best."""

from __future__ import annotations

from flows.core.evidence import Metric
from flows.core.mixed import Search, Tried
from reports.design import Design
from reports.mixed import front, points, summary
from reports.terminal.layout import table, wrapped
from reports.words import label, number, why

COLUMNS = (Metric.ACCURACY, Metric.THROUGHPUT_FPS, Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP)


def outcome(search: Search) -> str:
    """The designs that no other design beats in cost and accuracy, then the best, and what was chosen by what."""
    head = ["lost", *(label(metric) for metric in COLUMNS), "verdict", "", "bits"]
    rows = [head, *(_row(search, *pair) for pair in front(search))]
    count = f"{len(search.tried)} designs"
    refused = f", {search.refused} refused" if search.refused else ""
    title = (
        f"{count}{refused}, each of {search.rate} images/s: those that no other design beats in {label(search.cost)}"
    )
    parts = [wrapped(f"{title} and accuracy"), table(rows, frozenset({len(head) - 3, len(head) - 2, len(head) - 1}))]
    parts.append(wrapped(f"bits, in this order: {', '.join(next(iter(search.tried)).bits)}") if search.tried else "")
    return "\n\n".join([*parts, *map(wrapped, summary(search))])


def _row(search: Search, tried: Tried, design: Design) -> list[str]:
    cells = [number(metric, reading.value) if (reading := design.known(metric)) else "unknown" for metric in COLUMNS]
    verdict = f"{design.fit.verdict.value}{why(design.fit)}"
    bits = " ".join(map(str, tried.bits.values()))
    return [points(tried.lost), *cells, verdict, "best" if tried == search.best else "", bits]
