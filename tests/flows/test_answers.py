"""What a backend says of a design is kept in the store, and a stored answer never changes a result."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.hls4ml.options import NotTaken
from backends.protocol import Backend, Job
from flows import answers, registry
from flows.answers import ANSWER, Resolved, design_step, readings_step
from flows.conformance.estimates import tiny_job
from flows.conformance.networks import TINY, job_on
from flows.core.digest import digest_of
from flows.core.margins import Margins
from flows.core.part import Target, find_part
from flows.core.plan import PYTHON, Products, State, Step, StepResult
from flows.executor import Executor
from flows.identity import step_digest
from flows.manifest import MANIFEST, read_manifest, survey
from flows.prepared import Prepared, prepare
from flows.store import Store

FLOWS = ("finn", "hls", "hls4ml")


class Case:
    """One job, a store, and what `prepare` says with it; `searches` counts the designs that were searched for."""

    def __init__(self, flow: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.backend: Backend[Any, Any] = registry.load(flow)
        self.job = tiny_job(self.backend, folder)
        self.heard: list[tuple[str, str]] = []
        self.executor = Executor(Store(folder / "store"), 1, lambda event, step, text: self.heard.append((event, text)))
        self.searches = 0
        search = vars(Resolved)["design"].func

        def counted(resolved: Resolved) -> Any:
            self.searches += 1
            return search(resolved)

        patch.setattr(Resolved, "design", property(counted))

    def prepare(self) -> tuple[Any, ...]:
        return facts_of(prepare(self.backend, self.job, (), self.executor))

    @property
    def place(self) -> Path:
        (folder,) = (self.executor._store.root / "steps").iterdir()
        return folder


def facts_of(of: Prepared) -> tuple[Any, ...]:
    return of.quantised, of.readings, of.notes, of.plan


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Case]:
    return lambda flow: Case(flow, tmp_path, monkeypatch)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_stored_answer_is_equal_and_nothing_is_searched_for(flow: str, case: Callable[[str], Case]) -> None:
    here = case(flow)
    first = here.prepare()
    searched = here.searches
    assert here.prepare() == first
    assert here.searches == searched > 0
    plain = prepare(here.backend, here.job)
    assert facts_of(replace(plain, plan=here.backend.plan(plain.resolved.design))) == first


def test_a_changed_answer_is_built_again(case: Callable[[str], Case]) -> None:
    here = case("hls4ml")
    first = here.prepare()
    file = here.place / ANSWER
    content = json.loads(file.read_text())
    content["readings"][0]["value"] += 1
    file.write_text(json.dumps(content))
    assert here.prepare() == first
    assert here.heard == [("made again", f"since in the store {ANSWER} has changed")]
    assert json.loads(file.read_text())["readings"][0]["value"] == first[1][0].value


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"readings": 3}', '{"readings": [{}], "notes": []}'])
def test_what_is_no_answer_is_not_used_even_where_it_is_sealed(text: str, case: Callable[[str], Case]) -> None:
    here = case("hls4ml")
    first = here.prepare()
    manifest = read_manifest(here.place)
    (here.place / ANSWER).write_text(text)
    step = Step(manifest.step, "", "", manifest.argv)
    sealed = replace(survey(here.place, step, {}, manifest.versions, 0.0), result=here.place.name)
    (here.place / MANIFEST).write_text(sealed.text)
    assert here.prepare() == first
    assert here.heard == []


@pytest.mark.parametrize("flow", FLOWS)
def test_whatever_a_job_says_names_the_answer(flow: str, tmp_path: Path) -> None:
    backend = registry.load(flow)
    job = job_on(TINY, tmp_path, backend.options())
    (elsewhere := tmp_path / "elsewhere").mkdir()
    part = find_part("xc7z010")
    reach = {name: (low, high * 1.0001) for name, (low, high) in job.ranges.reach.items()}
    others = [
        replace(job, target=Target(part)),
        replace(job, target=replace(job.target, clock_ns=9.9)),
        replace(job, target=replace(job.target, margins=Margins(0.1, 0.1, 0.1, 0.1))),
        replace(job, ranges=replace(job.ranges, reach=reach)),
        replace(job, network=replace(job.network, name="other")),
        replace(job, weights=job_on(TINY, elsewhere, job.options).weights),
        replace(job, options=replace(job.options, target_fps="20")),
    ]
    if flow == "hls4ml":
        lefts = [NotTaken.of({"Strategy": strategy}) for strategy in ("Latency", "Resource")]
        others += [replace(job, options=replace(job.options, config=left)) for left in lefts]
        others.append(replace(job, options=replace(job.options, io_type=str(job.options.io_type))))
    assert len({key(backend, each) for each in (job, *others)}) == len(others) + 1
    assert key(backend, job) == key(backend, job_on(TINY, tmp_path, backend.options()))


def key(backend: Backend[Any, Any], job: Job[Any]) -> str:
    return step_digest(design_step(Resolved(backend, job)), {})


def test_a_changed_table_names_another_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    backend = registry.load("hls")
    job = job_on(TINY, tmp_path, backend.options())
    before = key(backend, job)
    monkeypatch.setattr(answers, "source_digest", lambda package, suffixes: digest_of(["other", package]))
    assert key(backend, job) != before


def test_a_backend_that_is_not_ours_is_asked_each_time(case: Callable[[str], Case]) -> None:
    here = case("hls")
    here.backend = replace(here.backend, about="a copy, which may depend on anything")
    here.prepare()
    searched = here.searches
    here.prepare()
    assert here.searches == 2 * searched
    assert not list((here.executor._store.root / "steps").iterdir())


def test_what_a_step_left_names_what_is_read_from_it(tmp_path: Path) -> None:
    backend = registry.load("hls")
    of = Resolved(backend, job_on(TINY, tmp_path, backend.options()))
    keys = set()
    for text in ("a report", "another"):
        (tmp_path / MANIFEST).write_text(text)
        result = StepResult("csynth", State.KEPT, tmp_path, 0.0, {PYTHON: ""})
        keys.add(step_digest(readings_step(of, Products({"csynth": result})), {}))
    for reason in ("vitis_hls is not on PATH", "its source was skipped"):
        result = StepResult("csynth", State.SKIPPED, None, 0.0, {}, reason)
        keys.add(step_digest(readings_step(of, Products({"csynth": result})), {}))
    assert len(keys) == 4
