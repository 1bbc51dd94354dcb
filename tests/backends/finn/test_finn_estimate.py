"""Estimates of FINN designs: totals, scopes, what they foretell, and how they move with the folding."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from backends.cost.shell import shell
from backends.finn import WEIGHTS, Options, fifos, laws, lower
from backends.finn.design import Design
from backends.finn.estimate import estimate, finn_totals, readings
from backends.finn.folding import Space, lightest
from backends.finn.formulas import Memory
from backends.finn.graph import nodes
from backends.finn.resolve import design
from backends.finn.schedule import stages
from backends.finn.search import set_folding, slowest
from backends.stream import simulate
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier, total
from flows.core.part import Target, find_part
from flows.jobs import find_trained
from models.zoo import ARCH5, ARCH8

from .w4a4 import TINY, job, quantised

W4A4 = quantised(ARCH8)
SMALL = quantised(TINY)


def value(found: tuple[Reading, ...], metric: Metric, scope: str = TOTAL) -> float:
    (reading,) = [one for one in found if one.metric is metric and one.scope == scope]
    return reading.value


def test_totals_are_the_sums_of_their_scopes() -> None:
    found = estimate(job(W4A4, target_fps="500", folding="finn"), W4A4)
    scopes = {one.scope for one in found} - {TOTAL}
    assert {"fifo", "width converters", "shell", "MVAU_rtl_6"} < scopes
    for metric in RESOURCES:
        parts = [one.value for one in found if one.metric is metric and one.scope != TOTAL]
        assert value(found, metric) == pytest.approx(sum(parts), abs=len(parts))
        assert value(found, metric, "shell") == shell()[metric]


def test_every_reading_says_what_it_is() -> None:
    found = estimate(job(W4A4, target_fps="500", folding="finn"), W4A4)
    for one in found:
        assert one.tier is Tier.MODELLED and one.source
        assert one.stage is (Tier.ROUTED if one.metric in RESOURCES else Tier.RTL_SIMULATED)
        if one.low is not None and one.high is not None:
            assert one.low <= one.value <= one.high
    (unit,) = [one for one in found if one.metric is Metric.LUT and one.scope == "MVAU_rtl_1"]
    assert "FINN's formula says 0" in unit.source and unit.value > 500
    assert not [one for one in found if one.metric is Metric.FMAX_MHZ]


def test_the_interval_is_finns_and_the_latency_longer() -> None:
    found = estimate(job(W4A4, target_fps="500", folding="finn"), W4A4)
    assert value(found, Metric.INTERVAL_CYCLES) == 131208
    assert value(found, Metric.LATENCY_CYCLES) > 131208
    assert value(found, Metric.THROUGHPUT_FPS) == pytest.approx(762, abs=1)
    assert value(found, Metric.INTERVAL_CYCLES, "ConvolutionInputGenerator_rtl_4") == 131208


def test_finns_own_totals_stand_beside_ours() -> None:
    made = Design(job(W4A4), W4A4, set_folding(nodes(W4A4), 1e8 / 1000))
    finn = finn_totals(made)
    ours = readings(made)
    assert (finn[Metric.DSP], value(ours, Metric.DSP)) == (
        108,
        117,
    )  # FINN puts four products with 8-bit data in a slice
    assert finn[Metric.BRAM18] == 39 < value(ours, Metric.BRAM18)
    assert finn[Metric.LUT] < value(ours, Metric.LUT) / 3


def test_the_solvers_totals_are_the_estimates() -> None:
    """Sums that the solver judges by, of a folding it chose, are those that are reported."""
    asked = job(W4A4)
    base = nodes(W4A4)
    folding = lightest(Space(base, Memory(), asked.target.part.device, ()), 2e5)
    assert folding
    made = Design(asked, W4A4, folding)
    space = Space(base, Memory(), asked.target.part.device, made.links)
    cost = [0.0] * (2 * len(RESOURCES))
    for name, choices in space.units.items():
        place = next(one for one in base if one.name == name).folds.index(folding[name])
        cost = [a + b for a, b in zip(cost, choices[place].cost, strict=True)]
    rest, squares = space.rest(2e5)
    for index, metric in enumerate(RESOURCES):
        reading = total(readings(made), metric)
        assert reading and reading.high is not None
        assert reading.value == pytest.approx(cost[2 * index] + rest[index], abs=1)
        above = sqrt(cost[2 * index + 1] ** 2 + squares[index])
        assert reading.high == pytest.approx(cost[2 * index] + rest[index] + above, rel=0.01)


def test_a_unit_in_hls_is_estimated_in_full() -> None:
    arithmetic = quantised(TINY, weights=3)
    found = estimate(job(arithmetic, target_fps="100", folding="finn"), arithmetic)
    assert not [one for one in found if one.at_least]
    assert {one.metric for one in found if one.scope == "MVAU_hls_0"} >= {*RESOURCES}


def test_memories_are_options() -> None:
    def block_ram(**options: str) -> float:
        return value(estimate(job(W4A4, target_fps="500", folding="finn", **options), W4A4), Metric.BRAM18)

    plain = block_ram()
    assert block_ram(weight_style="distributed") == plain - 22
    assert block_ram(window_style="block") > plain
    assert block_ram(fifo_style="srl") < plain


def test_a_network_without_skips_has_fifos_and_no_copies() -> None:
    arithmetic = quantised(ARCH5)
    made = Design(job(arithmetic), arithmetic, set_folding(nodes(arithmetic), 1e6))
    assert not [node for node in made.nodes if node.op == "DuplicateStreams_hls"]
    assert value(readings(made), Metric.LUT, "fifo") > 0


@settings(max_examples=25)
@given(some.data())
def test_fifos_let_every_folding_run_at_full_speed(data: some.DataObject) -> None:
    made = nodes(SMALL)
    folding = {node.name: data.draw(some.sampled_from(node.folds), node.name) for node in made}
    found = stages(made, folding)
    depths = fifos.sized(made, found)
    run = simulate(found, depths)
    assert run.deadlock is None
    assert run.interval <= max(1.01 * slowest(made, folding), simulate(found, {}).interval)
    for link in fifos.links(made, folding, depths, "auto"):
        assert all(
            amount is None or amount.low <= amount.value <= amount.high for amount in laws.of_link(link).values()
        )


@given(some.floats(1e3, 1e6), some.floats(1e3, 1e6))
def test_a_faster_search_takes_no_fewer_dsps(one: float, other: float) -> None:
    made = nodes(SMALL)
    slow, fast = (set_folding(made, cycles) for cycles in (max(one, other), min(one, other)))
    assert slowest(made, fast) <= slowest(made, slow)


RATES = 100, 500, 1000, 2000
PAGE = Path(__file__).parents[3] / "docs" / "finn-estimates.md"


@pytest.mark.parametrize(
    ("name", "part", "options"),
    [
        *(
            (f"finn, {rate}", "xc7z020", {"target_fps": str(rate), "folding": "finn"})
            for rate in (100, 500, 1000, 2000)
        ),
        *((f"auto, {part}", part, {}) for part in ("xc7z010", "xc7z020")),
    ],
)
def test_the_pages_table_is_what_is_estimated(name: str, part: str, options: dict[str, str]) -> None:
    """On the weights that ship."""
    asked = find_trained("arch8", None, WEIGHTS).job(Target(find_part(part)), Options(**options))
    made = design(asked, lower(asked))
    finn, found = finn_totals(made), readings(made)
    rate, dsp, blocks, lut = (
        total(found, metric) for metric in (Metric.THROUGHPUT_FPS, Metric.DSP, Metric.BRAM18, Metric.LUT)
    )
    assert rate and dsp and blocks and lut
    several = f"{blocks.low:.0f} to {blocks.high:.0f}" if blocks.low != blocks.high else f"{blocks.value:.0f}"
    theirs = {metric: f"{value:,}" for metric, value in finn.items()}
    cells = [name, f"{rate.value:,.0f}", theirs[Metric.DSP], f"{dsp.value:.0f}", theirs[Metric.BRAM18], several]
    cells.append(theirs[Metric.LUT])
    assert f"| {' | '.join(cells)} | {lut.value:,.0f} ({lut.low:,.0f} to {lut.high:,.0f}) |" in PAGE.read_text()
