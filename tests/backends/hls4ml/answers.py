"""What the hls4ml flow answers to a job: its design and what is said of it, or why it cannot be built."""

from __future__ import annotations

from collections.abc import Sequence

from backends.hls4ml import BACKEND
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.options import Hls4mlOptions
from backends.protocol import Job, NoteKind, Refusal
from tests.backends import jobs


def refusals(job: Job[Hls4mlOptions]) -> Sequence[Refusal]:
    """Why `job` cannot be built."""
    return jobs.refusals(BACKEND, job)


def only_refusal(job: Job[Hls4mlOptions]) -> Refusal:
    """The one reason why `job` cannot be built."""
    (refusal,) = refusals(job)
    return refusal


def design_of(job: Job[Hls4mlOptions]) -> Hls4mlDesign:
    return BACKEND.resolve(job).design


def said(job: Job[Hls4mlOptions], *kinds: NoteKind) -> list[str]:
    """The notes on the design of `job`: of these kinds, or where none is given of any."""
    return [note.text for note in BACKEND.notes(BACKEND.resolve(job)) if note.kind in (kinds or tuple(NoteKind))]
