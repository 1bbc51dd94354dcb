"""The run loop: one job through one backend. It owns accuracy, agreement and the proof; a backend owns none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import cast

from backends.cost import synthesis
from backends.protocol import Backend, Job, Observer, ReportReader
from flows import pixels
from flows.core.clock import at_reported_fmax, check_clock, judge_clock
from flows.core.errors import InputError, MismatchError, PluginError, RefusedError, UsageError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.plan import Asset, Output, Plan, Products, Step
from flows.core.record import Document, NetworkFacts, Run, StepFacts, Verification, WeightsFacts, document_to_json
from flows.core.record_reader import document_from_json
from flows.executor import Executor
from flows.jobs import Trained, run_name
from flows.results import CODES, COUNTS, evaluated_before, read_result, reference_codes
from flows.store import Store
from models import reference
from models.card import Card, Score, record
from models.proportion import wilson
from models.quantised import QuantisedNetwork
from models.reference import accuracy_step, pixels_step, reference_step

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
    """Checks and lowers; raises `RefusedError` with every reason why the backend cannot do this job, or for a clock
    beyond the part, and `InputError` for a report that cannot be this job's."""
    check_clock(job.target)
    if refusals := backend.check(job):
        first, *others = refusals
        facts = [first.fact, *(f"{one.culprit}: {one.fact} (nearest: {one.nearest})" for one in others)]
        raise RefusedError(f"{backend.NAME}, {first.culprit}", "; ".join(facts), f"nearest that works: {first.nearest}")
    imported = [reading for path in reports for reading in _reader(backend).read_report(job, path)]
    remarks = [*backend.notes(job), *(ON_YOUR_WORD.format(path.name) for path in reports)]
    return Design(job, backend.lower(job), tuple(backend.estimate(job)), tuple(remarks), tuple(imported))


def _reader(backend: Backend) -> ReportReader:
    if not hasattr(backend, "read_report"):
        raise UsageError("--report", f"{backend.NAME} reads no vendor reports", "leave it out")
    return cast(ReportReader, backend)


def full_plan(backend: Backend, made: Design, batch: Asset | None, card: Card | None) -> Plan:
    """The backend's plan, with the exact reference and, where test images are given, the accuracy; and where no `card`
    says how the network was trained, its accuracy on pixels of other scalings."""
    plan, weights = backend.plan(made.job), weights_asset(made.job)
    steps = [*plan.steps, reference_step(REFERENCE.step, made.quantised, weights, plan.vectors)]
    if batch:
        steps.append(accuracy_step(ACCURACY.step, made.quantised, weights, batch))
        if card is None:
            steps.append(pixels_step(pixels.PIXELS.step, made.job.network, weights, batch))
    return replace(plan, steps=tuple(steps))


def _assuming(trained: Trained, made: Design) -> Design:
    """Where no card says how the network was trained, what is assumed of its pixels stands in the notes."""
    return made if trained.card else replace(made, remarks=(*made.remarks, pixels.ASSUMPTION))


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
    made = _assuming(trained, design(backend, job, reports))
    plan = full_plan(backend, made, batch, trained.card)
    products = executor.execute(plan)
    verification = _verify(backend.NAME, job, plan, products)
    readings = [*made.readings, *backend.read(job, products), *made.imported]
    if hasattr(backend, "observations"):
        seen = cast(Observer, backend).observations(job, products)
        made = replace(made, remarks=(*made.remarks, *seen))
    name = run_name(backend.NAME, job)
    steps = tuple(_step_facts(products, step) for step in plan.steps)
    evaluated = products.path(ACCURACY) if batch else None
    if not batch:
        weights = weights_asset(job)
        asked = accuracy_step(ACCURACY.step, made.quantised, weights, batch=weights)  # which images, it need not say
        if earlier := evaluated_before(store, name, asked):
            steps, evaluated = (*steps, earlier), Path(str(earlier.folder)) / ACCURACY.file
    if evaluated:
        readings += _evaluated(evaluated, trained.network.name)
        made = replace(made, remarks=(*made.remarks, *pixels.other_pixels(products), *_lost(evaluated, backend.NAME)))
    elif not batch:
        readings += _recorded(trained.card, made.quantised)
    found = _run(backend, made, readings, verification, steps, command)
    document = Document(network_facts(trained), (found,))
    store.save(name, _recordable(document, backend.NAME))
    return document


def _recordable(document: Document, flow: str) -> str:
    """The record, which can be read back; raises `PluginError` where a backend gave what no run can have."""
    try:
        text = document_to_json(document)
        document_from_json(text, "its record")
    except (ValueError, TypeError, InputError) as reason:  # ValueError: a number that is not finite
        fact = f"gives what no run can have: {reason.fact if isinstance(reason, InputError) else reason}"
        raise PluginError(f"flow {flow}", fact, "report it to its author") from None
    return text


def estimated(backend: Backend, trained: Trained, job: Job, command: str, reports: Sequence[Path] = ()) -> Run:
    """What can be said of `job` with no tool: nothing runs and nothing is recorded."""
    made = _assuming(trained, design(backend, job, reports))
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
    known = (*readings, *((backend.SEEN_CLOCK,) if hasattr(backend, "SEEN_CLOCK") else ()))
    if slow := judge_clock(known, job.target.clock_ns).warning:
        warnings.append(slow)
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
        readings=ordered(synthesis.with_routed(at_reported_fmax(known, job.target.clock_ns), ratios)),
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
    built, meant = read_result(path, CODES), read_result(expected, reference_codes)
    design, advice = f"{flow} on {job.target.part.full_name}", f"look into {path.parent}, and do not build this design"
    if len(built) != len(meant):
        raise MismatchError(design, f"{len(built)} results came back for {len(meant)} vectors", advice)
    unequal = [index for index, (ours, theirs) in enumerate(zip(meant, built, strict=True)) if ours != theirs]
    if unequal:
        first = unequal[0]
        fact = (
            f"{len(unequal)} of {len(meant)} vectors differ from the exact reference; "
            f"at vector {first} it gives {list(built[first])}, the reference {list(meant[first])}"
        )
        raise MismatchError(design, fact, advice)
    return Verification(len(meant), len(meant), plan.against)


def _evaluated(result: Path, network: str) -> list[Reading]:
    counts = read_result(result, COUNTS)
    score = Score(counts.right, counts.n, counts.agree)
    exact, read = "exact reference of this arithmetic", f"; pixels are {reference.ASSUMED}"
    on = f"{score.n:,} CIFAR-10 test images"
    return _scores(score, Tier.EVALUATED, on, exact + read, f"{exact}, same class as float {network}{read}")


def _lost(result: Path, flow: str) -> list[str]:
    """Who to ask where accuracy went, if much did."""
    counts = read_result(result, COUNTS)
    lost = (counts.float_right - counts.right) / counts.n
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
