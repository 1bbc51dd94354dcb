"""A design review: what a project file asks for is built where it is missing, then reported and swept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows import designs, pools, sweeping
from flows.core.errors import FlowsError, SetupError
from flows.core.files import read_text
from flows.core.mixed import Search
from flows.designs import Outcome
from flows.executor import Executor
from flows.jobs import is_file
from flows.policies import margins_of
from flows.project import Project, policy_of, read_project
from flows.searching.search import opened as check
from flows.searching.search import search
from flows.store import Store
from flows.sweeping import Told
from reports.comparison import Absent, Comparison, compare
from reports.ledger import Account
from reports.pareto import Ranking, ranking

SWEEP, SEARCH = "sweep.html", "search.html"
"""Pages beside the report, which leads to them."""


@dataclass(frozen=True)
class Review:
    """The result of a review: the designs, their comparison where there are any, the sweep and the search where the
    project has them."""

    project: Project
    outcome: Outcome
    comparison: Comparison | None
    sweep: Ranking | None
    search: Search | None
    errors: tuple[FlowsError, ...]


def opened(place: Path, overrides: Mapping[str, Any]) -> Project:
    """The project in the file `place`, with the margins of its policy. `overrides` ("network", "boards", "clock",
    "data", "out") take precedence over the file. Raises `InputError`."""
    text = read_text(place, "`python -m flows init` writes one", f"project {place}")
    margins = margins_of(policy_of(text, place))
    files = {name: str(Path(overrides[name]).absolute()) for name in ("data", "out") if overrides.get(name)}
    if overrides.get("network") and is_file(overrides["network"]):
        files["network"] = str(Path(overrides["network"]).absolute())  # those of the file are relative to it
    return read_project(text, place, {**overrides, **files}, margins)


def review(
    project: Project, executor: Executor, store: Store, jobs: int, progress: Told, ledger: Sequence[Account] = ()
) -> Review:
    """Runs what the store does not have, `jobs` processes at a time; `progress` hears of the sweep and the search;
    `ledger` holds what is known of earlier designs."""
    source = project.source
    trained = designs.trained_network(source, lambda: executor)
    batch = designs.test_images([source], [trained], lambda: executor)
    points = sweeping.grid(project.sweep, project.axes) if project.sweep else ()
    if project.search and project.goal:  # what is wrong with it is said before hours of building
        with suppress(SetupError):
            check(project.search, trained, store, project.goal.widths)
    outcome = designs.built(project.designs, trained, batch, executor, store, jobs)
    absent = [Absent(failure.flow, failure.part, str(failure.error)) for failure in outcome.failures]
    comparison = compare([outcome.document], absent, ledger=ledger) if outcome.runs else None
    errors = list(outcome.errors)
    ranked = None
    if points:
        with pools.opened(None, jobs) as (pool, workers):
            swept = sweeping.sweep(points, trained, batch, store, executor, pool, workers, progress)
        errors += swept.errors
        ranked = ranking(swept.document) if swept.runs else None
    searched = None
    if project.search and project.goal:
        try:
            searched = search(project.search, project.goal, trained, store, executor, progress)
        except FlowsError as error:  # what was built and swept is reported all the same
            errors.append(error)
    pages = {"All designs of the sweep": SWEEP} if ranked else {}
    pages |= {"Bits of each layer": SEARCH} if searched else {}
    comparison = replace(comparison, pages=pages) if comparison else None
    return Review(project, outcome, comparison, ranked, searched, tuple(errors))


def write(reviewed: Review, writer: Callable[[Path, str], None]) -> None:
    """The report in every format, and the pages of the sweep and the search, into the folder that the project
    names."""
    from reports import mixed
    from reports.formats import FORMATS
    from reports.sweep_page import page

    if reviewed.comparison:
        for name, render in FORMATS.items():
            writer(reviewed.project.out / name, render(reviewed.comparison))
    if reviewed.sweep:
        writer(reviewed.project.out / SWEEP, page(reviewed.sweep))
    if reviewed.search:
        writer(reviewed.project.out / SEARCH, page(mixed.ranking(reviewed.search)))
