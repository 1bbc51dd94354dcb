"""Residuals: for each number of the ledger, the prediction and its error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from flows.core.evidence import BUILT, DESIGN, RESOURCES, SHELL, TOTAL, Metric, Reading, Tier, nearest
from flows.core.ledger import Entry, Page
from flows.core.record import Run

WHOLE = (TOTAL, DESIGN)
SYSTEM = (Metric.SYSTEM_FPS, Metric.SINGLE_FPS)


@dataclass(frozen=True)
class Residual:
    """A `truth` of a design, the file that tells it, and the `predicted` reading, None where nothing predicted it."""

    page: Page
    entry: Entry
    truth: Reading
    predicted: Reading | None

    @property
    def error(self) -> float | None:
        """(predicted - truth) / truth: 0.1 for a tenth too much; None without a prediction, or where the truth is 0."""
        if self.predicted is None or not self.truth.value:
            return None
        return self.predicted.value / self.truth.value - 1

    @property
    def holds(self) -> bool | None:
        """Whether the prediction's 90 % interval has the truth in it; None where it had none."""
        if self.predicted is None or self.predicted.low is None or self.predicted.high is None:
            return None
        return _overlap(self.predicted, self.truth)


@dataclass(frozen=True)
class Contradiction:
    """Two truths of one kind and stage that cannot both hold. Both are shown; which is wrong is not guessed."""

    first: Reading
    first_file: str
    second: Reading
    second_file: str


def residuals(page: Page, run: Run | None) -> tuple[Residual, ...]:
    """Every truth of `page` in the order of its files, against the models of `run` and estimates that lie beside."""
    models = [*(run.readings if run else ()), *(row for entry in page.entries for row in entry.readings)]
    models = [model for model in models if model.tier is Tier.MODELLED]
    return tuple(Residual(page, entry, truth, _predicted(models, truth)) for entry, truth in truths(page))


def truths(page: Page) -> Iterator[tuple[Entry, Reading]]:
    for entry in page.entries:
        if entry.is_truth:
            yield from ((entry, reading) for reading in entry.readings)


def contradictions(page: Page) -> tuple[Contradiction, ...]:
    clashes, known = [], [(entry, reading) for entry, reading in truths(page)]
    for place, (entry, reading) in enumerate(known):
        for other_entry, other in known[place + 1 :]:
            if _condition(entry, reading) == _condition(other_entry, other) and not _overlap(reading, other):
                clashes.append(Contradiction(reading, entry.file, other, other_entry.file))
    return tuple(clashes)


def _condition(entry: Entry, reading: Reading) -> tuple[object, ...]:
    """Two numbers with the same condition ought to be equal. Rates at different batch sizes differ in it."""
    batch = reading.on if reading.tier is Tier.MEASURED else ""
    return reading.metric, reading.scope, reading.tier, batch


def _overlap(reading: Reading, other: Reading) -> bool:
    return reading.ends[0] <= other.ends[1] and other.ends[0] <= reading.ends[1]


def _predicted(models: Sequence[Reading], truth: Reading) -> Reading | None:
    """The model's reading of the same metric, scope and stage: csynth's counts are predicted by models of csynth, and a
    board's rate by that of the system at its images a call, where that is modelled."""
    if truth.metric is Metric.THROUGHPUT_FPS and truth.tier is Tier.MEASURED:
        system = [
            model for model in models if model.metric in SYSTEM and model.n == truth.n and model.scope == truth.scope
        ]
        if system:
            return system[0]
    same = [model for model in models if model.metric is truth.metric and _comparable(model, truth)]
    here = nearest(model for model in same if model.scope == truth.scope)
    if here or truth.scope != DESIGN or truth.metric not in RESOURCES:
        return here[0] if here else None
    total = nearest(model for model in same if model.scope == TOTAL)
    return without_shell(total[0], models) if total else None


def _comparable(model: Reading, truth: Reading) -> bool:
    if truth.metric not in RESOURCES:
        return True
    return model.stage in BUILT if truth.tier in BUILT else model.stage is truth.tier


def without_shell(total: Reading, models: Iterable[Reading]) -> Reading | None:
    """What a model's total leaves for the design itself; None where the model does not say what its shell takes."""
    shell = next((model.value for model in models if model.metric is total.metric and model.scope == SHELL), None)
    if shell is None:
        return None
    low, value, high = (
        None if bound is None else max(bound - shell, 0.0) for bound in (total.low, total.value, total.high)
    )
    assert value is not None
    return replace(total, scope=DESIGN, value=value, low=low, high=high, source=f"{total.source}; without its shell")


def whole(every: Iterable[Residual]) -> tuple[Residual, ...]:
    """Those of whole designs, with or without their shell."""
    return tuple(residual for residual in every if residual.truth.scope in WHOLE)


def by_metric(every: Iterable[Residual]) -> dict[Metric, Residual]:
    """For each metric the one residual that counts: of the truth nearest to the metal, and there of the first."""
    best: dict[Metric, Residual] = {}
    order = list(Tier)
    for residual in whole(every):
        if residual.predicted is not None:
            known = best.get(residual.truth.metric)
            if known is None or order.index(residual.truth.tier) > order.index(known.truth.tier):
                best[residual.truth.metric] = residual
    return best
