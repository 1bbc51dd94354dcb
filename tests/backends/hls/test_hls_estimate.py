"""What a design of the manual HLS flow will cost, against counts by hand and against itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.cost import shell
from backends.dataflow.buffers import BRAM
from backends.dataflow.layers.design import FIFO
from backends.dataflow.layers.memories import weight_rom
from backends.dataflow.layers.nodes import MATRIX_VECTOR, nodes
from backends.dataflow.pe_simd import Fold, legal
from backends.dataflow.space import Solved
from backends.hls.design import resources
from backends.hls.design.costs import LINE_BUFFERS, WEIGHTS
from backends.hls.design.design import HlsDesign
from backends.hls.estimate import estimate
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from flows.core.margins import KEPT
from flows.core.part import find_part
from models.zoo import ARCH4, ARCH8
from tests.backends.hls.eight_bit import budgets_around, eight_bit, job_for, solved


def value(readings: Sequence[Reading], metric: Metric, scope: str = TOTAL) -> float:
    return next(reading.value for reading in readings if reading.metric is metric and reading.scope == scope)


@pytest.mark.parametrize("sure", [False, True], ids=["estimates", "upper bounds"])
@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_the_solver_and_the_estimate_agree(part: str, sure: bool) -> None:
    space = budgets_around(solved(part).design, folded=True)(sure, KEPT)
    assert all(len(choices.values) == 1 for choices in space.choices.values())
    totals = dict(zip(RESOURCES, space.least()[-len(RESOURCES) :], strict=True))
    for reading in estimate(solved(part)):
        if reading.metric in RESOURCES and reading.scope == TOTAL:
            if not sure:
                assert totals[reading.metric] == pytest.approx(reading.value, abs=0.5)
            else:
                assert reading.high is not None
                assert totals[reading.metric] >= reading.high - 0.5, "the solver is never more hopeful"


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_scopes_add_up(data: st.DataObject) -> None:
    job, quantised = job_for("xc7z020", ARCH4), eight_bit(ARCH4)
    sizes = {node.name: node.foldable for node in nodes(quantised) if node.kind == MATRIX_VECTOR}
    folds = {name: data.draw(st.sampled_from(legal(size))) for name, size in sizes.items()}
    readings = estimate(Solved(HlsDesign(job, quantised, folds), None))
    scopes = {reading.scope for reading in readings} - {TOTAL}
    assert {FIFO, shell.SCOPE, WEIGHTS, LINE_BUFFERS, *sizes} <= scopes
    for metric in RESOURCES:
        parts = sum(value(readings, metric, scope) for scope in scopes)
        assert value(readings, metric) == pytest.approx(parts, abs=len(scopes) / 2)
    assert value(readings, Metric.DSP) == sum(-(-fold.pe // 2) * fold.simd for fold in folds.values()), (
        "two products each"
    )


def test_memories_by_hand() -> None:
    """UG473: 512 words of 36 bits, 1,024 of 18, 2,048 of 9. 252 words of 224 bits take 7, 1,008 of 112 bits 7."""
    device = find_part("xc7z020").device
    units = {node.name: node for node in nodes(eight_bit(ARCH8)) if node.kind == MATRIX_VECTOR}
    first, last, dense = units["block1_conv2"], units["block2_conv2"], units["dense"]
    assert (first.size, last.size, dense.size) == ((252, 28), (504, 56), (56, 10))
    assert replace(weight_rom(first, Fold(1, 28), 8, device), storage=BRAM).bram18 == 7
    assert replace(weight_rom(last, Fold(2, 14), 8, device), storage=BRAM).bram18 == 2 * 7
    assert weight_rom(dense, Fold(10, 56), 8, device).luts == 10 * 56 * 8, "one word: constants in LUTs"
    assert weight_rom(last, Fold(1, 14), 8, device).storage == BRAM, "2,016 words: a larger share of LUTs"
    assert weight_rom(first, Fold(5, 8), 8, device).depth == 3 * 11 * 6, "84 values of a column and 28 results, filled"


def test_what_every_number_says_of_itself() -> None:
    readings = estimate(solved())
    for reading in readings:
        assert reading.tier is Tier.MODELLED
        assert reading.source
        assert reading.low is None or reading.high is None or reading.low <= reading.value <= reading.high
        assert reading.stage is (Tier.ROUTED if reading.metric in (*RESOURCES, Metric.FMAX_MHZ) else Tier.RTL_SIMULATED)
    for metric in RESOURCES:
        assert value(readings, metric, shell.SCOPE) == shell.DEFAULT.range(metric).value


def test_first_frame_and_steady_state() -> None:
    design, readings = solved().design, estimate(solved())
    latency, interval = design.simulation.latency, design.simulation.interval
    assert value(readings, Metric.LATENCY_CYCLES) == latency
    assert value(readings, Metric.INTERVAL_CYCLES) == interval
    assert latency > interval
    assert value(readings, Metric.THROUGHPUT_FPS) == pytest.approx(1e8 / interval)
    busiest = max(value(readings, Metric.INTERVAL_CYCLES, node.scope) for node in design.nodes)
    assert busiest == max(stage.busy for stage in design.stages)


def test_a_faster_clock_takes_as_many_cycles() -> None:
    slow, fast = (estimate(solved(clock_ns=clock_ns)) for clock_ns in (10.0, 5.0))
    assert value(slow, Metric.INTERVAL_CYCLES) == value(fast, Metric.INTERVAL_CYCLES)
    assert value(fast, Metric.THROUGHPUT_FPS) == pytest.approx(2 * value(slow, Metric.THROUGHPUT_FPS))


@given(st.integers(1, 28), st.integers(1, 64))
def test_adders_in_luts_lie_between_none_and_all(pe: int, simd: int) -> None:
    adders = resources.adders(Fold(pe, simd), 16, 32)
    assert 0 == adders.low <= adders.value <= adders.high
    assert (adders.value == 0) == (simd == 1)
