"""What a design of the manual HLS flow will cost, against counts by hand and against itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.cost.shell import shell
from backends.hls import laws
from backends.hls.amounts import exact, summed, within
from backends.hls.design import Design
from backends.hls.estimate import FIFO, LINE_BUFFERS, SHELL, WEIGHTS, estimate
from backends.hls.folding import Space, legal
from backends.hls.folding_options import BRAM, Fold
from backends.hls.memories import weight_rom
from backends.hls.nodes import MATRIX_VECTOR, nodes
from backends.hls.resolve import resolved
from backends.hls.timing import simulation
from backends.protocol import Job
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from flows.core.part import find_part
from models.network import Network
from models.quantised import QuantisedNetwork
from models.zoo import ARCH4, ARCH8

JobFor = Callable[..., Job]
EightBit = Callable[[Network], QuantisedNetwork]
EXACT = (Metric.BRAM18, Metric.DSP)


def value(readings: Sequence[Reading], metric: Metric, scope: str = TOTAL) -> float:
    return next(one.value for one in readings if one.metric is metric and one.scope == scope)


@pytest.mark.parametrize("sure", [False, True], ids=["estimates", "upper bounds"])
@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_the_solver_and_the_estimate_agree(part: str, sure: bool, job_for: JobFor, eight_bit: EightBit) -> None:
    found = resolved(job_for(part), eight_bit(ARCH8))
    space = Space(found.design, found.design.folds, found.design.buffers, sure=sure)
    cost = tuple(map(sum, zip(*(one.cost for (one,) in space.layers.values()), strict=True)))
    totals = space.totals(cost)
    for one in estimate(found.design):
        if one.metric in RESOURCES and one.scope == TOTAL:
            if not sure:
                assert totals[one.metric] == pytest.approx(one.value, abs=0.5)
            else:
                assert one.high is not None
                assert totals[one.metric] >= one.high - 0.5, "the solver is never more hopeful"


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_scopes_add_up(data: st.DataObject, job_for: JobFor, eight_bit: EightBit) -> None:
    job, quantised = job_for("xc7z020", ARCH4), eight_bit(ARCH4)
    sizes = {node.name: node.foldable for node in nodes(quantised) if node.kind == MATRIX_VECTOR}
    folds = {name: data.draw(st.sampled_from(legal(size))) for name, size in sizes.items()}
    readings = estimate(Design(job, quantised, folds))
    scopes = {one.scope for one in readings} - {TOTAL}
    assert {FIFO, SHELL, WEIGHTS, LINE_BUFFERS, *sizes} <= scopes
    for metric in RESOURCES:
        parts = sum(value(readings, metric, scope) for scope in scopes)
        assert value(readings, metric) == pytest.approx(parts, abs=len(scopes) / 2)
    assert value(readings, Metric.DSP) == sum(fold.multipliers for fold in folds.values())


def test_memories_by_hand() -> None:
    """UG473: 512 words of 36 bits, 1,024 of 18, 2,048 of 9. 252 words of 224 bits take 7, 1,008 of 112 bits 7."""
    device = find_part("xc7z020").device
    assert replace(weight_rom((252, 28), Fold(1, 28), 8, device), storage=BRAM).bram18 == 7
    assert replace(weight_rom((504, 56), Fold(2, 14), 8, device), storage=BRAM).bram18 == 2 * 7
    assert weight_rom((56, 10), Fold(10, 56), 8, device).luts == 10 * 56 * 8, "one word: constants in LUTs"
    assert weight_rom((504, 56), Fold(1, 14), 8, device).storage == BRAM, "2,016 words: a larger share of LUTs"


def test_what_every_number_says_of_itself(job_for: JobFor, eight_bit: EightBit) -> None:
    readings = estimate(resolved(job_for(), eight_bit(ARCH8)).design)
    for one in readings:
        assert one.tier is Tier.MODELLED
        assert one.source
        assert one.low is None or one.high is None or one.low <= one.value <= one.high
        assert one.stage is (Tier.ROUTED if one.metric in RESOURCES else Tier.RTL_SIMULATED)
    for metric, charged in shell().items():
        assert value(readings, metric, SHELL) == charged


def test_first_frame_and_steady_state(job_for: JobFor, eight_bit: EightBit) -> None:
    design = resolved(job_for(), eight_bit(ARCH8)).design
    readings, found = estimate(design), simulation(design)
    assert value(readings, Metric.LATENCY_CYCLES) == found.latency
    assert value(readings, Metric.INTERVAL_CYCLES) == found.interval
    assert found.latency > found.interval
    assert value(readings, Metric.THROUGHPUT_FPS) == pytest.approx(1e8 / found.interval)
    busiest = max(value(readings, Metric.INTERVAL_CYCLES, node.scope) for node in design.nodes)
    assert busiest == max(stage.busy for stage in design.stages)


def test_a_faster_clock_takes_as_many_cycles(job_for: JobFor, eight_bit: EightBit) -> None:
    slow, fast = (estimate(resolved(job_for(clock_ns=ns), eight_bit(ARCH8)).design) for ns in (10.0, 5.0))
    assert value(slow, Metric.INTERVAL_CYCLES) == value(fast, Metric.INTERVAL_CYCLES)
    assert value(fast, Metric.THROUGHPUT_FPS) == pytest.approx(2 * value(slow, Metric.THROUGHPUT_FPS))


@given(st.integers(1, 28), st.integers(1, 64))
def test_adders_in_luts_lie_between_none_and_all(pe: int, simd: int) -> None:
    found = laws.adders(Fold(pe, simd), 16, 32)
    assert 0 == found.low <= found.value <= found.high
    assert (found.value == 0) == (simd == 1)


@given(st.integers(1, 28), st.integers(2, 64))
def test_packing_needs_more_luts_than_sums_in_the_dsp(pe: int, simd: int) -> None:
    packed, plain = laws.packed_adders(Fold(pe, simd), 32), laws.adders(Fold(pe, simd), 16, 32)
    assert packed.low > plain.low
    assert laws.packed_multipliers(Fold(2 * pe, simd)).value == pe * simd


@given(st.lists(st.floats(1, 1e4), min_size=2, max_size=6))
def test_laws_err_independently_and_their_amounts_together(values: list[float]) -> None:
    doubled = partial(within, factor=2.0, source="")
    together = summed(doubled(one, law="a") for one in values)
    apart = summed(doubled(one, law=str(place)) for place, one in enumerate(values))
    assert together[0] == pytest.approx(apart[0]) == pytest.approx(sum(values))
    assert together[2] == pytest.approx(2 * sum(values))
    assert apart[2] <= together[2]
    assert summed([exact(sum(values), "c", "")]) == (sum(values),) * 3
