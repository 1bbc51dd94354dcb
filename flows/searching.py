"""Searches the cheapest bits per tensor that keep an accuracy. Optuna proposes designs: there are too many to try all.

Every design has the same rate, and is estimated as in a sweep. Its arithmetic is evaluated once, on images to choose
by. Those are not the test images: only the chosen design is evaluated on these, at the end. Optuna's journal is kept in
the store, so that a search that was interrupted continues where it stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from backends.protocol import Precisions
from flows import designs, imports, registry, runner
from flows.core.digest import digest_of
from flows.core.errors import RefusedError, SetupError, UsageError
from flows.core.evidence import FRACTIONS, RESOURCES, Metric
from flows.core.files import digest, write_atomic
from flows.core.mixed import Search, Tried
from flows.core.plan import Asset, Output, Plan
from flows.core.record import Document, Run, document_to_json
from flows.core.worker import worker
from flows.designs import Request, Source
from flows.executor import Executor
from flows.jobs import Trained
from flows.results import Counts
from flows.runner import Prepared
from flows.store import Store
from flows.sweeping import Told, code_digest, kept_at, kept_run
from flows.values import several
from models import cifar10
from models.card import HeldOut, held_out
from models.reference import CHOOSER
from reports.design import Design, designs_of
from reports.pareto import OUT

EXTRA = "install the extra: pip install -c constraints.txt -e '.[search]'"
DRAWN = HeldOut(5_000, 1, "")
"""Training images to choose by where no card says which were held out."""
WIDTHS, TRIALS, IMAGES = range(4, 9), 60, 2000
"""Bits that a tensor may have, designs to try and images to choose by, where nothing else is asked for."""
NO_TARGET = "none"
COUNTED, REFUSED = "counts", "refused"
"""What the journal says of a step besides."""


@dataclass(frozen=True)
class Goal:
    """What a search is to find: designs that lose at most the share `keep` of accuracy against the float network, and
    take as little as can be of `cost`, by default of the resource that binds the widest. `trials` designs are tried, of
    which each tensor has one of `widths`; at most `images` images choose."""

    keep: float
    widths: tuple[int, ...]
    cost: Metric | None
    trials: int
    images: int


def goal(
    keep_accuracy: Any = 0.5, bits: Any = WIDTHS, cost: str | None = None, trials: Any = TRIALS,
    images: Any = IMAGES,
) -> Goal:  # fmt: skip
    """The goal as a user gives it: `keep_accuracy` in points of 100, `bits` as numbers or as the text of a list or a
    range. Raises `UsageError`."""
    if isinstance(keep_accuracy, bool) or not isinstance(keep_accuracy, int | float) or not 0 <= keep_accuracy < 100:
        fact = f"{keep_accuracy!r} is no number of points"
        raise UsageError("--keep-accuracy", fact, "give 0 or more, below 100: 0.5 is half a point")
    if cost is not None and cost not in {metric.key for metric in RESOURCES}:
        raise UsageError(
            "--cost", f"{cost!r} is no resource", f"name one of {', '.join(resource.key for resource in RESOURCES)}"
        )
    metric = Metric[cost.upper()] if cost else None
    counts = _count("--trials", trials), _count("--images", images)
    return Goal(keep_accuracy / 100, _widths(bits), metric, *counts)


def _widths(bits: Any) -> tuple[int, ...]:
    if isinstance(bits, str):
        try:
            bits = several(int, bits)
        except ValueError:
            advice = "give a list or a range: 4,6,8 or 4..8"
            raise UsageError("--bits", f"{bits!r} lists no whole numbers", advice) from None
    if not isinstance(bits, list | tuple | range):
        raise UsageError("--bits", f"{bits!r} is no list", "give two or more numbers of bits")
    return tuple(sorted({_count("--bits", width) for width in bits}))


def _count(culprit: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(culprit, f"{value!r} is no whole number above 0", "give 1 or more")
    return value


@dataclass(frozen=True)
class Choosing:
    """`images` by which to choose, what they are, and `test` images for the number that is told in the end."""

    images: Asset
    about: str
    test: Asset
    of_test: str


def choosing(source: Source, trained: Trained, most: int, executor: Executor) -> Choosing:
    """At most so many images to choose by, of those that ``--data`` names: of CIFAR-10 training images, those that were
    held out from training where the card says which; of the user's own every second one. Raises `UsageError`, and
    `InputError` where there are none."""
    batch = designs.test_images([source], [trained], lambda: executor)
    if batch is None or source.data is None:
        fact = "accuracy is what a precision costs, and there are no images to measure it on"
        raise UsageError("--data", fact, "give CIFAR-10 in a folder, or FILE.npz of yours")
    if imports.is_own(source.data):
        images, test = _chosen({"files": [batch.path.name]}, {batch.path.name: batch}, most, executor)
        return Choosing(images, "images of yours, every second one", test, "the others of your images")
    files = {path.name: Asset(path, cifar10.check(path)) for path in cifar10.find(source.data, cifar10.TRAIN)}
    known = held_out(trained.card.path) if trained.card else None
    drawn = known or DRAWN
    ask = {"files": list(files), "held_out": drawn.count, "seed": drawn.seed, "digest": drawn.digest}
    about = "held out from training" if known else "on which the network may have been trained"
    return Choosing(
        _chosen(ask, files, most, executor)[0], f"CIFAR-10 training images, {about}", batch, "CIFAR-10 test images"
    )


def _chosen(ask: Mapping[str, Any], files: Mapping[str, Asset], most: int, executor: Executor) -> tuple[Asset, Asset]:
    step = worker(
        name="chooser",
        about="images to choose a precision by",
        module="models.evaluation.chooser",
        ask={**ask, "most": most},
        files=files,
        makes=(CHOOSER, "test.npz"),
        packages=("numpy",),
    )
    products = executor.execute(Plan((step,)))
    places = [products.path(Output("chooser", name)) for name in step.makes]
    images, test = (Asset(place, digest(place, imports.IMAGES_LIMIT, "search again")) for place in places if place)
    return images, test


class Designs:
    """The designs of one request at other bits, of `widths`, each estimated once and kept in the store."""

    def __init__(
        self, request: Request, trained: Trained, precisions: Precisions[Any], store: Store, widths: Sequence[int]
    ) -> None:
        self.request, self.trained, self.precisions, self.store = request, trained, precisions, store
        self.widths = widths
        self.tensors = tuple(precisions.tensors(trained.network))

    def point(self, bits: Mapping[str, int]) -> Request:
        (flow,) = self.request.flows
        options = self.precisions.given(self.request.options[flow], bits)
        asked = replace(self.request, options={flow: options})
        return replace(asked, command=designs.command("run", asked))

    def prepared(self, bits: Mapping[str, int]) -> tuple[Prepared, Run]:
        """Raises `RefusedError` where the flow does not build it."""
        point = self.point(bits)
        ((backend, started, job),) = designs.designs(point, self.trained)
        prepared = runner.prepare(backend, job)
        run = runner.estimated_from(backend, started, prepared, point.command, point.images)
        if path := kept_at(self.store, point, self.trained):
            write_atomic(path, document_to_json(Document(runner.network_facts(self.trained), (run,))))
        return prepared, run

    def run(self, bits: Mapping[str, int]) -> Run:
        point = self.point(bits)
        path = kept_at(self.store, point, self.trained)
        return (kept_run(path, point) if path else None) or self.prepared(bits)[1]


def opened(request: Request, trained: Trained, store: Store, widths: Sequence[int]) -> Designs:
    """Designs whose tensors have one of `widths` each. Raises `UsageError` unless one flow and one part are asked for,
    and the flow takes bits by tensor, these widths among them; `SetupError` without Optuna."""
    if len(set(request.flows)) != 1 or len(set(request.parts)) != 1:
        raise UsageError("flows search", "more than one flow or part is asked for", "search each by itself")
    backend = registry.load(request.flows[0])
    if backend.precisions is None:
        able = [
            listing.name
            for listing in registry.listings()
            if not listing.trouble and registry.load(listing.name).precisions
        ]
        raise UsageError(f"flow {backend.name}", "it takes no bits by tensor", f"name one of {', '.join(able)}")
    chosen = _checked(backend.precisions, widths)
    _optuna()
    store.prepare()
    return Designs(replace(request, flows=(backend.name,)), trained, backend.precisions, store, chosen)


def searched(request: Request, goal: Goal, trained: Trained, store: Store, steps: Executor, progress: Told) -> Search:
    """The best design of the one flow on the one part of `request`. Errors in it are raised before any work."""
    asked = opened(request, trained, store, goal.widths)
    return search(asked, goal, choosing(request.source, trained, goal.images, steps), steps, progress)


def search(asked: Designs, goal: Goal, images: Choosing, steps: Executor, progress: Told) -> Search:
    """Tries designs for `goal`. Where no rate is asked for, each is to be as fast as the widest. Raises `RefusedError`
    where the widest cannot be had.
    """
    optuna, widths, keep, trials = _optuna(), asked.widths, goal.keep, goal.trials
    asked, first = _paced(asked, dict.fromkeys(asked.tensors, widths[-1]))
    cost = goal.cost or first.fit.binding or Metric.LUT
    key = [first.run.name, asked.tensors, widths, keep, cost.key, images.images.digest]
    name = digest_of([*key, code_digest(asked.request), optuna.__version__])
    journal = asked.store.root / "searches" / f"{name}.journal"
    with asked.store.lock(name, None) as is_mine, asked.store.writing():
        if not is_mine:
            fact = "another process is at this very search"
            raise SetupError("flows search", fact, "wait for it, then give the command again: its results are kept")
        study = _Study(optuna, journal, asked.tensors, widths, keep)
        before = study.count
        progress(before, trials, before)
        while study.count < trials:
            study.step(lambda bits: _measured(asked, bits, cost, images, steps))
            progress(study.count, trials, before)
        results = study.results
    n, tried = 0, {}
    for bits, value, counts in results[:trials]:
        n, of = counts.n, f"{images.about} ({counts.images[:6]})"
        run = _scored(asked.run(bits), runner.scores(counts, asked.trained.network, of))
        tried[run.name] = Tried(bits, run, value, _lost(counts))
    result = Search(
        runner.network_facts(asked.trained), keep, cost, _rate(asked.request), f"{n:,} {images.about}",
        tuple(tried.values()), study.refused,
    )  # fmt: skip
    return _final(asked, result, images, steps)


def _checked(precisions: Precisions[Any], widths: Sequence[int]) -> list[int]:
    few, most = precisions.fewest, precisions.most
    chosen = sorted(set(widths))
    if len(chosen) < 2:
        raise UsageError("--bits", "one width leaves nothing to choose", f"give two or more of {few} to {most}")
    if chosen[0] < few or chosen[-1] > most:
        fact = f"{chosen[0]} to {chosen[-1]}, and the flow has {few} to {most}"
        raise UsageError("--bits", fact, f"give two or more of {few} to {most}")
    return chosen


def _paced(asked: Designs, widest: Mapping[str, int]) -> tuple[Designs, Design]:
    """With a rate, and its widest design."""
    (first,) = designs_of([asked.prepared(widest)[1]])
    if _rate(asked.request) != NO_TARGET:
        return asked, first
    (flow,) = asked.request.flows
    speed = first.totals.get(Metric.THROUGHPUT_FPS)
    if speed is None:
        raise UsageError(f"flow {flow}", "nothing is known of the rate of its widest design", "give --target-fps")
    step = 10.0 ** (math.floor(math.log10(speed.value)) - 2)  # three digits, rounded down
    rate = f"{math.floor(speed.value / step) * step:g}"
    options = replace(asked.request.options[flow], target_fps=rate)
    request = replace(asked.request, options={flow: options})
    paced = Designs(request, asked.trained, asked.precisions, asked.store, asked.widths)
    return paced, designs_of([paced.prepared(widest)[1]])[0]


def _rate(request: Request) -> str:
    (options,) = request.options.values()
    return str(options.target_fps)


def _measured(
    asked: Designs, bits: Mapping[str, int], cost: Metric, images: Choosing, steps: Executor
) -> tuple[float, Counts]:
    prepared, run = asked.prepared(bits)
    (design,) = designs_of([run])
    reading = design.totals.get(cost) if cost in RESOURCES else None
    if reading is None:
        raise UsageError("--cost", f"how much {cost.key} a design takes is unknown", "name another resource")
    return reading.value, runner.counted(prepared, images.images, steps)


def _lost(counts: Counts) -> float:
    return (counts.float_right - counts.right) / counts.n


def _scored(run: Run, scores: Sequence[Any]) -> Run:
    return replace(run, readings=(*(reading for reading in run.readings if reading.metric not in FRACTIONS), *scores))


def _final(asked: Designs, result: Search, images: Choosing, steps: Executor) -> Search:
    """With the accuracy of the best design on the test images."""
    enough = [point for point in result.tried if point.lost <= result.keep]
    if not enough:
        return result
    out = {design.run.name for design in designs_of([point.run for point in enough]) if design.fit.verdict in OUT}
    best = min(enough, key=lambda point: (point.run.name in out, point.cost, point.lost))
    prepared, run = asked.prepared(best.bits)
    counts = runner.counted(prepared, images.test, steps)
    final = _scored(run, runner.scores(counts, asked.trained.network, images.of_test))
    test = f"{counts.n:,} {images.of_test}"
    return replace(result, best=best, final=final, test=test, float_accuracy=counts.float_right / counts.n)


def _optuna() -> Any:
    try:
        optuna = import_module("optuna")
    except ImportError:
        raise SetupError("package optuna", "not installed, and a search needs it", EXTRA) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


class _Lock:
    """That of the journal: nobody else writes it, since the store's own lock is held, which the system lets go of where
    its holder dies."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


class _Study:
    """What Optuna has told and heard, in a journal. Each step's sampler has a seed of its own, by the number of steps
    before: a search that was ended goes on as if it had not been."""

    def __init__(self, optuna: Any, journal: Path, tensors: Sequence[str], widths: Sequence[int], keep: float) -> None:
        self.optuna, self.tensors, self.widths, self.keep = optuna, tensors, widths, keep
        journal.parent.mkdir(parents=True, exist_ok=True)
        if journal.exists():  # a line that a kill has cut short would spoil the next one
            text = journal.read_bytes()
            write_atomic(journal, text[: text.rfind(b"\n") + 1].decode())
        backend = optuna.storages.journal.JournalFileBackend(str(journal), lock_obj=_Lock())
        storage = optuna.storages.JournalStorage(backend)
        self.study = optuna.create_study(storage=storage, study_name="precision", load_if_exists=True)
        self.first = self._first()
        for trial in self.study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
            self.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # of a search that was ended

    @property
    def results(self) -> list[tuple[dict[str, int], float, Counts]]:
        """(bits, cost, how many images it gets right) of each step that led to a design."""
        ended = self.study.get_trials(states=(self.optuna.trial.TrialState.COMPLETE,))
        return [(self._bits(trial.params), trial.value, Counts(**trial.user_attrs[COUNTED])) for trial in ended]

    @property
    def refused(self) -> int:
        return sum(REFUSED in trial.user_attrs for trial in self.study.trials)

    @property
    def count(self) -> int:
        """Steps so far."""
        return len(self.results) + self.refused

    def step(self, measure: Callable[[Mapping[str, int]], tuple[float, Counts]]) -> None:
        """Tries what Optuna says; what was tried before is not measured again."""
        count, few, samplers = self.count, len(self.first), self.optuna.samplers
        self.study.sampler = samplers.TPESampler(seed=count, n_startup_trials=few, multivariate=True)
        if count < few and not self.study.get_trials(states=(self.optuna.trial.TrialState.WAITING,)):
            self.study.enqueue_trial(self.first[count])
        trial = self.study.ask()
        bits = self._bits({name: trial.suggest_int(name, 0, len(self.widths) - 1) for name in self.tensors})
        before = next(((value, counts) for earlier, value, counts in self.results if earlier == bits), None)
        try:
            value, counts = before or measure(bits)
        except RefusedError as error:
            trial.set_user_attr(REFUSED, str(error))
            self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
            return
        trial.set_user_attr(COUNTED, asdict(counts))
        trial.set_constraint("accuracy", _lost(counts) - self.keep)
        self.study.tell(trial, value)

    def _first(self) -> list[dict[str, int]]:
        """What is tried before the sampler knows anything: each width by itself, then each tensor alone at the middle
        one, which tells what it loses and saves."""
        widest = len(self.widths) - 1
        alike = [dict.fromkeys(self.tensors, place) for place in range(widest, -1, -1)]
        return [*alike, *(alike[0] | {name: widest // 2} for name in self.tensors)]

    def _bits(self, places: Mapping[str, int]) -> dict[str, int]:
        return {name: self.widths[places[name]] for name in self.tensors}
