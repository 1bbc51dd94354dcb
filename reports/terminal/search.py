"""A search for a mixed precision: what was found, the front, and the bits of each tensor."""

from __future__ import annotations

from flows.core.evidence import Metric
from flows.core.mixed import Search, Tried
from flows.core.text import printable
from reports.design import Design, designs_of
from reports.terminal.layout import table, wrapped
from reports.words import interval, label, number, why

COLUMNS = (Metric.ACCURACY, Metric.THROUGHPUT_FPS, Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP)


def found(search: Search) -> str:
    """The designs that no other one beats in cost and accuracy, then the best, and what was chosen by what."""
    designs = designs_of([one.run for one in search.front])
    head = ["lost", *(label(metric) for metric in COLUMNS), "verdict", "", "bits"]
    rows = [head, *(_row(search, *pair) for pair in zip(search.front, designs, strict=True))]
    count = f"{len(search.tried)} designs"
    refused = f", {search.refused} refused" if search.refused else ""
    title = f"{count}{refused}, each of {search.rate} images/s: those that no other one beats in {label(search.cost)}"
    parts = [wrapped(f"{title} and accuracy"), table(rows, frozenset({len(head) - 3, len(head) - 2, len(head) - 1}))]
    parts.append(wrapped(f"bits, in this order: {', '.join(next(iter(search.tried)).bits)}") if search.tried else "")
    return "\n\n".join([*parts, *map(wrapped, _said(search))])


def _row(search: Search, one: Tried, design: Design) -> list[str]:
    cells = [number(metric, reading.value) if (reading := design.known(metric)) else "unknown" for metric in COLUMNS]
    verdict = f"{design.fit.verdict.value}{why(design.fit)}"
    return [_points(one.lost), *cells, verdict, "best" if one == search.best else "", _bits(one)]


def _bits(one: Tried) -> str:
    return " ".join(map(str, one.bits.values()))


def _points(share: float) -> str:
    return f"{100 * share:.2f}"


def _said(search: Search) -> list[str]:
    told = [f"lost: points of accuracy against the float network, on {search.images}"]
    if search.best is None or search.final is None:
        return [*told, f"none of them loses {_points(search.keep)} points or less: give more bits, or --keep-accuracy"]
    (design,) = designs_of([search.final])
    widest = search.tried[0].cost
    saved = f"{number(search.cost, search.best.cost)} {label(search.cost)}, {number(search.cost, widest)} at the widest"
    told.append(f"best: {saved}; the cheapest of those tried, and another one may be cheaper")
    if design.accuracy:
        known = f"{number(Metric.ACCURACY, design.accuracy.value)} ({interval(design.accuracy)})"
        told.append(
            f"on {search.test}, by which nothing was chosen: {known}, and the float network "
            f"{number(Metric.ACCURACY, search.float_accuracy)}"
        )
    return [*told, f"to build it: {printable(search.final.command)}"]
