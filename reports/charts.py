"""The geometry of a report's pictures: from readings to places in a drawing, which templates turn into SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flows.core.evidence import RESOURCES, Metric, Reading
from reports.design import Design, Evidence, evidence_of
from reports.pareto import OUT, beats
from reports.words import label

CAP = 1.5
"""The share of a part at which a bar is cut off, with its number beside it: a design seven times too large would
leave no room to read the others."""
LOGARITHMIC = 15.0
"""From this ratio of largest to smallest on, an axis is logarithmic."""
LEFT = 66
"""Where the plots begin, right of what is written at their axis."""
NEAR = 11
"""Points as near as this, in the units of a picture, would have their numbers written over each other."""
Direction = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """From values `low` .. `high` to places `start` .. `end`; beyond its ends a value is set at the end."""

    label: str
    low: float
    high: float
    start: float
    end: float
    log: bool

    def at(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Round values, five or ten of them."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            factors = (1, 2, 5) if len(powers) <= 4 else (1,)
            values = [factor * 10.0**power for power in powers[:: len(powers) // 10 + 1] for factor in factors]
        else:
            rough = (self.high - self.low) / 5
            power = 10.0 ** math.floor(math.log10(rough))
            step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
            values = [count * step for count in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        return [value for value in values if self.low <= value <= self.high]


def axis(name: str, values: Iterable[float], start: float, end: float) -> Axis:
    """An axis with room for all of `values`, which are at least one, and not negative."""
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    if low > 0 and high / low > LOGARITHMIC:
        return Axis(name, low / 1.3, high * 1.3, start, end, True)
    room = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
    return Axis(name, max(low - room, 0.0), high + room, start, end, False)


@dataclass(frozen=True)
class Bar:
    """A resource as a share of the part; `cut` where it goes on beyond the picture."""

    design: Design
    reading: Reading | None
    share: float
    end: float
    low: float | None
    high: float | None

    @property
    def cut(self) -> bool:
        return self.share > CAP


def bar(design: Design, metric: Metric, width: float) -> Bar:
    """Its places lie in 0 .. `width`, which stands for `CAP` of the part; no reading gives no length."""
    reading, available = design.totals.get(metric), design.device.available(metric)

    def at(value: float | None) -> float | None:
        return None if value is None else round(width * min(value / available / CAP, 1.0), 1)

    if reading is None:
        return Bar(design, None, 0.0, 0.0, None, None)
    return Bar(design, reading, reading.value / available, at(reading.value) or 0.0, at(reading.low), at(reading.high))


@dataclass(frozen=True)
class Point:
    design: Design
    x: Reading
    y: Reading

    @property
    def evidence(self) -> tuple[Evidence, Evidence]:
        return evidence_of(self.x), evidence_of(self.y)


@dataclass(frozen=True)
class Scatter:
    """`fronts` are the Pareto-optimal points of each kind of evidence, over the designs that are
    neither over the part nor miss their clock."""

    x: Axis
    y: Axis
    points: tuple[Point, ...]
    fronts: tuple[tuple[Point, ...], ...]
    missing: tuple[Design, ...]


def scatter(designs: Sequence[Design], y: Metric, size: tuple[float, float]) -> Scatter | None:
    """Latency against `y`, in `size`; None where no design has both."""
    points, missing = [], []
    for design in designs:
        latency = design.totals.get(Metric.LATENCY_US)
        other = design.known(y)
        if latency and other:
            points.append(Point(design, latency, other))
        else:
            missing.append(design)
    if not points:
        return None
    across = axis("latency, us", (value for point in points for value in _reach(point.x)), LEFT, size[0] - 12)
    up = axis(label(y), (value for point in points for value in _reach(point.y)), size[1] - 38, 12)
    fits = [point for point in points if point.design.fit.verdict not in OUT]
    kinds = dict.fromkeys(point.evidence for point in fits)
    wanted = (-1, 1) if y is Metric.ACCURACY else (-1, -1)
    fronts = tuple(front([fit for fit in fits if fit.evidence == kind], wanted) for kind in kinds)
    return Scatter(across, up, tuple(points), fronts, tuple(missing))


def accuracy_axis(designs: Sequence[Design]) -> Axis:
    """Of designs whose accuracy is known, in the middle of a row: labels stand before it, numbers behind."""
    return axis(
        "accuracy", (value for design in designs if design.accuracy for value in _reach(design.accuracy)), 280, 625
    )


def _reach(reading: Reading) -> list[float]:
    return [value for value in (reading.low, reading.value, reading.high) if value is not None]


def front(points: Sequence[Point], wanted: Direction) -> tuple[Point, ...]:
    """Those that no other point equals or beats in both, and beats in one; `wanted` is 1 for more, -1 for less."""
    scores = [(wanted[0] * point.x.value, wanted[1] * point.y.value) for point in points]
    best = [
        point for point, mine in zip(points, scores, strict=True) if not any(beats(other, mine) for other in scores)
    ]
    return tuple(sorted(best, key=lambda point: point.x.value))


def tags(scatter: Scatter, designs: Sequence[Design]) -> list[tuple[float, float, str]]:
    """Where the numbers of the points stand, as `designs` count from 1: points too near to tell apart share a place."""
    labels: list[tuple[float, float, str]] = []
    for point in scatter.points:
        x, y, text = scatter.x.at(point.x.value), scatter.y.at(point.y.value), str(designs.index(point.design) + 1)
        near = next(
            (at for at, label in enumerate(labels) if abs(label[0] - x) < NEAR and abs(label[1] - y) < NEAR), None
        )
        if near is None:
            labels.append((x, y, text))
        else:
            labels[near] = (*labels[near][:2], f"{labels[near][2]}, {text}")
    return labels


def steps(scatter: Scatter, points: Sequence[Point]) -> str:
    """A front as the path of a staircase."""
    places = [(scatter.x.at(point.x.value), scatter.y.at(point.y.value)) for point in points]
    path = [f"M{places[0][0]},{places[0][1]}"]
    path += [f"H{x}V{y}" for x, y in places[1:]]
    return "".join(path)


PICTURED = (Metric.ACCURACY, *RESOURCES)
"""What latency is set against."""
