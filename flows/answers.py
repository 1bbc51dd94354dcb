"""The answers of a backend, asked for once: its estimate of a job, and what it reads from the steps that ran.

Both depend on the job, on the output of its steps and on the source of this program alone. So the answers are kept in
the store like the result of a step, and a repeated run does not search for a folding again. Answers of third-party
backends are not kept: the packages that they depend on are not known.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from backends.protocol import Backend, Job, Note, NoteKind, Refusal, Unbuildable
from flows.core.digest import digest_file, digest_of, plain
from flows.core.errors import InputError, RefusedError
from flows.core.evidence import Reading
from flows.core.plan import PYTHON, Asset, Output, Plan, Products, Step
from flows.core.record import reading_to_json
from flows.core.record_reader import READING
from flows.executor import Executor
from flows.identity import source_digest
from flows.manifest import MANIFEST
from models.integer_network import IntegerNetwork
from models.quantised import QuantisedNetwork
from models.serial import network_to_json, quantised_from_json, quantised_to_json
from models.weights import Weights

ANSWER = "answer.json"
SOURCES = ("flows", "models", "backends")
DATA_SUFFIXES = (".json", ".toml")
"""All that an answer may depend on besides the job: the text and tables of these packages. After a change there the
backend is asked again."""


class Resolved:
    """The design of a job. The backend searches for it when it is first needed, and only then."""

    def __init__(self, backend: Backend[Any, Any], job: Job[Any]) -> None:
        self.backend, self.job = backend, job

    @cached_property
    def design(self) -> Any:
        """Raises `RefusedError` where only the search shows that the job cannot be done."""
        try:
            return self.backend.resolve(self.job)
        except Unbuildable as error:
            raise refused(self.backend, error.refusals) from None

    @cached_property
    def inputs(self) -> Any:
        """All that the design depends on, as plain values."""
        return _inputs(self.job)


def refused(backend: Backend[Any, Any], refusals: Sequence[Refusal]) -> RefusedError:
    first, *others = refusals
    facts = [first.fact, *(f"{other.culprit}: {other.fact} (nearest: {other.nearest})" for other in others)]
    return RefusedError(f"{backend.name}, {first.culprit}", "; ".join(facts), f"nearest that works: {first.nearest}")


@dataclass(frozen=True)
class Answer:
    """What a backend says: of a design, with its arithmetic and plan, or of what its plan made."""

    readings: tuple[Reading, ...]
    notes: tuple[Note, ...]
    quantised: QuantisedNetwork | None = None
    plan: Plan | None = None


def design_step(of: Resolved) -> Step:
    """The step under which the store keeps what the backend says of a design."""
    return _step(of, "design", f"what {of.backend.name} says of this design")


def readings_step(of: Resolved, products: Products) -> Step:
    """The step under which the store keeps what the backend reads from these products."""
    left = {
        name: digest_file(result.folder / MANIFEST) if result.folder else result.reason
        for name, result in products.results.items()
    }
    return _step(of, "readings", f"what {of.backend.name} reads from its steps", left)


def _step(of: Resolved, name: str, about: str, *others: Any) -> Step:
    tables = [source_digest(package, DATA_SUFFIXES) for package in SOURCES]
    argv = (name, of.backend.name, digest_of([of.inputs, tables, *others]))
    return Step(name, about, PYTHON, argv, makes=(ANSWER,), packages=("numpy",), sources=SOURCES)


def _inputs(job: Job[Any]) -> Any:
    """Everything of a job, files by place and content."""
    options = [
        [field.name, type(value).__name__, value, getattr(value, "__dict__", {})]
        for field in fields(job.options)
        for value in [getattr(job.options, field.name)]
    ]
    integer: Any = job.integer
    if isinstance(integer, IntegerNetwork):
        graph = [str(integer.graph.path.absolute()), integer.graph.digest]
        integer = [integer.facts, _place(integer.weights), graph]
    return [network_to_json(job.network), _place(job.weights), job.ranges, job.target, options, integer]


def _place(weights: Weights) -> list[str | None]:
    return [str(weights.path.absolute()), weights.digest, weights.derived_from]


def is_ours(backend: Backend[Any, Any]) -> bool:
    """Whether it is one of ours as it ships, so that `SOURCES` are all that its answers depend on."""
    module = sys.modules.get(f"backends.{backend.name}")
    return getattr(module, "BACKEND", None) is backend


def ask(of: Resolved, step: Callable[[], Step], executor: Executor | None, answer: Callable[[], Answer]) -> Answer:
    """The answer stored under `step`, else the result of `answer`. An invalid stored text is ignored."""
    if executor is None or not is_ours(of.backend):
        return answer()
    answers: list[Answer] = []

    def compute() -> str:
        answers.append(answer())
        return answer_to_json(answers[0])

    try:
        text = executor.answer(step(), compute)
        return answers[0] if answers else answer_from_json(text)
    except (LookupError, TypeError, ValueError, InputError):
        return answer()


def answer_to_json(answer: Answer) -> str:
    content = {
        "readings": [reading_to_json(reading) for reading in answer.readings],
        "notes": [plain(note) for note in answer.notes],
        "quantised": answer.quantised and quantised_to_json(answer.quantised),
        "plan": answer.plan and _plan_to_json(answer.plan),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def answer_from_json(text: str) -> Answer:
    """Equal to what was written. Raises `LookupError`, `TypeError`, `ValueError` or `InputError` for another text."""
    content = json.loads(text)
    return Answer(
        tuple(map(READING, content["readings"])),
        tuple(Note(note["text"], NoteKind[note["kind"].upper()]) for note in content["notes"]),
        content["quantised"] and quantised_from_json(content["quantised"]),
        content["plan"] and _plan_from_json(content["plan"]),
    )


def _plan_to_json(plan: Plan) -> dict[str, Any]:
    steps = [
        plain(replace(step, files={})) | {"files": {name: _file_to_json(item) for name, item in step.files.items()}}
        for step in plan.steps
    ]
    return plain(replace(plan, steps=())) | {"steps": steps}


def _file_to_json(item: str | Asset | Output) -> Any:
    if isinstance(item, Asset):
        return {"path": str(item.path.absolute()), "digest": item.digest}
    return plain(item)


def _plan_from_json(content: Mapping[str, Any]) -> Plan:
    artefact = content["artefact"] and Output(**content["artefact"])
    return Plan(**{**content, "steps": tuple(map(_step_from_json, content["steps"])), "artefact": artefact})


def _step_from_json(row: Mapping[str, Any]) -> Step:
    files = {name: _file_from_json(item) for name, item in row["files"].items()}
    lists = {name: tuple(row[name]) for name in ("argv", "makes", "packages", "sources")}
    return Step(**{**row, **lists, "files": files})


def _file_from_json(item: Any) -> str | Asset | Output:
    if isinstance(item, str):
        return item
    return Asset(Path(item["path"]), item["digest"]) if "path" in item else Output(**item)
