"""Accuracy of a design's arithmetic, and agreement with the float network: evaluated here, or recorded in a card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backends.protocol import Note
from flows.core.errors import UsageError
from flows.core.evidence import FRACTIONS, Metric, Reading, Subject, Tier
from flows.core.plan import Asset, Output, Plan
from flows.core.record import Run
from flows.executor import Executor
from flows.jobs import Trained
from flows.prepared import Prepared, arithmetic_weights, float_network
from flows.results import COUNTS, Counts, read_result
from models import reference
from models.card import Card, Score, record
from models.network import Network
from models.proportion import wilson
from models.quantised import QuantisedNetwork
from models.reference import accuracy_step

ACCURACY = Output("accuracy", reference.ACCURACY)
MUCH = 0.005
"""A design that loses more accuracy than this against single precision gets a note."""


def with_scores(run: Run, scores: Sequence[Reading]) -> Run:
    """`run` with these accuracies and agreements in place of its own."""
    return replace(run, readings=(*(reading for reading in run.readings if reading.metric not in FRACTIONS), *scores))


def accuracy(prepared: Prepared, trained: Trained, batch: Asset, executor: Executor) -> tuple[Reading, ...]:
    """Accuracy and agreement of a design's arithmetic on the test images of `batch`; nothing is built."""
    counts = counted(prepared, batch, executor)
    return tuple(scores(counts, trained.network, test_images_name(counts, batch)))


def counted(prepared: Prepared, batch: Asset, executor: Executor) -> Counts:
    """How many of these images a design's arithmetic and the float network get right; kept in the store."""
    step = accuracy_step(
        ACCURACY.step, prepared.quantised, arithmetic_weights(prepared), batch, float_network(prepared)
    )
    path = executor.execute(Plan((step,))).path(ACCURACY)
    assert path, "the interpreter is never absent"
    return read_result(path, COUNTS)


def test_images_name(counts: Counts, batch: Asset | None) -> str:
    own = batch is not None and batch.path.suffix == ".npz"
    return f"test images of yours ({counts.images[:6]})" if own else "CIFAR-10 test images"


def scores(counts: Counts, network: Network, images: str) -> list[Reading]:
    """Accuracy and agreement of a design's arithmetic, on what `images` calls them."""
    score = Score(counts.right, counts.n, counts.agree)
    exact, read = "exact reference of this arithmetic", f"; pixels are {network.pixels}"
    on = f"{score.n:,} {images}"
    return _scores(score, Tier.EVALUATED, on, exact + read, f"{exact}, same class as float {network.name}{read}")


def lost_note(counts: Counts, flow: str) -> list[Note]:
    """A note that names the command which finds the lost accuracy, if much is lost."""
    if counts.lost <= MUCH:
        return []
    command = f"`python -m flows profile {flow} --cost --data DIR`, with the options of this run,"
    text = (
        f"{100 * counts.lost:.2f} points of accuracy are lost against single precision: {command} says by which tensor"
    )
    return [Note(text)]


def record_scores(trained: Trained, run: Run) -> None:
    """Writes what `run` evaluated into the card beside the weights, for clones that have no images."""
    evaluated = {reading.metric: reading for reading in run.readings if reading.tier is Tier.EVALUATED and reading.n}
    if trained.card is None or Metric.AGREEMENT not in evaluated:
        raise UsageError(
            "--record", "there is no card beside the weights, or nothing was evaluated", "give --data as well"
        )
    right, agree = evaluated[Metric.ACCURACY], evaluated[Metric.AGREEMENT]
    n = right.n or 0
    score = Score(round(right.value * n), n, round(agree.value * n))
    record(trained.card.path, run.quantised, score, {"flow": run.flow, "options": dict(run.options)})


def recorded(card: Card | None, quantised: QuantisedNetwork) -> list[Reading]:
    """What the card says of this arithmetic, or else of the network as it was trained, as `Reading.of` says."""
    if card is None:
        return []
    source = f"recorded in {card.path.name}, not computed here (--data does)"
    if score := card.designs.get(quantised.digest):
        on = f"{score.n:,} CIFAR-10 test images"
        return _scores(score, Tier.RECORDED, on, source, source)
    score = card.trained
    on = f"{score.n:,} CIFAR-10 test images"
    return [_share(Metric.ACCURACY, score.right, score.n, Tier.RECORDED, on, source, card.of)]


def _scores(score: Score, tier: Tier, on: str, source: str, agreement: str) -> list[Reading]:
    readings = [_share(Metric.ACCURACY, score.right, score.n, tier, on, source)]
    if score.agree is not None:
        readings.append(_share(Metric.AGREEMENT, score.agree, score.n, tier, on, agreement))
    return readings


def _share(
    metric: Metric, right: int, n: int, tier: Tier, on: str, source: str, of: Subject = Subject.DESIGN
) -> Reading:
    low, high = wilson(right, n, 0.90)
    return Reading(metric, right / n, tier, on, source, low=low, high=high, n=n, of=of)
