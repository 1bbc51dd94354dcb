"""The search for the cheapest bits of each tensor. Optuna proposes designs: there are too many to try all.

Every design has the same rate, and is estimated as in a sweep. Its arithmetic is evaluated once, on images to choose
by. Those are not the test images: only the chosen design is evaluated on these, at the end. Optuna's journal is kept in
the store, so that a search that was interrupted continues where it stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from backends.protocol import Precisions
from flows import designs, registry, runner, scores
from flows.core.digest import digest_of
from flows.core.errors import SetupError, UsageError
from flows.core.evidence import RESOURCES, Metric
from flows.core.mixed import Search, Tried
from flows.core.record import Run
from flows.designs import Request
from flows.executor import Executor
from flows.jobs import Trained
from flows.prepared import Prepared, prepare
from flows.results import Counts
from flows.scores import with_scores
from flows.searching.goal import Goal
from flows.searching.images import SearchImages, search_images
from flows.searching.journal import Journal, load_optuna
from flows.store import Store
from flows.stored_estimates import code_digest, estimate_path, read_estimate, write_estimate
from flows.sweeping import Told
from reports.design import Design, designs_of
from reports.pareto import OUT

NO_TARGET = "none"


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
        options = self.precisions.with_bits(self.request.options[flow], bits)
        asked = replace(self.request, options={flow: options})
        return replace(asked, command=designs.command("run", asked))

    def prepared(self, bits: Mapping[str, int]) -> tuple[Prepared, Run]:
        """Raises `RefusedError` where the flow does not build it."""
        point = self.point(bits)
        ((backend, started, job),) = designs.designs(point, self.trained)
        prepared = prepare(backend, job)
        run = runner.estimated_from(backend, started, prepared, point.command, point.images)
        if path := estimate_path(self.store, point, self.trained):
            write_estimate(path, self.trained, run)
        return prepared, run

    def run(self, bits: Mapping[str, int]) -> Run:
        point = self.point(bits)
        path = estimate_path(self.store, point, self.trained)
        return (read_estimate(path, point) if path else None) or self.prepared(bits)[1]


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
    load_optuna()
    store.prepare()
    return Designs(replace(request, flows=(backend.name,)), trained, backend.precisions, store, chosen)


def search(request: Request, goal: Goal, trained: Trained, store: Store, steps: Executor, progress: Told) -> Search:
    """The best design of the one flow on the one part of `request`. Errors in it are raised before any work."""
    asked = opened(request, trained, store, goal.widths)
    return search_designs(asked, goal, search_images(request.source, trained, goal.images, steps), steps, progress)


def search_designs(asked: Designs, goal: Goal, images: SearchImages, steps: Executor, progress: Told) -> Search:
    """Tries designs for `goal`. Where no rate is asked for, each is to be as fast as the widest. Raises `RefusedError`
    where the widest cannot be had.
    """
    optuna, widths, keep, trials = load_optuna(), asked.widths, goal.keep, goal.trials
    asked, first = _paced(asked, dict.fromkeys(asked.tensors, widths[-1]))
    cost = goal.cost or first.fit.binding or Metric.LUT
    key = [first.run.name, asked.tensors, widths, keep, cost.key, images.choosing.digest]
    name = digest_of([*key, code_digest(asked.request), optuna.__version__])
    file = asked.store.root / "searches" / f"{name}.journal"
    with asked.store.lock(name, None) as is_mine, asked.store.writing():
        if not is_mine:
            fact = "another process is at this very search"
            raise SetupError("flows search", fact, "wait for it, then give the command again: its results are kept")
        journal = Journal(optuna, file, asked.tensors, widths, keep)
        before = journal.count
        progress(before, trials, before)
        while journal.count < trials:
            journal.step(lambda bits: _measured(asked, bits, cost, images, steps))
            progress(journal.count, trials, before)
        results = journal.results
    n, tried = 0, {}
    for bits, value, counts in results[:trials]:
        n, of = counts.n, f"{images.about} ({counts.images[:6]})"
        run = with_scores(asked.run(bits), scores.scores(counts, asked.trained.network, of))
        tried[run.name] = Tried(bits, run, value, counts.lost)
    result = Search(
        runner.network_facts(asked.trained), keep, cost, _rate(asked.request), f"{n:,} {images.about}",
        tuple(tried.values()), journal.refused,
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
    """(the designs with a rate to reach, the widest of them)."""
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
    asked: Designs, bits: Mapping[str, int], cost: Metric, images: SearchImages, steps: Executor
) -> tuple[float, Counts]:
    prepared, run = asked.prepared(bits)
    (design,) = designs_of([run])
    reading = design.totals.get(cost) if cost in RESOURCES else None
    if reading is None:
        raise UsageError("--cost", f"how much {cost.key} a design takes is unknown", "name another resource")
    return reading.value, scores.counted(prepared, images.choosing, steps)


def _final(asked: Designs, result: Search, images: SearchImages, steps: Executor) -> Search:
    """With the accuracy of the best design on the test images."""
    enough = [point for point in result.tried if point.lost <= result.keep]
    if not enough:
        return result
    out = {design.run.name for design in designs_of([point.run for point in enough]) if design.fit.verdict in OUT}
    best = min(enough, key=lambda point: (point.run.name in out, point.cost, point.lost))
    prepared, run = asked.prepared(best.bits)
    counts = scores.counted(prepared, images.test, steps)
    final = with_scores(run, scores.scores(counts, asked.trained.network, images.about_test))
    test = f"{counts.n:,} {images.about_test}"
    return replace(result, best=best, final=final, test=test, float_accuracy=counts.float_right / counts.n)
