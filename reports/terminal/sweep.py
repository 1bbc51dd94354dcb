"""The designs of a sweep: those that no other design beats, part by part."""

from __future__ import annotations

from collections import Counter

from flows.core.evidence import Metric
from reports.design import Design
from reports.pareto import Place, Ranked, Ranking
from reports.terminal.layout import table, wrapped
from reports.words import label, number, why

SHOWN = (Place.FRONT, Place.CLOSE)
LEGEND = {
    Place.FRONT: "front: no other design is as good in everything and better in something, its verdict included",
    Place.CLOSE: "close: one is, but by no more than the intervals",
}
COLUMNS = (Metric.THROUGHPUT_FPS, Metric.LATENCY_US, Metric.ACCURACY, Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP)


def front(ranking: Ranking, every: bool = False) -> str:
    """A table a part: the front and what is close to it, or `every` design; then how many there are of each."""
    parts = []
    for part, group in ranking.parts.items():
        shown = group if every else [ranked for ranked in group if ranked.place in SHOWN]
        counts = Counter(map(_place, group))  # the group is in the order of places
        summary = ", ".join(f"{count} {place}" for place, count in counts.items())
        parts.append(f"{part}: {len(group)} design{'s' if len(group) > 1 else ''} ({summary})")
        if shown:
            rows = [["design", *(label(metric) for metric in COLUMNS), "verdict", ""], *map(_row, shown)]
            parts.append(table(rows, frozenset({0, len(COLUMNS) + 1, len(COLUMNS) + 2})))
        else:
            parts.append("none is on the front; --all prints every design, with what it lacks")
        parts.append("")
    parts.append(wrapped(f"by {', '.join(label(metric) for metric in ranking.metrics)}; {'; '.join(LEGEND.values())}"))
    return "\n".join([*parts, *map(wrapped, ranking.notes)])


def _row(ranked: Ranked) -> list[str]:
    design = ranked.design
    cells = [_cell(design, metric) for metric in COLUMNS]
    return [design.label, *cells, f"{design.fit.verdict.value}{why(design.fit)}", _place(ranked)]


def _cell(design: Design, metric: Metric) -> str:
    reading = design.known(metric)
    return number(metric, reading.value) if reading else design.absent(metric)


def _place(ranked: Ranked) -> str:
    """Of a program nothing is unknown: it takes nothing of the fabric, and is on no front of designs that do."""
    return "no front" if ranked.design.is_program else ranked.place.value
