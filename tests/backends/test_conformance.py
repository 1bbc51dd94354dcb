"""What every backend promises (`backends.protocol`), held for each one that is registered, third parties' too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

import flows.core.record as record
from backends.protocol import Backend, Job
from flows import executor, registry, runner
from flows.cli.options import options_of
from flows.cli.parser import parse
from flows.core.errors import InputError, MismatchError, UsageError
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier, total
from flows.core.fit import MARGIN, Verdict, judge
from flows.core.part import Device, Target, devices, find_part
from flows.core.plan import PYTHON, Asset, Plan, Products, State, StepResult
from flows.core.record import Document, document_to_json
from flows.core.record_reader import document_from_json
from flows.executor import Executor, package_version, step_digest
from flows.jobs import Trained, find_trained, run_name
from flows.store import Store
from models.network import Network
from tests.backends.conformance import TINY, Rehearsal, ancestry, job_on, odd_networks
from tests.test_house import HEAVY, PROBE, WATCHED

ROOT = Path(__file__).resolve().parents[2]
FLOWS = registry.names()
SCHEMA = json.loads(Path(record.__file__).with_name("run.schema.json").read_text())
STAGES = (Tier.HLS, Tier.RTL_SIMULATED, Tier.SYNTHESISED, Tier.ROUTED, Tier.MEASURED)
"""What a model may foretell."""
EMPTY = ("no weights", "nothing but a relu", "nothing but a flatten", "nothing but a softmax")
TRACEBACKS = {
    "finn": ("overlapping pool", "softmax inside", "tensor added to itself", *EMPTY),
    "hls": ("no weights",),
}
"""Networks that are to be refused and are not yet; a line goes once they are."""


@pytest.fixture(params=FLOWS)
def backend(request: pytest.FixtureRequest) -> Backend:
    return registry.load(request.param)


@pytest.fixture
def job(backend: Backend, tmp_path: Path) -> Job:
    """A small residual network with the default options."""
    return job_on(TINY, tmp_path, backend.Options())


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PATH with nothing on it."""
    remembered = (executor._find, executor._tool_identity)
    monkeypatch.setenv("PATH", "")
    for cached in remembered:
        cached.cache_clear()
    yield
    for cached in remembered:
        cached.cache_clear()


def shipped(backend: Backend) -> Job:
    """The shipped network, on the weights that this flow starts from."""
    trained = find_trained("arch8", None, getattr(backend, "WEIGHTS", ""))
    return trained.job(Target(find_part("xc7z020")), backend.Options())


def trained(job: Job) -> Trained:
    return Trained(job.network, job.weights, job.ranges, None)


def given(backend: Backend, *argv: str) -> Any:
    """The options that a command line gives."""
    return options_of(backend, parse(["estimate", backend.NAME, *argv]))


def built(backend: Backend, job: Job) -> tuple[object, ...]:
    """What a job comes to: its steps and what is foretold of it."""
    return step_digests(backend.plan(job)), tuple(backend.estimate(job))


def step_digests(plan: Plan) -> dict[str, str]:
    digests: dict[str, str] = {}
    for step in plan.steps:
        digests[step.name] = step_digest(step, digests)
    return digests


def test_the_built_in_flows_are_found() -> None:
    assert {"hls4ml", "finn", "hls"} <= set(FLOWS), "install the checkout again: its entry points are older"


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_goes_by_its_registered_name_and_says_what_it_is(flow: str) -> None:
    (listing,) = (one for one in registry.listings() if one.name == flow)
    assert flow == registry.load(flow).NAME and listing.about and not listing.trouble


@pytest.mark.parametrize("flow", FLOWS)
def test_its_help_lists_its_options_and_loads_nothing_heavy(flow: str) -> None:
    command = [sys.executable, "-c", PROBE % WATCHED, "run", flow, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
    for field in fields(registry.load(flow).Options):
        assert f"--{field.name.replace('_', '-')}" in done.stdout


def test_options_are_frozen_and_each_has_a_help_and_a_legal_default(backend: Backend, job: Job) -> None:
    assert backend.Options.__dataclass_params__.frozen  # type: ignore[attr-defined]
    for field in fields(backend.Options):
        assert len(field.metadata["help"]) > 10, field.name
        if not isinstance(field.default, bool):
            same = given(backend, f"--{field.name.replace('_', '-')}={field.default}")
            assert same == backend.Options(), f"the default of {field.name} is not what its text gives"
    assert not backend.check(job)


def test_nonsense_is_refused_with_the_name_of_its_option(backend: Backend) -> None:
    for field in fields(backend.Options):
        flag = field.name.replace("_", "-")
        with pytest.raises((UsageError, InputError), match=rf"(--|^){flag}\b.*\?!") as refused:
            given(backend, f"--{flag}=?!")
        assert refused.value.exit_code in (2, 3) and refused.value.next_step


def test_equal_jobs_have_equal_names_and_steps(backend: Backend, job: Job, tmp_path: Path) -> None:
    again = job_on(TINY, tmp_path, backend.Options())
    assert again is not job and run_name(backend.NAME, again) == run_name(backend.NAME, job)
    assert step_digests(backend.plan(again)) == step_digests(backend.plan(job))


def choices(backend: Backend) -> Iterator[tuple[str, str]]:
    for field in fields(backend.Options):
        yield from ((field.name, one) for one in field.metadata.get("choices", ()) if one != field.default)


@pytest.mark.parametrize(
    ("flow", "option", "value"), [(flow, *one) for flow in FLOWS for one in choices(registry.load(flow))]
)
def test_no_choice_is_idle(flow: str, option: str, value: str, tmp_path: Path) -> None:
    """Another choice is another run, of other steps or with other numbers."""
    backend = registry.load(flow)
    default = job_on(TINY, tmp_path, backend.Options())
    job = replace(default, options=replace(default.options, **{option: value}))
    assert run_name(flow, job) != run_name(flow, default)
    if refusals := backend.check(job):
        assert f"--{option.replace('_', '-')}" in refusals[0].culprit
    else:
        assert built(backend, job) != built(backend, default)


@pytest.mark.parametrize("network", list(odd_networks()), ids=lambda network: network.name)
def test_what_is_not_refused_can_be_planned(
    backend: Backend, network: Network, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if network.name in TRACEBACKS.get(backend.NAME, ()):
        request.applymarker(pytest.mark.xfail(strict=True, reason="not refused, and then a traceback"))
    job = job_on(network, tmp_path, backend.Options())
    refusals = backend.check(job)
    for refusal in refusals:
        assert refusal.culprit and refusal.fact and refusal.nearest
    if not refusals:
        assert all(isinstance(text, str) for text in backend.notes(job))
        readings_checked(backend, job)
        assert step_digests(backend.plan(job))
        assert backend.lower(job).network == network


def test_a_layer_that_no_template_knows_is_refused_by_name(backend: Backend, tmp_path: Path) -> None:
    unknown = next(odd_networks())
    first = backend.check(job_on(unknown, tmp_path, backend.Options()))[0]
    assert "odd" in f"{first.culprit}: {first.fact}" and "sine" in first.fact


PURE = """
import json, os, sys
from pathlib import Path
from flows import registry
from tests.backends.conformance import TINY, job_on

backend = registry.load(sys.argv[1])
job = job_on(TINY, Path(sys.argv[2]), backend.Options())
done = []

def heard(event, arguments):
    writes = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in ("subprocess.Popen", "os.mkdir", "os.remove", "os.rename", "os.chdir", "socket.connect"):
        done.append(f"{event} {arguments[0]}")

sys.addaudithook(heard)
for name in ("check", "lower", "notes", "estimate", "plan"):
    getattr(backend, name)(job)
print(json.dumps([done, sorted(sys.modules)]))
"""


@pytest.mark.parametrize("flow", FLOWS)
def test_nothing_is_written_started_or_loaded_before_a_plan_runs(flow: str, tmp_path: Path) -> None:
    command = [sys.executable, "-B", "-c", PURE, flow, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    touched, modules = json.loads(done.stdout)
    assert touched == []
    assert HEAVY & set(modules) == set()


def test_the_arithmetic_is_of_this_network_and_these_weights(backend: Backend, job: Job) -> None:
    quantised = backend.lower(job)
    assert (quantised.network, quantised.weights) == (job.network, job.weights.digest)
    assert quantised == backend.lower(job)


def test_steps_have_names_of_their_own_and_say_what_they_take(backend: Backend, job: Job) -> None:
    plan = runner.full_plan(backend, runner.design(backend, job), None, None)
    seen: set[str] = set()
    for step in plan.steps:
        assert step.name not in seen and set(step.needs) <= seen, "inputs come from earlier steps"
        assert step.about and step.argv[0] == step.tool and step.makes and step.limit_s > 0
        assert not any(Path(name).is_absolute() or ".." in Path(name).parts for name in (*step.files, *step.makes))
        assert not any(str(ROOT) in word for word in step.argv), "what a step is named by must not depend on the place"
        if step.tool == PYTHON:
            assert step.sources, "the text of its worker is an input"
        seen.add(step.name)


def test_the_artefact_comes_from_the_trained_weights(backend: Backend, job: Job) -> None:
    plan = backend.plan(job)
    assert plan.artefact and plan.against and plan.vectors >= 16
    assets = [
        item for step in ancestry(plan, plan.artefact.step) for item in step.files.values() if isinstance(item, Asset)
    ]
    assert {item.digest for item in assets} == {job.weights.digest}


def test_steps_whose_tool_is_absent_are_skipped_and_say_which(
    backend: Backend, job: Job, tmp_path: Path, no_tools: None
) -> None:
    plan = backend.plan(job)
    results = Rehearsal(Store(tmp_path / "store")).execute(plan).results
    for step in plan.steps:
        absent = {one.tool for one in ancestry(plan, step.name)} - {PYTHON}
        assert (results[step.name].state is State.SKIPPED) == bool(absent)
        assert not absent or any(f"{tool} is not on PATH" in results[step.name].reason for tool in absent)


def test_nothing_is_read_where_everything_was_skipped(backend: Backend, job: Job) -> None:
    skipped = {step.name: StepResult(step.name, State.SKIPPED, None, 0, {}, "") for step in backend.plan(job).steps}
    assert list(backend.read(job, Products(skipped))) == []


def verified(backend: Backend, job: Job, folder: Path, last: int) -> Document:
    """A run in which the artefact's rows are zeros, but for the `last` one, and those of the reference are zeros."""
    plan = backend.plan(job)
    assert plan.artefact
    rows = [[0]] * (plan.vectors - 1)
    texts = {plan.artefact.step: json.dumps([*rows, [last]]), "reference": json.dumps({"codes": [*rows, [0]]})}
    acting = [step.name for step in ancestry(plan, plan.artefact.step)]
    store = Store(folder / "store")
    nothing = {"read": lambda job, products: (), "observations": lambda job, products: ()}
    readless = SimpleNamespace(**vars(backend) | nothing)
    return runner.run(readless, trained(job), job, None, Rehearsal(store, acting, texts), store, "a command")


def test_one_wrong_integer_fails_the_run(backend: Backend, job: Job, tmp_path: Path, no_tools: None) -> None:
    with pytest.raises(MismatchError, match=f"{backend.NAME} on xc7z020.*1 of [0-9]+ vectors differ") as wrong:
        verified(backend, job, tmp_path, last=1)
    assert wrong.value.exit_code == 7 and not Store(tmp_path / "store").names(), "a wrong design leaves no record"


def test_a_run_is_recorded_as_it_was_and_twice_alike(
    backend: Backend, job: Job, tmp_path: Path, no_tools: None
) -> None:
    found = [verified(backend, job, tmp_path / place, last=0) for place in ("here", "there")]
    run = found[0].runs[0]
    text = (tmp_path / "here" / "store" / "runs" / f"{run.name}.json").read_text()
    jsonschema.validate(json.loads(text), SCHEMA)
    assert document_to_json(document_from_json(text, "here")) == text
    assert found[0].network.architecture == job.network.digest and run.weights.digest == job.weights.digest
    assert run.verification and run.verification.equal == run.verification.vectors
    assert timeless(found[0]) == timeless(found[1])


def timeless(document: Document) -> Document:
    """Without what differs between two equal runs: seconds and folders."""
    (run,) = document.runs
    steps = tuple(replace(step, seconds=0.0, folder=None) for step in run.steps)
    return replace(document, runs=(replace(run, steps=steps),))


def readings_checked(backend: Backend, job: Job) -> tuple[Reading, ...]:
    found = tuple(backend.estimate(job))
    for reading in found:
        assert reading.tier is Tier.MODELLED and reading.predicts in STAGES, reading
        assert reading.source and reading.on and reading.value >= 0, reading
        assert (reading.low is None) == (reading.high is None), reading
        if reading.low is not None and reading.high is not None:
            assert 0 <= reading.low <= reading.value <= reading.high, reading
        assert reading.value or reading.metric in RESOURCES, "nothing takes no time"
    twice = [key for key, count in Counter((one.metric, one.scope) for one in found).items() if count > 1]
    assert not twice
    return found


def add_up(found: tuple[Reading, ...]) -> None:
    """Totals are the sum of their parts, each rounded; what lacks a part is a lower bound."""
    scopes = {one.scope for one in found if one.metric in RESOURCES} - {TOTAL}
    for metric in RESOURCES:
        whole = total(found, metric)
        parts = [one for one in found if one.metric is metric and one.scope != TOTAL]
        if whole and parts:
            assert abs(whole.value - sum(one.value for one in parts)) <= 0.5 * (len(parts) + 1), metric
            assert whole.at_least == (any(one.at_least for one in parts) or len(parts) < len(scopes)), metric


def agree(found: tuple[Reading, ...], clock_ns: float) -> None:
    """Times are the cycles at the clock that was asked for; no stage is slower than the whole."""
    known = {one.metric: one.value for one in found if one.scope == TOTAL}
    interval, latency = known.get(Metric.INTERVAL_CYCLES), known.get(Metric.LATENCY_CYCLES)
    if interval and Metric.THROUGHPUT_FPS in known:
        assert known[Metric.THROUGHPUT_FPS] == pytest.approx(1e9 / (interval * clock_ns))
    if latency and Metric.LATENCY_US in known:
        assert known[Metric.LATENCY_US] == pytest.approx(latency * clock_ns / 1e3)
    stages = [one.value for one in found if one.metric is Metric.INTERVAL_CYCLES and one.scope != TOTAL]
    assert interval is None or interval >= max(stages, default=0)


def judged(found: tuple[Reading, ...], device: Device) -> None:
    """A part that the upper bounds fill up to the margin is fitted, and one with a unit less is not."""
    upper = {metric: one.high or one.value for metric in RESOURCES if (one := total(found, metric))}
    if len(upper) < len(RESOURCES) or any(one.at_least for one in found if one.scope == TOTAL):
        assert judge(found, device).verdict is not Verdict.FITS, "something is not known"
        return
    filled = {metric.key: max(1, ceil(value / (1 - MARGIN))) for metric, value in upper.items()}
    assert judge(found, replace(device, **filled)).verdict is Verdict.FITS
    smaller = filled | {"lut": filled["lut"] - 1}
    assert judge(found, replace(device, **smaller)).verdict is not Verdict.FITS


@pytest.mark.parametrize("part", devices())
def test_every_part_has_an_estimate_with_its_pedigree(backend: Backend, job: Job, part: str) -> None:
    job = replace(job, target=Target(find_part(part), 8.0))
    found = readings_checked(backend, job)
    assert found, "the default options are estimated"
    add_up(found)
    agree(found, 8.0)
    judged(found, devices()[part])


def test_the_shipped_network_has_an_estimate_with_its_pedigree(backend: Backend) -> None:
    job = shipped(backend)
    found = readings_checked(backend, job)
    add_up(found)
    agree(found, job.target.clock_ns)
    judged(found, job.target.part.device)
    estimated = [runner.estimated(backend, trained(job), job, "a command") for _ in range(2)]
    assert estimated[0] == estimated[1]
    text = document_to_json(Document(runner.network_facts(trained(job)), tuple(estimated[:1])))
    jsonschema.validate(json.loads(text), SCHEMA)
    assert document_to_json(document_from_json(text, "here")) == text


@pytest.mark.slow
def test_what_is_built_is_the_network(backend: Backend, job: Job, tmp_path: Path) -> None:
    plan = backend.plan(job)
    assert plan.artefact
    for step in ancestry(plan, plan.artefact.step):
        absent = [one for one in step.packages if package_version(one) == "absent"]
        if absent or not (step.tool == PYTHON or shutil.which(step.tool)):
            pytest.skip(f"step {step.name} needs {', '.join(absent) or step.tool}")
    store = Store(tmp_path / "store")
    alone = Executor(store, 2, lambda event, step, text: None)
    (run,) = runner.run(backend, trained(job), job, None, alone, store, "a command").runs
    assert run.verification and run.verification.equal == run.verification.vectors >= 16
    assert run.quantised == backend.lower(job).digest
