"""What a run says of the FIFOs in C simulation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backends.hls import BACKEND
from backends.hls.plan import MARKS, SIMULATE
from backends.protocol import Note
from flows.core.plan import Products, State, StepResult
from tests.backends.hls.networks import SMALL, job_on

BEGINS = "in C simulation 4 frames passed FIFOs of these depths, which held at most: "


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"image": [1, 16], "skip": [49, 1_290], "gap": [1, 16]}, "skip 49 of 1,290, the others 1 word (2)"),
        ({"skip": [16, 16]}, "skip 16 of 16"),
        ({"image": [1, 16]}, "all 1 word (1)"),
    ],
)
def test_fifos_that_held_more_than_a_word_are_named(tmp_path: Path, held: dict[str, list[int]], words: str) -> None:
    (tmp_path / MARKS).write_text(json.dumps(held))
    ran = Products({SIMULATE: StepResult(SIMULATE, State.DONE, tmp_path, 0, {})})
    solved = BACKEND.resolve(job_on(SMALL, tmp_path))
    assert BACKEND.observations(solved, ran) == (Note(BEGINS + words),)


def test_nothing_is_said_of_what_did_not_run(tmp_path: Path) -> None:
    skipped = Products({SIMULATE: StepResult(SIMULATE, State.SKIPPED, None, 0, {})})
    assert BACKEND.observations(BACKEND.resolve(job_on(SMALL, tmp_path)), skipped) == ()
