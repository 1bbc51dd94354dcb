"""Runs one job through one backend. Accuracy, agreement and verification are computed here, never by a backend."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from backends.cost import synthesis, system
from backends.cost.shell import NONE
from backends.protocol import Backend, Job, Note, NoteKind
from flows import imports, pixels
from flows.answers import Answer, Resolved, ask, readings_step
from flows.core.clock import judge_clock, with_seen
from flows.core.clock_rates import at_credible_clock
from flows.core.errors import InputError, MismatchError, PluginError
from flows.core.evidence import TOTAL, Reading, Tier
from flows.core.plan import Asset, Output, Plan, Products, Step
from flows.core.record import Document, NetworkFacts, Run, StepFacts, Verification, WeightsFacts, document_to_json
from flows.core.record_reader import document_from_json
from flows.executor import Executor
from flows.jobs import Trained, run_name
from flows.prepared import Prepared, arithmetic_weights, float_network, prepare, weights_asset
from flows.results import CODES, COUNTS, evaluated_before, read_result, reference_codes
from flows.scores import ACCURACY, lost_note, recorded, scores, test_images_name
from flows.store import Store
from models import reference
from models.card import Card
from models.quantised import QuantisedNetwork
from models.reference import accuracy_step, pixels_step, reference_step

REFERENCE = Output("reference", reference.REFERENCE)


def _read(resolved: Resolved, products: Products) -> Answer:
    backend, design = resolved.backend, resolved.design
    return Answer(tuple(backend.read(design, products)), tuple(backend.observations(design, products)))


def full_plan(backend: Backend[Any, Any], prepared: Prepared, batch: Asset | None, card: Card | None) -> Plan:
    """The backend's plan, with the exact reference and, where test images are given, the accuracy; and where no `card`
    says how the network was trained, its accuracy on pixels of other scalings."""
    plan, weights = prepared.plan or backend.plan(prepared.resolved.design), arithmetic_weights(prepared)
    steps = [*plan.steps, reference_step(REFERENCE.step, prepared.quantised, weights, plan.vectors)]
    if batch:
        steps.append(accuracy_step(ACCURACY.step, prepared.quantised, weights, batch, float_network(prepared)))
        if card is None:
            steps.append(pixels_step(pixels.PIXELS.step, prepared.job.network, weights_asset(prepared.job), batch))
    return replace(plan, steps=tuple(steps))


def _assuming(trained: Trained, prepared: Prepared) -> Prepared:
    """Adds a note on the assumed pixel scaling, where neither a card nor a quantiser of the input gives it."""
    if trained.card or float_network(prepared):
        return prepared
    return replace(prepared, notes=(pixels.assumption(trained.network), *prepared.notes))


def run(
    backend: Backend[Any, Any],
    trained: Trained,
    job: Job[Any],
    batch: Asset | None,
    executor: Executor,
    store: Store,
    command: str,
    reports: Sequence[Path] = (),
    images: int = system.BATCH,
) -> Document:
    """Runs `job`, compares what was built with the reference, and records the run; `reports` were made elsewhere;
    `images` is how many a call hands over, for the rate of the system.

    Raises `MismatchError` where they differ: a wrong design has no readings.
    """
    prepared = _assuming(trained, prepare(backend, job, reports, executor))
    plan = full_plan(backend, prepared, batch, trained.card)
    products = executor.execute(plan)
    verification = _verify(backend.name, job, plan, products)
    resolved = prepared.resolved
    step = partial(readings_step, resolved, products)
    read = ask(resolved, step, executor, partial(_read, resolved, products))
    readings = [*prepared.readings, *read.readings, *prepared.imported]
    notes = [*prepared.notes, *read.notes]
    name = run_name(backend.name, job)
    steps = tuple(_step_facts(products, step) for step in plan.steps)
    evaluated = products.path(ACCURACY) if batch else None
    if not batch:
        weights = arithmetic_weights(prepared)
        asked = accuracy_step(
            ACCURACY.step, prepared.quantised, weights, batch=weights, floating=float_network(prepared)
        )  # which images, it need not say
        if earlier := evaluated_before(store, name, asked):
            steps, evaluated = (*steps, earlier), Path(str(earlier.folder)) / ACCURACY.file
    if evaluated:
        counts = read_result(evaluated, COUNTS)
        readings += scores(counts, trained.network, test_images_name(counts, batch))
        notes += (*pixels.other_pixels(trained.network, products), *lost_note(counts, backend.name))
    elif not batch:
        readings += recorded(trained.card, prepared.quantised)
    run = _run(backend, prepared, readings, notes, verification, steps, command, images)
    document = Document(network_facts(trained), (run,))
    store.save(name, _recordable(document, backend.name))
    return store.refuted(document)


def _recordable(document: Document, flow: str) -> str:
    """The record, which can be read back; raises `PluginError` where a backend gave what no run can have."""
    try:
        text = document_to_json(document)
        document_from_json(text, "its record")
    except (ValueError, TypeError, InputError) as reason:  # ValueError: a number that is not finite
        fact = f"gives what no run can have: {reason.fact if isinstance(reason, InputError) else reason}"
        raise PluginError(f"flow {flow}", fact, "report it to its author") from None
    return text


def keep(store: Store, document: Document) -> list[str]:
    """Records the estimates of a document as runs, so that they are compared and reported; returns their names. A
    design of the store that was built stays as it is, and is not among them."""
    kept = []
    for run in document.runs:
        with suppress(InputError):  # there is none, or it cannot be read
            if store.record(run.name).runs[0].steps:
                continue
        store.save(run.name, _recordable(Document(document.network, (run,)), run.flow))
        kept.append(run.name)
    return kept


def estimated(
    backend: Backend[Any, Any],
    trained: Trained,
    job: Job[Any],
    command: str,
    reports: Sequence[Path] = (),
    images: int = system.BATCH,
) -> Run:
    """What can be said of `job` with no tool: nothing runs and nothing is recorded."""
    return estimated_from(backend, trained, prepare(backend, job, reports), command, images)


def estimated_from(
    backend: Backend[Any, Any], trained: Trained, prepared: Prepared, command: str, images: int = system.BATCH
) -> Run:
    """What `estimated` says of a job that was prepared."""
    prepared = _assuming(trained, prepared)
    readings = [*prepared.readings, *prepared.imported, *recorded(trained.card, prepared.quantised)]
    return _run(backend, prepared, readings, prepared.notes, None, (), command, images)


def _run(
    backend: Backend[Any, Any],
    prepared: Prepared,
    readings: Sequence[Reading],
    notes: Sequence[Note],
    verification: Verification | None,
    steps: tuple[StepFacts, ...],
    command: str,
    images: int,
) -> Run:
    job, flow = prepared.job, backend.name
    texts = {kind: [note.text for note in notes if note.kind is kind] for kind in NoteKind}
    if verification is None or verification.equal is None:
        texts[NoteKind.WARNING].append("not verified: nothing of this design was simulated")
    if backend.on_processor:
        known = readings
    else:
        known, doubt = _in_fabric(backend, prepared, readings, images)
        texts[NoteKind.WARNING] += [doubt] if doubt else []
    return Run(
        name=run_name(flow, job),
        flow=flow,
        part=job.target.part.full_name,
        device=job.target.part.device.name,
        clock_ns=job.target.clock_ns,
        options={field.name: str(getattr(job.options, field.name)) for field in fields(job.options)},
        weights=WeightsFacts(job.weights.digest, job.weights.derived_from, _weights_name(job)),
        quantised=prepared.quantised.digest,
        readings=ordered(known),
        verification=verification,
        steps=steps,
        notes=tuple(texts[NoteKind.NOTE]),
        warnings=tuple(texts[NoteKind.WARNING]),
        command=command,
        weight_bits=_weight_bits(prepared.quantised),
        margins=job.target.margins,
    )


def _weights_name(job: Job[Any]) -> str:
    """That of their file; of weights that an import left in the store, the network's, which is that of the user's."""
    imported = job.weights.path.name == imports.WEIGHTS
    return job.network.name if imported else job.weights.path.stem


def _in_fabric(
    backend: Backend[Any, Any], prepared: Prepared, readings: Sequence[Reading], images: int
) -> tuple[Sequence[Reading], str]:
    """(what is known of a design in the fabric: at a clock that is credible, as built, with driver and DMA; the warning
    of its clock, "" where there is none)."""
    job = prepared.job
    clock_ns = job.target.clock_ns
    known = with_seen(readings, job.target.part, backend.seen_clocks)
    clock = judge_clock(known, clock_ns)
    reported: Sequence[Reading] = synthesis.with_routed(at_credible_clock(known, clock_ns), backend.csynth_ratios)
    reported = [_without_interval(reading) if _is_unproven(reading, backend) else reading for reading in reported]
    if getattr(job.options, "shell", "") != NONE:  # a bare core is fed by nobody
        reported = system.with_system(
            reported, prepared.quantised, 1000 / (clock.credible_mhz or clock.asked_mhz), images
        )
    return reported, clock.warning


def _is_unproven(reading: Reading, backend: Backend[Any, Any]) -> bool:
    return reading.metric in backend.unproven and reading.scope == TOTAL and reading.tier is Tier.MODELLED


def _without_interval(reading: Reading) -> Reading:
    source = f"{reading.source}; no interval: designs that were built lie outside it"
    return replace(reading, low=None, high=None, source=source)


def _weight_bits(quantised: QuantisedNetwork) -> tuple[int, ...]:
    return tuple(sorted(set(quantised.weight_bits.values()), reverse=True))


def network_facts(trained: Trained) -> NetworkFacts:
    network = trained.network
    return NetworkFacts(network.name, network.parameters, network.macs, network.digest)


def ordered(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """Totals first, otherwise as they came."""
    return tuple(sorted(readings, key=lambda reading: reading.scope != "total"))


def _step_facts(products: Products, step: Step) -> StepFacts:
    result = products.results[step.name]
    folder = str(result.folder) if result.folder else None
    state, reason = result.state.value, result.reason
    return StepFacts(step.name, state, result.seconds, result.versions, reason, folder, result.cause)


def _verify(flow: str, job: Job[Any], plan: Plan, products: Products) -> Verification | None:
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
