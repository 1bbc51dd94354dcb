"""Reads the JSON results of steps. The shape of every file is checked, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from flows.core.digest import digest_bytes
from flows.core.errors import FlowsError, InputError
from flows.core.files import MEBIBYTE, read_text
from flows.core.plan import State, Step
from flows.core.record import StepFacts
from flows.core.shape import Shape, Wrong, fields, listing, mapping, parse, text, whole
from flows.core.worker import JOB
from flows.manifest import AGAIN, Changed, check, read_manifest
from flows.store import Store

T = TypeVar("T")
LIMIT = 256 * MEBIBYTE


@dataclass(frozen=True)
class Counts:
    """Of `n` images: how many the design and the float network get `right`, and to how many both give one class."""

    n: int
    right: int
    float_right: int
    agree: int
    images: str

    @property
    def lost(self) -> float:
        """The share of accuracy that the design loses against the float network; below 0 where it gains."""
        return (self.float_right - self.right) / self.n


def _counts(**row: Any) -> Counts:
    counts = Counts(**row)
    if max(counts.right, counts.float_right, counts.agree) > counts.n:
        raise Wrong(f"counts more than its {counts.n:,} images")
    return counts


_N, _CODE = whole(0, 10**9), whole(-(1 << 63), 1 << 63)
COUNTS: Shape[Counts] = fields(
    {"n": whole(1, 10**9), "right": _N, "float_right": _N, "agree": _N, "images": text()}, _counts
)
CODES = listing(listing(_CODE, 1 << 24))
"""A row of integers for each vector."""


def reference_codes(value: Any) -> tuple[tuple[int, ...], ...]:
    """The codes of the exact reference, among all else that it left."""
    if not isinstance(value, dict) or "codes" not in value:
        raise Wrong("has no codes")
    return CODES(value["codes"])


@dataclass(frozen=True)
class TensorCounts:
    """Of `n` images: how many the float network gets right, and how many with each tensor alone in its type."""

    n: int
    float_right: int
    right: Mapping[str, int]


def tensor_counts(tensors: Sequence[str]) -> Shape[TensorCounts]:
    table = {"n": whole(1, 10**9), "float_right": _N, "right": fields(dict.fromkeys(tensors, _N), dict)}
    return fields(table, TensorCounts)


_CLASSES = listing(whole(0, 1 << 20), 1 << 24)
_REFUSED: Shape[dict[str, Any]] = fields({"refused": text()}, dict)
_EVALUATED: Shape[dict[str, Any]] = fields({"classes": _CLASSES, "out_of_range": _N}, dict)


def _variant(value: Any) -> dict[str, Any]:
    refused = isinstance(value, dict) and "refused" in value
    return _REFUSED(value) if refused else _EVALUATED(value)


VARIANTS: Shape[dict[str, Any]] = fields({"labels": _CLASSES, "images": text(), "variants": mapping(_variant)}, dict)
"""The class of each image, right and by each variant of a network; or why that variant is none."""
REFUSAL: Shape[InputError] = fields({"culprit": text(), "fact": text(), "next_step": text()}, InputError)


def anything(value: Any) -> Any:
    """A shape that takes any value: the caller checks it."""
    return value


def read_result(path: Path, shape: Shape[T]) -> T:
    """Raises `InputError` where the file is not what a step of this program leaves."""
    try:
        return shape(parse(read_text(path, AGAIN, f"stored file {path}", LIMIT)))
    except Wrong as wrong:
        raise InputError(f"stored file {path}", f"not what its step leaves: {wrong}", AGAIN) from None


def evaluated_before(store: Store, run: str, asked: Step) -> StepFacts | None:
    """The step that gave an earlier run called `run` its accuracy, where no images are at hand now.

    The record only says where to look: the result there must be whole, and of the job that `asked` has.
    """
    if run not in store.names():
        return None
    with suppress(FlowsError):
        for step in store.record(run).runs[0].steps:
            if step.name == asked.name and step.folder:
                folder = store.steps / Path(step.folder).name
                if versions := _of_this_job(folder, asked):
                    return StepFacts(asked.name, State.KEPT.value, 0.0, versions, "", str(folder))
    return None


def _of_this_job(folder: Path, asked: Step) -> Mapping[str, str]:
    """The versions that a whole result was made with; empty where it is not whole, or of another job."""
    job = asked.files[JOB]
    with suppress(Changed):
        manifest = read_manifest(folder)
        check(folder, manifest, asked.makes, thorough=False)
        if isinstance(job, str) and JOB in manifest.files and manifest.files[JOB].digest == digest_bytes(job.encode()):
            return manifest.versions
    return {}
