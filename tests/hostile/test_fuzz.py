"""Damaged inputs of every kind, seeded: taken or refused, soon, and never with a traceback."""

from __future__ import annotations

import resource
import time
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("h5py")
pytest.importorskip("onnx")
from tests.hostile.fuzz import KINDS, attempt, originals

FEW, MANY = 250, 12_500
"""Inputs of a kind: 2,000 in all, and 100,000."""
LONGEST_S = 30.0
"""Of this process: how busy the machine is does not count."""
LARGEST_KB = 4 << 20


def fuzz(kind: str, count: int, folder: Path) -> Counter[bool]:
    taken: Counter[bool] = Counter()
    for seed in range(count):
        started = time.process_time()
        try:
            taken[attempt(kind, seed, folder).is_taken] += 1
        except Exception as fault:
            raise AssertionError(f"{kind}, seed {seed}: {fault!r}") from fault
        assert time.process_time() - started < LONGEST_S, f"{kind}, seed {seed}"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < LARGEST_KB
    return taken


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_read_is_taken_or_refused(kind: str, tmp_path: Path) -> None:
    taken = fuzz(kind, FEW, tmp_path)
    assert taken[False] > FEW // 20, "damage is seen"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "arguments"])
def test_the_originals_are_taken(kind: str, tmp_path: Path) -> None:
    from random import Random

    from flows.core.errors import FlowsError

    refused = []
    for content in originals(kind):
        try:
            KINDS[kind](content, tmp_path, Random(0))
        except FlowsError as error:
            refused.append(str(error))
    assert len(refused) < len(originals(kind)), refused


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_thousand_inputs(kind: str, tmp_path: Path) -> None:
    fuzz(kind, MANY, tmp_path)
