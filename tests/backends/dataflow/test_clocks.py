"""What is found at one clock serves another: the same design, estimates and notes as of a search of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flows import registry
from flows.core.part import Target, find_part
from flows.jobs import Trained, find_trained


@pytest.mark.parametrize("flow", ["hls", "rtl"])
@pytest.mark.parametrize("rate", ["none", "200"])
def test_a_design_at_another_clock_is_the_one_that_a_search_finds(flow: str, rate: str) -> None:
    backend = registry.load(flow)
    options = replace(backend.options(), target_fps=rate)

    def said(trained: Trained, clock_ns: float) -> tuple[Any, ...]:
        job = trained.job(Target(find_part("xc7z020"), clock_ns), options)
        solved = backend.resolve(job)
        assert solved.design.job is job
        return solved.design.folds, tuple(backend.estimate(solved)), tuple(backend.notes(solved))

    trained = find_trained("arch5", None)
    at_ten, at_eight = said(trained, 10.0), said(trained, 8.0)
    assert len(trained.known) == (rate == "none"), "one search serves both clocks where no rate is asked for"
    assert said(find_trained("arch5", None), 8.0) == at_eight and at_eight[1:] != at_ten[1:]
