"""Estimates of FINN designs: totals, scopes, what they predict, and how they move with the folding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from backends.cost.amounts import summed
from backends.cost.shell import SMARTCONNECT, find_shell
from backends.dataflow.fifos import LEAST, sized
from backends.dataflow.stream import simulate
from backends.finn import BACKEND
from backends.finn.design import fifos
from backends.finn.design.graph import nodes
from backends.finn.design.schedule import stages
from backends.finn.design.search import set_folding, slowest
from backends.finn.estimate import estimate, finn_totals
from backends.finn.options import FinnOptions
from backends.finn.resolve import folding_problem, resolve
from backends.finn.resources import models
from flows.conformance.networks import TINY
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier, total
from flows.core.margins import KEPT
from flows.core.part import Target, find_part
from flows.jobs import find_trained
from models.zoo import ARCH5, ARCH8
from tests.backends.finn.w4a4 import job, quantised, solved, with_folding

W4A4 = quantised(ARCH8)
SMALL = quantised(TINY)


def value(readings: Sequence[Reading], metric: Metric, scope: str = TOTAL) -> float:
    (reading,) = [each for each in readings if each.metric is metric and each.scope == scope]
    return reading.value


def test_totals_are_the_sums_of_their_scopes() -> None:
    readings = estimate(solved(target_fps="500", folding="finn"))
    scopes = {each.scope for each in readings} - {TOTAL}
    assert {"fifo", "width converters", "DMA engines", "shell", "MVAU_rtl_6"} < scopes
    for metric in RESOURCES:
        parts = [each.value for each in readings if each.metric is metric and each.scope != TOTAL]
        assert value(readings, metric) == pytest.approx(sum(parts), abs=len(parts))
        assert value(readings, metric, "shell") == find_shell(SMARTCONNECT, own_dma=True).range(metric).value


def test_every_reading_says_what_it_is() -> None:
    readings = estimate(solved(target_fps="500", folding="finn"))
    for each in readings:
        assert each.tier is Tier.MODELLED and each.source
        assert each.stage is (Tier.ROUTED if each.metric in (*RESOURCES, Metric.FMAX_MHZ) else Tier.RTL_SIMULATED)
        if each.low is not None and each.high is not None:
            assert each.low <= each.value <= each.high
    (unit,) = [each for each in readings if each.metric is Metric.LUT and each.scope == "MVAU_rtl_1"]
    assert "FINN's formula says 0" in unit.source and unit.value > 500
    (fmax,) = [each for each in readings if each.metric is Metric.FMAX_MHZ]
    assert fmax.scope == TOTAL and "of HLS designs on Artix-7 -1" in fmax.source, "it has no LabelSelect"


def test_the_interval_is_finns_but_for_what_fifos_push_back() -> None:
    readings = estimate(solved(target_fps="500", folding="finn"))
    assert 131208 <= value(readings, Metric.INTERVAL_CYCLES) <= 131208 * 1.01
    assert value(readings, Metric.LATENCY_CYCLES) > 131208
    assert value(readings, Metric.THROUGHPUT_FPS) == pytest.approx(762, abs=1)
    assert value(readings, Metric.INTERVAL_CYCLES, "ConvolutionInputGenerator_rtl_4") == 131208


def test_finns_own_totals_stand_beside_ours() -> None:
    design = with_folding(W4A4, set_folding(nodes(W4A4), 1e8 / 1000))
    finn = finn_totals(design.design)
    ours = estimate(design)
    assert (finn[Metric.DSP], value(ours, Metric.DSP)) == (
        108,
        117,
    )  # FINN puts four products with 8-bit data in a slice
    assert finn[Metric.BRAM18] == 39 < value(ours, Metric.BRAM18)
    assert finn[Metric.LUT] < value(ours, Metric.LUT) / 3


def test_the_solvers_totals_are_the_estimates() -> None:
    """Sums that the solver judges by, of a folding it chose, are those that are reported."""
    problem = folding_problem(job(W4A4), W4A4)
    folding = problem.first.lightest(2e5)
    design = problem.build(folding)
    by_value, by_bound = (problem.around(design)(sure, KEPT) for sure in (False, True))
    bounds = sum(by_bound.choices[name].costs[place] for name, place in folding.values.items())
    readings = estimate(with_folding(W4A4, design.folding))
    promised = by_value.totals(folding.cost, 2e5), by_bound.totals(bounds, 2e5)[len(RESOURCES) :]
    for metric, most_likely, at_most in zip(RESOURCES, *promised, strict=True):
        reading = total(readings, metric)
        assert reading and reading.high is not None
        assert reading.value == pytest.approx(most_likely, abs=1)
        assert reading.high == pytest.approx(at_most, abs=1)


def test_a_unit_in_hls_is_estimated_in_full() -> None:
    arithmetic = quantised(TINY, weights=3)
    readings = estimate(with_folding(arithmetic, set_folding(nodes(arithmetic), 1e6)))
    assert not [each for each in readings if each.at_least]
    assert {each.metric for each in readings if each.scope == "MVAU_hls_0"} >= {*RESOURCES}


def test_memories_are_options() -> None:
    def block_ram(**options: str) -> float:
        return value(estimate(solved(target_fps="500", folding="finn", **options)), Metric.BRAM18)

    plain = block_ram()
    assert block_ram(weight_style="distributed") == plain - 22
    assert block_ram(window_style="block") > plain
    assert block_ram(fifo_style="srl") < plain


def test_a_network_without_skips_has_fifos_and_no_copies() -> None:
    arithmetic = quantised(ARCH5)
    design = with_folding(arithmetic, set_folding(nodes(arithmetic), 1e6))
    assert not [node for node in design.design.nodes if node.op == "DuplicateStreams_hls"]
    assert value(estimate(design), Metric.LUT, "fifo") > 0


@settings(max_examples=25)
@given(some.data())
def test_fifos_let_every_folding_run_at_full_speed(data: some.DataObject) -> None:
    outcome = nodes(SMALL)
    folding = {node.name: data.draw(some.sampled_from(node.folds), node.name) for node in outcome}
    design = stages(outcome, folding)
    depths = sized(design, fifos.pixel_bits(outcome), LEAST)
    run = simulate(design, depths)
    assert run.deadlock is None
    assert run.interval <= max(1.01 * slowest(outcome, folding), simulate(design, {}).interval)
    for link in fifos.links(outcome, folding, depths, "auto"):
        sums = [summed(amounts) for amounts in models.of_link(link).values()]
        assert all(amount.low <= amount.value <= amount.high for amount in sums)


def test_a_total_says_whose_sums_its_interval_holds_for() -> None:
    readings = estimate(solved())
    luts, blocks = (total(readings, metric) for metric in (Metric.LUT, Metric.BRAM18))
    assert luts and blocks
    assert "for the sums of 13 designs of 6 projects, beside that of the resource model matrix, " in luts.source
    assert "sums of" not in blocks.source
    (unit,) = (each for each in readings if each.scope == "MVAU_rtl_0" and each.metric is Metric.FF)
    assert "too few for an interval of its own" in unit.source


@given(some.floats(1e3, 1e6), some.floats(1e3, 1e6))
def test_a_faster_search_takes_no_fewer_dsps(one: float, other: float) -> None:
    design = nodes(SMALL)
    slow, fast = (set_folding(design, cycles) for cycles in (max(one, other), min(one, other)))
    assert slowest(design, fast) <= slowest(design, slow)


RATES = "100", "500", "1000", "2000"
PAGE = Path(__file__).parents[3] / "docs" / "finn-estimates.md"


@pytest.mark.parametrize(
    ("name", "part", "options"),
    [
        *((f"finn, {rate}", "xc7z020", {"target_fps": rate, "folding": "finn"}) for rate in RATES),
        *((f"auto, {part}", part, {}) for part in ("xc7z010", "xc7z020")),
    ],
)
def test_the_pages_table_is_what_is_estimated(name: str, part: str, options: dict[str, str]) -> None:
    """On the weights that ship."""
    asked = find_trained("arch8", None, BACKEND.weights).job(Target(find_part(part)), FinnOptions(**options))
    design = resolve(asked)
    finn, readings = finn_totals(design.design), estimate(design)
    rate, dsp, blocks, lut = (
        total(readings, metric) for metric in (Metric.THROUGHPUT_FPS, Metric.DSP, Metric.BRAM18, Metric.LUT)
    )
    assert rate and dsp and blocks and lut
    several = f"{blocks.low:.0f} to {blocks.high:.0f}" if blocks.low != blocks.high else f"{blocks.value:.0f}"
    theirs = {metric: f"{value:,}" for metric, value in finn.items()}
    cells = [name, f"{rate.value:,.0f}", theirs[Metric.DSP], f"{dsp.value:.0f}", theirs[Metric.BRAM18], several]
    cells.append(theirs[Metric.LUT])
    assert f"| {' | '.join(cells)} | {lut.value:,.0f} ({lut.low:,.0f} to {lut.high:,.0f}) |" in PAGE.read_text()
