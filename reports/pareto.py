"""The Pareto front of many designs: those that no other one beats in everything that counts. Pure.

Numbers have intervals. A design that another one beats by the values alone, but not at the ends of both intervals, is
*close*; one that is beaten at the ends too is *beaten*. So is one that may not fit beside one of equal numbers that
does: at a clock that is at risk, for instance, whose rate is given at the highest credible one. Only evidence nearer
the metal can decide between close designs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from flows.core.evidence import RESOURCES, Metric, Reading
from flows.core.fit import Verdict
from flows.core.record import Document, NetworkFacts
from reports.design import Design, designs_of

MORE = (Metric.THROUGHPUT_FPS, Metric.ACCURACY)
"""Metrics of which more is better; of all others less is."""
DEFAULT = (Metric.THROUGHPUT_FPS, Metric.ACCURACY, Metric.LUT, Metric.DSP)
POSSIBLE = (Metric.THROUGHPUT_FPS, Metric.LATENCY_US, Metric.ACCURACY, *RESOURCES)
OUT = (Verdict.OVER, Verdict.CLOCK_MISSED)
"""Designs with these verdicts cannot be built as they are: they are on no front, and beat no other design."""


class Place(Enum):
    FRONT = "front"  # no other design beats it
    CLOSE = "close"  # beaten by the numbers, but within the intervals
    BEATEN = "beaten"  # another design surely beats it, or has the same numbers and a better verdict
    OUT = "out"  # it does not fit, or misses its clock
    UNKNOWN = "unknown"  # one of the metrics is not known of it


@dataclass(frozen=True)
class Ranked:
    design: Design
    place: Place


@dataclass(frozen=True)
class Ranking:
    """Designs of one network, each with its place among those on the same part; `notes` are sentences that belong
    beside them, such as which metric does not count, and why."""

    network: NetworkFacts
    metrics: tuple[Metric, ...]
    ranked: tuple[Ranked, ...]
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, list[Ranked]]:
        """The designs by part, those on the front first, each group the fastest first."""
        order = list(Place)
        groups: dict[str, list[Ranked]] = {}
        for ranked in sorted(self.ranked, key=lambda ranked: (order.index(ranked.place), -_speed(ranked.design))):
            groups.setdefault(ranked.design.run.part, []).append(ranked)
        return dict(sorted(groups.items()))


def ranking(document: Document, metrics: Sequence[Metric] | None = None, notes: tuple[str, ...] = ()) -> Ranking:
    """By `metrics`; by default those of `DEFAULT`, without accuracy where it is not known of every design."""
    designs = designs_of(document.runs)
    if metrics is None:
        metrics = DEFAULT
        if count := sum(design.accuracy is None for design in designs):
            metrics = [metric for metric in DEFAULT if metric is not Metric.ACCURACY]
            unknown = f"it is unknown of {count} of {len(designs)} designs"
            notes = (*notes, f"accuracy does not count: {unknown}; --data evaluates it")
    parts: dict[str, list[Design]] = {}
    for design in designs:
        parts.setdefault(design.run.part, []).append(design)
    places = {id(design): place for group in parts.values() for design, place in _ranked(group, metrics)}
    ranked = tuple(Ranked(design, places[id(design)]) for design in designs)
    return Ranking(document.network, tuple(metrics), ranked, notes)


def _speed(design: Design) -> float:
    reading = design.totals.get(Metric.THROUGHPUT_FPS)
    return reading.value if reading else 0.0


@dataclass(frozen=True)
class _Score:
    """One metric of a design, turned so that more is better."""

    value: float
    low: float
    high: float


def _ranked(designs: Sequence[Design], metrics: Sequence[Metric]) -> Iterable[tuple[Design, Place]]:
    scores = {place: _scores(design, metrics) for place, design in enumerate(designs)}
    rivals = {place: scored for place, scored in scores.items() if scored and designs[place].fit.verdict not in OUT}
    fitting = [place for place in rivals if designs[place].fit.verdict is Verdict.FITS]
    for place, design in enumerate(designs):
        if design.fit.verdict in OUT:
            yield design, Place.OUT
        elif place not in rivals:
            yield design, Place.UNKNOWN
        else:
            mine = rivals[place]
            better = [other for at, other in rivals.items() if at != place and beats(_values(other), _values(mine))]
            sure = any(_surely_beats(other, mine) for other in better) or (
                design.fit.verdict is not Verdict.FITS and any(_values(mine) == _values(rivals[at]) for at in fitting)
            )
            yield design, Place.BEATEN if sure else Place.CLOSE if better else Place.FRONT


def _scores(design: Design, metrics: Sequence[Metric]) -> tuple[_Score, ...]:
    """None at all where one of the metrics is unknown."""
    readings = [design.known(metric) for metric in metrics]
    return (
        tuple(_score(metric, reading) for metric, reading in zip(metrics, readings, strict=True) if reading is not None)
        if None not in readings
        else ()
    )


def _score(metric: Metric, reading: Reading) -> _Score:
    """Without the last digits, in which rates differ that were computed from cycles at two clocks."""
    value, low, high = (float(f"{number:.9e}") for number in (reading.value, *reading.ends))
    return _Score(value, low, high) if metric in MORE else _Score(-value, -high, -low)


def beats(better: Sequence[float], other: Sequence[float]) -> bool:
    """Whether `better` is as good in every score, and better in some; more is better."""
    pairs = list(zip(better, other, strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def _values(scores: Sequence[_Score]) -> list[float]:
    return [score.value for score in scores]


def _surely_beats(better: Sequence[_Score], other: Sequence[_Score]) -> bool:
    """Whether it does so at the unfavourable ends of all intervals; equal numbers of one evidence stay equal."""
    pairs = list(zip(better, other, strict=True))
    return all(a.value == b.value or a.low >= b.high for a, b in pairs) and any(a.low > b.high for a, b in pairs)


def parse_metrics(names: Sequence[str]) -> tuple[Metric, ...]:
    """Raises `ValueError` for a name that is none of `POSSIBLE`."""
    known: Mapping[str, Metric] = {metric.key: metric for metric in POSSIBLE}
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is none of {', '.join(known)}")
    return tuple(dict.fromkeys(known[name] for name in names))
