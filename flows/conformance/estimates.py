"""The level of every backend: options, refusals, arithmetic and estimates, with no tool installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from backends.protocol import Backend, Job, Note, Refusal, Unbuildable
from flows import runner
from flows.cli.options import add_options, options_of
from flows.cli.parser import Parser
from flows.conformance.checks import add_up, agree, judged
from flows.conformance.networks import TINY, job_on, odd_networks, quantised_job_on
from flows.core.errors import InputError, UsageError
from flows.core.evidence import RESOURCES, Reading, Tier
from flows.core.part import Target, devices, find_part
from flows.core.plan import PYTHON
from flows.core.record import Document, document_to_json
from flows.core.record_reader import document_from_json
from flows.identity import step_digests
from flows.jobs import Trained, find_trained, run_name
from flows.prepared import prepare
from models.integer_network import IntegerNetwork
from models.network import Network
from models.weights import Weights

STAGES = (Tier.HLS, Tier.SIMULATED, Tier.RTL_SIMULATED, Tier.SYNTHESISED, Tier.ROUTED, Tier.MEASURED)
"""What a model may predict."""
HEAVY = ("torch", "keras", "tensorflow", "hls4ml", "onnx", "onnxruntime", "brevitas", "qonnx", "matplotlib", "h5py")
"""Packages that belong into the steps of a plan."""
PURE = """
import json, os, sys
from pathlib import Path
from importlib import import_module
from flows.conformance.estimates import tiny_job

backend = import_module(sys.argv[1]).BACKEND
job = tiny_job(backend, Path(sys.argv[2]))
done = []

def heard(event, arguments):
    writes = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in ("subprocess.Popen", "os.mkdir", "os.remove", "os.rename", "os.chdir", "socket.connect"):
        done.append(f"{event} {arguments[0]}")

sys.addaudithook(heard)
backend.check(job)
design = backend.resolve(job)
for function in (backend.lower, backend.notes, backend.estimate, backend.plan):
    function(design)
print(json.dumps([done, sorted(sys.modules)]))
"""


def tiny_job(backend: Backend[Any, Any], folder: Path) -> Job[Any]:
    """A small residual network with the default options, quantised where the flow starts from such weights."""
    if backend.weights:
        return quantised_job_on(folder, backend.options())
    return job_on(TINY, folder, backend.options())


def subject(job: Job[Any]) -> tuple[Network, Weights]:
    """What its design computes, and on which weights."""
    if isinstance(job.integer, IntegerNetwork):
        return job.integer.quantised.network, job.integer.weights
    return job.network, job.weights


def refusals(backend: Backend[Any, Any], job: Job[Any]) -> Sequence[Refusal]:
    """Every reason why `job` cannot be done, by `check` or else by `resolve`."""
    if refused := backend.check(job):
        return refused
    try:
        backend.resolve(job)
    except Unbuildable as error:
        return error.refusals
    return ()


def parsed(backend: Backend[Any, Any], *argv: str) -> Any:
    """The options that a command line gives."""
    parser = Parser(prog=backend.name)
    add_options(parser, [backend])
    return options_of(backend, parser.parse_args(list(argv)))


def trained(job: Job[Any]) -> Trained:
    return Trained(job.network, job.weights, job.ranges, None, job.integer)


class EstimateSuite:
    """Subclass it in a test module, and name the backend."""

    backend: ClassVar[Backend[Any, Any]]
    module: ClassVar[str] = ""
    """The module that holds it, where that is not the one that its `check` is in."""

    @pytest.fixture
    def job(self, tmp_path: Path) -> Job[Any]:
        return tiny_job(self.backend, tmp_path)

    @pytest.fixture
    def design(self, job: Job[Any]) -> Any:
        assert not self.backend.check(job), "the default options are not refused"
        return self.backend.resolve(job)

    def shipped(self) -> tuple[Trained, Job[Any]]:
        """The shipped network, on the weights that this flow starts from."""
        network = find_trained("arch8", None, self.backend.weights)
        return network, network.job(Target(find_part("xc7z020")), self.backend.options())

    def test_options_are_frozen_and_each_has_a_help_and_a_legal_default(self, job: Job[Any]) -> None:
        assert self.backend.options.__dataclass_params__.frozen
        for field in fields(self.backend.options):
            assert len(field.metadata["help"]) > 10, field.name
            if not isinstance(field.default, bool):
                same = parsed(self.backend, f"--{field.name.replace('_', '-')}={field.default}")
                assert same == self.backend.options(), f"the default of {field.name} is not what its text gives"
        assert not refusals(self.backend, job)

    def test_nonsense_is_refused_with_the_name_of_its_option(self) -> None:
        for field in fields(self.backend.options):
            flag = field.name.replace("_", "-")
            with pytest.raises((UsageError, InputError), match=rf"(--|^){flag}\b.*\?!") as refused:
                parsed(self.backend, f"--{flag}=?!")
            assert refused.value.exit_code in (2, 3) and refused.value.next_step

    def test_equal_jobs_have_equal_names_designs_and_steps(self, job: Job[Any], tmp_path: Path) -> None:
        again = tiny_job(self.backend, tmp_path)
        assert again is not job and run_name(self.backend.name, again) == run_name(self.backend.name, job)
        assert self._outcome(again) == self._outcome(job)

    def _outcome(self, job: Job[Any]) -> tuple[object, ...]:
        """What a job comes to: its steps and what is predicted of it."""
        design = self.backend.resolve(job)
        return step_digests(self.backend.plan(design)), tuple(self.backend.estimate(design))

    def test_no_choice_is_idle(self, job: Job[Any]) -> None:
        """Another choice is another run, of other steps or with other numbers."""
        usual = self._outcome(job)
        for field in fields(self.backend.options):
            for value in field.metadata.get("choices", ()):
                if value == field.default:
                    continue
                other = replace(job, options=replace(job.options, **{field.name: value}))
                assert run_name(self.backend.name, other) != run_name(self.backend.name, job)
                if refused := refusals(self.backend, other):
                    assert f"--{field.name.replace('_', '-')}" in refused[0].culprit
                else:
                    assert self._outcome(other) != usual, (field.name, value)

    @pytest.mark.parametrize("network", list(odd_networks()), ids=lambda network: network.name)
    def test_what_is_not_refused_can_be_planned(self, network: Network, tmp_path: Path) -> None:
        job = job_on(network, tmp_path, self.backend.options())
        refused = refusals(self.backend, job)
        for refusal in refused:
            assert refusal.culprit and refusal.fact and refusal.nearest
        if not refused:
            design = self.backend.resolve(job)
            assert all(isinstance(note, Note) and note.text for note in self.backend.notes(design))
            self.readings(design)
            assert isinstance(step_digests(self.backend.plan(design)), dict)
            assert self.backend.lower(design).network == network

    def test_a_layer_that_no_backend_knows_is_refused_by_name(self, tmp_path: Path) -> None:
        unknown = next(odd_networks())
        first = refusals(self.backend, job_on(unknown, tmp_path, self.backend.options()))[0]
        assert "odd" in f"{first.culprit}: {first.fact}" and "sine" in first.fact

    def test_nothing_is_written_started_or_loaded_before_a_plan_runs(self, tmp_path: Path) -> None:
        module = self.module or self.backend.check.__module__.removesuffix(".check")
        command = [sys.executable, "-B", "-c", PURE, module, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        touched, modules = json.loads(done.stdout)
        assert touched == []
        assert set(HEAVY) & set(modules) == set()

    def test_the_arithmetic_is_of_this_network_and_these_weights(self, job: Job[Any], design: Any) -> None:
        quantised = self.backend.lower(design)
        network, weights = subject(job)
        assert (quantised.network, quantised.weights) == (network, weights.digest)
        assert quantised == self.backend.lower(self.backend.resolve(job))

    def test_steps_have_names_of_their_own_and_say_what_they_take(self, job: Job[Any]) -> None:
        plan = runner.full_plan(self.backend, prepare(self.backend, job), None, None)
        seen: set[str] = set()
        for step in plan.steps:
            assert step.name not in seen and set(step.needs) <= seen, "inputs come from earlier steps"
            assert step.about and step.argv[0] == step.tool and step.makes and step.limit_s > 0
            assert not any(Path(name).is_absolute() or ".." in Path(name).parts for name in (*step.files, *step.makes))
            if step.tool == PYTHON:
                assert step.sources, "the text of its worker is an input"
            seen.add(step.name)

    def readings(self, design: Any) -> tuple[Reading, ...]:
        """The estimate, each reading checked."""
        readings = tuple(self.backend.estimate(design))
        for reading in readings:
            assert reading.tier is Tier.MODELLED and reading.predicts in STAGES, reading
            assert reading.source and reading.on and reading.value >= 0, reading
            assert (reading.low is None) == (reading.high is None), reading
            if reading.low is not None and reading.high is not None:
                assert 0 <= reading.low <= reading.value <= reading.high, reading
            assert reading.value or reading.metric in RESOURCES, "nothing takes no time"
        twice = [
            key for key, count in Counter((row.metric, row.scope, row.stage) for row in readings).items() if count > 1
        ]
        assert not twice
        return readings

    @pytest.mark.parametrize("part", devices())
    def test_every_part_has_an_estimate_with_its_evidence(self, job: Job[Any], part: str) -> None:
        job = replace(job, target=Target(find_part(part), 8.0))
        readings = self.readings(self.backend.resolve(job))
        assert readings, "the default options are estimated"
        add_up(readings)
        agree(readings, 8.0)
        judged(readings, devices()[part])

    def test_the_shipped_network_has_an_estimate_with_its_evidence(self) -> None:
        network, job = self.shipped()
        readings = self.readings(self.backend.resolve(job))
        add_up(readings)
        agree(readings, job.target.clock_ns)
        judged(readings, job.target.part.device)
        estimated = [runner.estimated(self.backend, network, job, "a command") for _ in range(2)]
        assert estimated[0] == estimated[1]
        text = document_to_json(Document(runner.network_facts(network), tuple(estimated[:1])))
        assert document_to_json(document_from_json(text, "here")) == text

    def test_a_design_is_resolved_once(self, job: Job[Any]) -> None:
        calls: list[Job[Any]] = []

        def resolve(job: Job[Any]) -> Any:
            calls.append(job)
            return self.backend.resolve(job)

        counted = replace(self.backend, resolve=resolve)
        runner.full_plan(counted, prepare(counted, job), None, None)
        assert len(calls) == 1
