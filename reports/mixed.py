"""A search for a mixed precision: the front in cost and accuracy, the best, and what was chosen by what. Pure."""

from __future__ import annotations

import json
from typing import Any

from flows.core.evidence import Metric
from flows.core.mixed import Search, Tried
from flows.core.record import Document, document_to_json
from flows.core.text import printable
from reports import pareto
from reports.design import Design, designs_of
from reports.words import interval, label, number, why

SCHEMA = "zynqflows-search/1"


def document(search: Search) -> Document:
    """Every design that was tried, with its accuracy on the images to choose by."""
    return Document(search.network, tuple(tried.run for tried in search.tried))


def front(search: Search) -> list[tuple[Tried, Design]]:
    """Designs that no other design beats in cost and accuracy, the cheapest first, of equal ones the first; one that is
    over its part only where every other one is, too."""
    designs = designs_of([tried.run for tried in search.tried])
    pairs = sorted(zip(search.tried, designs, strict=True), key=lambda pair: (pair[0].cost, pair[0].lost))
    buildable = [pair for pair in pairs if pair[1].fit.verdict not in pareto.OUT]
    chosen: list[tuple[Tried, Design]] = []
    for pair in buildable or pairs:
        if not chosen or pair[0].lost < chosen[-1][0].lost:
            chosen.append(pair)
    return chosen


def ranking(search: Search) -> pareto.Ranking:
    """As that of a sweep, in cost and accuracy, with `summary` beside it."""
    return pareto.ranking(document(search), (search.cost, Metric.ACCURACY), tuple(summary(search)))


def summary(search: Search) -> list[str]:
    """By what was chosen, the best and what builds it: a sentence each."""
    sentences = [f"lost: points of accuracy against the float network, on {search.images}"]
    if search.best is None or search.final is None:
        return [
            *sentences,
            f"none of them loses {points(search.keep)} points or less: give more bits, or --keep-accuracy",
        ]
    (design,) = designs_of([search.final])
    widest = search.tried[0].cost
    saved = f"{number(search.cost, search.best.cost)} {label(search.cost)}, {number(search.cost, widest)} at the widest"
    fit = f"{design.fit.verdict.value}{why(design.fit)}"
    sentences.append(f"best: {saved}; {fit}; the cheapest of those tried, and another one may be cheaper")
    if design.accuracy:
        known = f"{number(Metric.ACCURACY, design.accuracy.value)} ({interval(design.accuracy)})"
        sentences.append(
            f"on {search.test}, by which nothing was chosen: {known}, and the float network "
            f"{number(Metric.ACCURACY, search.float_accuracy)}"
        )
    return [*sentences, f"to build it: {printable(search.final.command)}"]


def points(share: float) -> str:
    """A share of 1 in points of 100."""
    return f"{100 * share:.2f}"


def report(search: Search) -> str:
    """As JSON: what was asked, the best with its accuracy on the test images, what was tried, and the document of it,
    which every reader of runs takes."""
    content = {
        "schema": SCHEMA,
        "keep": search.keep,
        "cost": search.cost.key,
        "rate_fps": search.rate,
        "images": search.images,
        "refused": search.refused,
        "best": _best(search),
        "tried": [_tried(tried) for tried in search.tried],
        "document": json.loads(document_to_json(document(search))),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _tried(tried: Tried) -> dict[str, Any]:
    return {"run": tried.run.name, "bits": dict(tried.bits), "cost": tried.cost, "lost": tried.lost}


def _best(search: Search) -> dict[str, Any] | None:
    if search.best is None or search.final is None:
        return None
    (design,) = designs_of([search.final])
    accuracy = design.accuracy
    return {
        **_tried(search.best),
        "test_images": search.test,
        "accuracy": accuracy.value if accuracy else None,
        "accuracy_ends": list(accuracy.ends) if accuracy else None,
        "float_accuracy": search.float_accuracy,
        "command": search.final.command,
    }
