"""The FINN flow takes quantised networks alone, and its plan is the same for all of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from backends.finn import BACKEND
from backends.finn.options import FinnOptions
from backends.finn.resolve import resolve
from flows.conformance.networks import TINY, job_on, quantised_job_on
from flows.core.plan import Output
from models.pixels import CENTRED, RAW, Pixels


def test_float_weights_are_refused_with_the_way_that_works(tmp_path: Path) -> None:
    (refusal,) = BACKEND.check(job_on(TINY, tmp_path, FinnOptions()))
    assert refusal.culprit == "weights" and "floats" in refusal.fact and "--qat" in refusal.nearest


@pytest.mark.parametrize("pixels", [RAW, CENTRED], ids=str)
def test_pixels_are_what_the_file_reads_whatever_the_float_twin_says(tmp_path: Path, pixels: Pixels) -> None:
    job = quantised_job_on(tmp_path, FinnOptions())
    other = replace(job, network=replace(job.network, pixels=pixels))
    assert BACKEND.check(other) == () and BACKEND.lower(resolve(other)) == BACKEND.lower(resolve(job))


def test_the_plan_writes_judges_executes_and_hands_over(tmp_path: Path) -> None:
    plan = BACKEND.plan(resolve(quantised_job_on(tmp_path, FinnOptions())))
    assert [(step.name, step.needs) for step in plan.steps] == [
        ("export", ()),
        ("readiness", ("export",)),
        ("execute", ("export",)),
        ("handover", ("export", "execute")),
        ("finn-plus", ("handover",)),
    ]
    assert plan.artefact == Output("execute", "outputs.json")
    assert json.loads(str(plan.steps[3].files["folding.json"]))["Defaults"] == {}
