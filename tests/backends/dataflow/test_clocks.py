"""A search at one clock or rate serves another: the same design, estimates and notes as of a search of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backends.dataflow.layers.resolve import Foldings
from backends.dataflow.space import Solved
from flows import registry
from flows.core.part import Target, find_part
from flows.jobs import Trained, find_trained


@pytest.mark.parametrize("flow", ["hls", "rtl"])
@pytest.mark.parametrize("rate", ["none", "200"])
def test_a_design_at_another_clock_is_the_one_that_a_search_finds(flow: str, rate: str) -> None:
    backend = registry.load(flow)
    options = backend.options()

    def said(trained: Trained, clock_ns: float, rate: str = rate) -> tuple[Any, ...]:
        job = trained.job(Target(find_part("xc7z020"), clock_ns), replace(options, target_fps=rate))
        solved = backend.resolve(job)
        assert solved.design.job is job
        return solved.design.folds, tuple(backend.estimate(solved)), tuple(backend.notes(solved))

    trained = find_trained("arch5", None)
    at_ten, at_eight = said(trained, 10.0), said(trained, 8.0)
    assert len(trained.known[Foldings]) == 1
    assert len(trained.known.get(Solved, {})) == (rate == "none"), "one search serves both clocks without a rate"
    assert said(find_trained("arch5", None), 8.0) == at_eight and at_eight[1:] != at_ten[1:]
    assert said(trained, 8.0, "900") == said(find_trained("arch5", None), 8.0, "900") != at_eight
