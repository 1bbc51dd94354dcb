"""The level of backends that build something: steps, their artefact, and its proof against the exact reference."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.protocol import Job
from flows import identity, runner
from flows.conformance.estimates import EstimateSuite, subject, trained
from flows.conformance.rehearsal import Rehearsal, ancestry
from flows.core.errors import MismatchError
from flows.core.plan import PYTHON, Asset, Products, State, StepResult
from flows.core.record import Document, document_to_json
from flows.core.record_reader import document_from_json
from flows.executor import Executor
from flows.packages import package_version
from flows.store import Store
from models.integer_network import IntegerNetwork


class BuildSuite(EstimateSuite):
    """Beside what `EstimateSuite` asks."""

    @pytest.fixture
    def no_tools(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """A PATH with nothing on it."""
        remembered = (identity.find_tool, identity.tool_identity)
        monkeypatch.setenv("PATH", "")
        for cached in remembered:
            cached.cache_clear()
        yield
        for cached in remembered:
            cached.cache_clear()

    def test_the_artefact_comes_from_the_trained_weights(self, job: Job[Any], design: Any) -> None:
        plan = self.backend.plan(design)
        assert plan.artefact and plan.against and plan.vectors >= 16
        files = [item for step in ancestry(plan, plan.artefact.step) for item in step.files.values()]
        graph = {job.integer.graph.digest} if isinstance(job.integer, IntegerNetwork) else set()
        assert {item.digest for item in files if isinstance(item, Asset)} == {subject(job)[1].digest} | graph

    def test_steps_whose_tool_is_absent_are_skipped_and_say_which(
        self, design: Any, tmp_path: Path, no_tools: None
    ) -> None:
        plan = self.backend.plan(design)
        results = Rehearsal(Store(tmp_path / "store")).execute(plan).results
        for step in plan.steps:
            absent = {needed.tool for needed in ancestry(plan, step.name)} - {PYTHON}
            assert (results[step.name].state is State.SKIPPED) == bool(absent)
            assert not absent or any(f"{tool} is not on PATH" in results[step.name].reason for tool in absent)

    def test_nothing_is_read_where_everything_was_skipped(self, design: Any) -> None:
        steps = self.backend.plan(design).steps
        skipped = {step.name: StepResult(step.name, State.SKIPPED, None, 0, {}, "") for step in steps}
        assert list(self.backend.read(design, Products(skipped))) == []

    def verified(self, job: Job[Any], folder: Path, last: int) -> Document:
        """A run in which all rows of artefact and reference are zeros, but for the artefact's `last`."""
        plan = self.backend.plan(self.backend.resolve(job))
        assert plan.artefact
        rows = [[0]] * (plan.vectors - 1)
        texts = {plan.artefact.step: json.dumps([*rows, [last]]), "reference": json.dumps({"codes": [*rows, [0]]})}
        acting = [step.name for step in ancestry(plan, plan.artefact.step)]
        store = Store(folder / "store")
        mute = replace(self.backend, read=lambda design, products: (), observations=lambda design, products: ())
        return runner.run(mute, trained(job), job, None, Rehearsal(store, acting, texts), store, "a command")

    def test_one_wrong_integer_fails_the_run(self, job: Job[Any], tmp_path: Path, no_tools: None) -> None:
        with pytest.raises(MismatchError, match=f"{self.backend.name} on xc7z020.*1 of [0-9]+ vectors differ") as wrong:
            self.verified(job, tmp_path, last=1)
        assert wrong.value.exit_code == 7 and not Store(tmp_path / "store").names(), "a wrong design leaves no record"

    def test_a_run_is_recorded_as_it_was_and_twice_alike(self, job: Job[Any], tmp_path: Path, no_tools: None) -> None:
        documents = [self.verified(job, tmp_path / place, last=0) for place in ("here", "there")]
        run = documents[0].runs[0]
        text = (tmp_path / "here" / "store" / "runs" / f"{run.name}.json").read_text()
        assert document_to_json(document_from_json(text, "here")) == text
        assert documents[0].network.architecture == job.network.digest and run.weights.digest == job.weights.digest
        assert run.verification and run.verification.equal == run.verification.vectors
        assert _timeless(documents[0]) == _timeless(documents[1])

    @pytest.mark.slow
    def test_what_is_built_is_the_network(self, job: Job[Any], design: Any, tmp_path: Path) -> None:
        plan = self.backend.plan(design)
        assert plan.artefact
        for step in ancestry(plan, plan.artefact.step):
            absent = [package for package in step.packages if package_version(package) == "absent"]
            if absent or not (step.tool == PYTHON or shutil.which(step.tool)):
                pytest.skip(f"step {step.name} needs {', '.join(absent) or step.tool}")
        store = Store(tmp_path / "store")
        quiet = Executor(store, 2, lambda event, step, text: None)
        (run,) = runner.run(self.backend, trained(job), job, None, quiet, store, "a command").runs
        assert run.verification and run.verification.equal == run.verification.vectors >= 16
        assert run.quantised == self.backend.lower(design).digest


def _timeless(document: Document) -> Document:
    """Without what differs between two equal runs: seconds and folders."""
    (run,) = document.runs
    steps = tuple(replace(step, seconds=0.0, folder=None) for step in run.steps)
    return replace(document, runs=(replace(run, steps=steps),))
