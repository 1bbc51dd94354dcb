"""A search at one clock or rate serves another: the same design, estimates and notes as of a search of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backends.dataflow.layers.resolve import Foldings
from backends.dataflow.space import Problem, Solved
from flows import registry
from flows.core.part import Target, find_part
from flows.jobs import Trained, find_trained


@pytest.mark.parametrize(
    ("flow", "network", "weights"), [("hls", "arch5", ""), ("rtl", "arch5", ""), ("finn", "arch8", "w4a4")]
)
@pytest.mark.parametrize("rate", ["none", "200"])
def test_a_design_at_another_clock_is_the_one_that_a_search_gives(
    flow: str, network: str, weights: str, rate: str
) -> None:
    backend = registry.load(flow)
    options = backend.options()

    def said(trained: Trained, clock_ns: float, rate: str = rate) -> tuple[Any, ...]:
        job = trained.job(Target(find_part("xc7z020"), clock_ns), replace(options, target_fps=rate))
        solved = backend.resolve(job)
        assert solved.design.job is job
        return solved.design.depths, tuple(backend.estimate(solved)), tuple(backend.notes(solved))

    def anew() -> Trained:
        return find_trained(network, None, weights)

    trained = anew()
    at_ten, at_eight = said(trained, 10.0), said(trained, 8.0)
    kept = {getattr(kind, "__origin__", kind): len(values) for kind, values in trained.known.items()}
    assert kept.get(Foldings, 0) + kept.get(Problem, 0) == 1
    assert kept.get(Solved, 0) == (rate == "none"), "one search serves both clocks without a rate"
    assert said(anew(), 8.0) == at_eight and at_eight[1:] != at_ten[1:]
    assert said(trained, 8.0, "900") == said(anew(), 8.0, "900") != at_eight


def test_so_does_one_of_a_network_of_integers_in_rtl() -> None:
    backend = registry.load("rtl")

    def said(trained: Trained, clock_ns: float) -> tuple[Any, ...]:
        solved = backend.resolve(trained.job(Target(find_part("xc7z020"), clock_ns), backend.options()))
        assert solved.design.job.target.clock_ns == clock_ns
        return solved.design.depths, tuple(backend.estimate(solved)), tuple(backend.notes(solved))

    trained = find_trained("arch8", None, "w4a4")
    at_ten, at_eight = said(trained, 10.0), said(trained, 8.0)
    assert len(trained.known[Solved]) == len(trained.known[Foldings]) == 1
    assert said(find_trained("arch8", None, "w4a4"), 8.0) == at_eight and at_eight[1:] != at_ten[1:]
