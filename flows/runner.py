"""The run loop: one job through one backend. It owns accuracy, agreement and the proof; a backend owns none of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import cast

from backends.cost import synthesis
from backends.protocol import Backend, Job, Observer, ReportComparer, ReportReader
from flows.core.errors import FlowsError, MismatchError, RefusedError, UsageError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.plan import Asset, Output, Plan, Products, Step
from flows.core.record import Document, NetworkFacts, Run, StepFacts, Verification, WeightsFacts, document_to_json
from flows.executor import Executor
from flows.jobs import Trained, run_name
from flows.store import Store
from models import reference
from models.card import Card, Score, record
from models.proportion import wilson
from models.quantised import QuantisedNetwork
from models.reference import accuracy_step, reference_step

REFERENCE = Output("reference", reference.REFERENCE)
ACCURACY = Output("accuracy", reference.ACCURACY)
WARNING = "warning: "
MUCH = 0.005
"""Accuracy that a design may lose against single precision with no word about it."""
ON_YOUR_WORD = (
    WARNING + "that {} is a report of this very design is your word: the top, part and clock that it names "
    "were checked, and no report says with what weights and options it was built"
)


@dataclass(frozen=True)
class Design:
    """What is known of a job before anything runs; `imported` are readings of vendor reports made elsewhere."""

    job: Job
    quantised: QuantisedNetwork
    readings: tuple[Reading, ...]
    remarks: tuple[str, ...]
    imported: tuple[Reading, ...] = ()


def design(backend: Backend, job: Job, reports: Sequence[Path] = ()) -> Design:
    """Checks and lowers; raises `RefusedError` with every reason why the backend cannot do this job, and `InputError`
    for a report that cannot be this job's."""
    if refusals := backend.check(job):
        first, *others = refusals
        facts = [first.fact, *(f"{one.culprit}: {one.fact} (nearest: {one.nearest})" for one in others)]
        raise RefusedError(f"{backend.NAME}, {first.culprit}", "; ".join(facts), f"nearest that works: {first.nearest}")
    imported = [reading for path in reports for reading in _reader(backend).read_report(job, path)]
    remarks = [*backend.notes(job), *(remark for path in reports for remark in _compared(backend, job, path))]
    return Design(job, backend.lower(job), tuple(backend.estimate(job)), tuple(remarks), tuple(imported))


def _reader(backend: Backend) -> ReportReader:
    if not hasattr(backend, "read_report"):
        raise UsageError("--report", f"{backend.NAME} reads no vendor reports", "leave it out")
    return cast(ReportReader, backend)


def _compared(backend: Backend, job: Job, report: Path) -> Sequence[str]:
    """What of a report was compared with the job; a backend that does not say it has checked what the protocol asks."""
    if hasattr(backend, "compared"):
        return cast(ReportComparer, backend).compared(job, report)
    return (ON_YOUR_WORD.format(report.name),)


def full_plan(backend: Backend, made: Design, batch: Asset | None) -> Plan:
    """The backend's plan, with the exact reference and, where test images are given, the accuracy."""
    plan, weights = backend.plan(made.job), weights_asset(made.job)
    steps = [*plan.steps, reference_step(REFERENCE.step, made.quantised, weights, plan.vectors)]
    if batch:
        steps.append(accuracy_step(ACCURACY.step, made.quantised, weights, batch))
    return replace(plan, steps=tuple(steps))


def weights_asset(job: Job) -> Asset:
    return Asset(job.weights.path, job.weights.digest)


def run(
    backend: Backend,
    trained: Trained,
    job: Job,
    batch: Asset | None,
    executor: Executor,
    store: Store,
    command: str,
    reports: Sequence[Path] = (),
) -> Document:
    """Runs `job`, compares what was built with the reference, and records the run; `reports` were made elsewhere.

    Raises `MismatchError` where they differ: a wrong design has no readings.
    """
    made = design(backend, job, reports)
    plan = full_plan(backend, made, batch)
    products = executor.execute(plan)
    verification = _verify(backend.NAME, job, plan, products)
    readings = [*made.readings, *backend.read(job, products), *made.imported]
    if hasattr(backend, "observations"):
        seen = cast(Observer, backend).observations(job, products)
        made = replace(made, remarks=(*made.remarks, *seen))
    name = run_name(backend.NAME, job)
    if batch:
        readings += _evaluated(products, trained.network.name)
        made = replace(made, remarks=(*made.remarks, *_lost(products, backend.NAME)))
    else:
        readings += _known(store, name, made.quantised) or _recorded(trained.card, made.quantised)
    steps = tuple(_step_facts(products, step) for step in plan.steps)
    found = _run(backend, made, readings, verification, steps, command)
    document = Document(network_facts(trained), (found,))
    store.save(name, document_to_json(document))
    return document


def estimated(backend: Backend, trained: Trained, job: Job, command: str, reports: Sequence[Path] = ()) -> Run:
    """What can be said of `job` with no tool: nothing runs and nothing is recorded."""
    made = design(backend, job, reports)
    readings = [*made.readings, *made.imported, *_recorded(trained.card, made.quantised)]
    return _run(backend, made, readings, None, (), command)


def _run(
    backend: Backend,
    made: Design,
    readings: Sequence[Reading],
    verification: Verification | None,
    steps: tuple[StepFacts, ...],
    command: str,
) -> Run:
    job, flow = made.job, backend.NAME
    ratios: synthesis.Ratios = getattr(backend, "OVERSTATED", synthesis.NETWORKS)
    warnings = [text.removeprefix(WARNING) for text in made.remarks if text.startswith(WARNING)]
    if verification is None or verification.equal is None:
        warnings.append("not verified: nothing of this design was simulated")
    return Run(
        name=run_name(flow, job),
        flow=flow,
        part=job.target.part.full_name,
        device=job.target.part.device.name,
        clock_ns=job.target.clock_ns,
        options={field.name: str(getattr(job.options, field.name)) for field in fields(job.options)},
        weights=WeightsFacts(job.weights.digest, job.weights.derived_from),
        quantised=made.quantised.digest,
        readings=ordered(synthesis.with_routed(readings, ratios)),
        verification=verification,
        steps=steps,
        notes=tuple(text for text in made.remarks if not text.startswith(WARNING)),
        warnings=tuple(warnings),
        command=command,
        weight_bits=_weight_bits(made.quantised),
    )


def _weight_bits(quantised: QuantisedNetwork) -> tuple[int, ...]:
    return tuple(sorted(set(quantised.weight_bits.values()), reverse=True))


def network_facts(trained: Trained) -> NetworkFacts:
    network = trained.network
    return NetworkFacts(network.name, network.parameters, network.macs, network.digest)


def ordered(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """Totals first, otherwise as they came."""
    return tuple(sorted(readings, key=lambda one: one.scope != "total"))


def _step_facts(products: Products, step: Step) -> StepFacts:
    result = products.results[step.name]
    folder = str(result.folder) if result.folder else None
    return StepFacts(step.name, result.state.value, result.seconds, result.versions, result.reason, folder)


def _verify(flow: str, job: Job, plan: Plan, products: Products) -> Verification | None:
    """Equal integers, design against reference, for every vector; None where the backend has nothing to run."""
    if plan.artefact is None:
        return None
    path, expected = products.path(plan.artefact), products.path(REFERENCE)
    if path is None or expected is None:
        return Verification(plan.vectors, None, plan.against)
    built, meant = json.loads(path.read_text()), json.loads(expected.read_text())["codes"]
    design, advice = f"{flow} on {job.target.part.full_name}", f"look into {path.parent}, and do not build this design"
    if len(built) != len(meant):
        raise MismatchError(design, f"{len(built)} results came back for {len(meant)} vectors", advice)
    unequal = [index for index, (ours, theirs) in enumerate(zip(meant, built, strict=True)) if ours != theirs]
    if unequal:
        first = unequal[0]
        fact = (
            f"{len(unequal)} of {len(meant)} vectors differ from the exact reference; "
            f"at vector {first} it gives {built[first]}, the reference {meant[first]}"
        )
        raise MismatchError(design, fact, advice)
    return Verification(len(meant), len(meant), plan.against)


def _evaluated(products: Products, network: str) -> list[Reading]:
    path = products.path(ACCURACY)
    if path is None:
        return []
    found = json.loads(path.read_text())
    score = Score(found["right"], found["n"], found["agree"])
    exact = "exact reference of this arithmetic"
    on = f"{score.n:,} CIFAR-10 test images"
    return _scores(score, Tier.EVALUATED, on, exact, f"{exact}, same class as float {network}")


def _lost(products: Products, flow: str) -> list[str]:
    """Who to ask where accuracy went, if much did."""
    path = products.path(ACCURACY)
    found = json.loads(path.read_text()) if path else {"n": 1, "right": 0, "float_right": 0}
    lost = (found["float_right"] - found["right"]) / found["n"]
    if lost <= MUCH:
        return []
    command = f"`python -m flows profile {flow} --cost --data DIR`, with the options of this run,"
    return [f"{100 * lost:.2f} points of accuracy are lost against single precision: {command} says by which tensor"]


def record_scores(trained: Trained, run: Run) -> None:
    """Writes what `run` evaluated into the card beside the weights, for clones that have no images."""
    evaluated = {one.metric: one for one in run.readings if one.tier is Tier.EVALUATED and one.n}
    if trained.card is None or Metric.AGREEMENT not in evaluated:
        raise UsageError(
            "--record", "there is no card beside the weights, or nothing was evaluated", "give --data as well"
        )
    right, agree = evaluated[Metric.ACCURACY], evaluated[Metric.AGREEMENT]
    n = right.n or 0
    score = Score(round(right.value * n), n, round(agree.value * n))
    record(trained.card.path, run.quantised, score, {"flow": run.flow, "options": dict(run.options)})


def _known(store: Store, name: str, quantised: QuantisedNetwork) -> list[Reading]:
    """What an earlier run of this very job evaluated, where the images are not at hand now."""
    if name not in store.names():
        return []
    try:
        earlier = store.record(name).runs[0]
    except FlowsError:
        return []
    if earlier.quantised != quantised.digest:
        return []
    return [one for one in earlier.readings if one.tier is Tier.EVALUATED]


def _recorded(card: Card | None, quantised: QuantisedNetwork) -> list[Reading]:
    """What the card says of this arithmetic, or else of the network as it was trained, told apart in `on`."""
    if card is None:
        return []
    source = f"recorded in {card.path.name}, not computed here (--data does)"
    if score := card.designs.get(quantised.digest):
        on = f"{score.n:,} CIFAR-10 test images"
        return _scores(score, Tier.RECORDED, on, source, source)
    score = card.trained
    on = f"{score.n:,} CIFAR-10 test images, {card.form}, not this arithmetic"
    return [_share(Metric.ACCURACY, score.right, score.n, Tier.RECORDED, on, source)]


def _scores(score: Score, tier: Tier, on: str, source: str, agreement: str) -> list[Reading]:
    readings = [_share(Metric.ACCURACY, score.right, score.n, tier, on, source)]
    if score.agree is not None:
        readings.append(_share(Metric.AGREEMENT, score.agree, score.n, tier, on, agreement))
    return readings


def _share(metric: Metric, right: int, n: int, tier: Tier, on: str, source: str) -> Reading:
    low, high = wilson(right, n, 0.90)
    return Reading(metric, right / n, tier, on, source, low=low, high=high, n=n)


def test_batch(folder: Path) -> Asset:
    """The test images in a folder that the user names, checked."""
    from models import cifar10

    (path,) = cifar10.find(folder, cifar10.TEST)
    return Asset(path, cifar10.check(path))
