"""The estimate of ARCH_8: its figures against a count by hand, and what must hold at any reuse factor."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dataflow.space import Solved
from backends.hls4ml.design import Hls4mlDesign, snapped, unrolled
from backends.hls4ml.estimate import estimate
from backends.hls4ml.options import FRAME, TOOL, Hls4mlOptions
from backends.protocol import Job
from flows.core.evidence import RESOURCES, SHELL, TOTAL, Metric, Reading, Tier, total
from flows.core.part import Device, Part, Target
from models.fixed import FixedType, Overflow, Rounding
from models.layers import Clip, Conv2D, Dense, Flatten, GlobalAveragePool, GroupedConv2D, Softmax
from models.network import INPUT, Network
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, SoftmaxTables
from models.zoo import ARCH8

WORD = FixedType(16, 6)
SATURATED = FixedType(16, 8, rounding=Rounding.RND, overflow=Overflow.SAT)
WHOLES = (TOTAL, SHELL)
DEVICE = Device("xc7z020", 53200, 106400, 280, 220, ("clg400",), ("-1",), "a test")


def job(network: Network = ARCH8, **options: Any) -> Job[Hls4mlOptions]:
    target = Target(Part(DEVICE, "clg400", "-1", "xc7z020"), 10.0)
    usual = {"backend": "Vitis", "fifo_depth": FRAME, "fifo_storage": TOOL}
    nothing: Any = None
    return Job(network, nothing, nothing, target, Hls4mlOptions(**(usual | options)))


@cache
def quantised(network: Network = ARCH8, output: FixedType = SATURATED) -> QuantisedNetwork:
    layers = {}
    for layer in network.layers:
        wide = FixedType(42, 22) if isinstance(layer, Conv2D | Dense | GlobalAveragePool) else None
        weight = WORD if isinstance(layer, Conv2D | Dense) else None
        tables = SoftmaxTables(1024, WORD, WORD, WORD, WORD, WORD) if isinstance(layer, Softmax) else None
        kept = WORD if isinstance(layer, Flatten) else output  # only of the input here
        layers[layer.name] = Arithmetic(kept, weight, weight, wide, tables)
    return QuantisedNetwork(network, "weights", InputContract(WORD), layers)


def solved_job(asked: Job[Hls4mlOptions], arithmetic: QuantisedNetwork) -> Solved[Hls4mlDesign]:
    return Solved(Hls4mlDesign(asked, arithmetic, snapped(asked), unrolled(asked)), None)


def readings(wanted: int | str = 211, **options: Any) -> tuple[Reading, ...]:
    asked = job(reuse_factor=str(wanted), **options)
    return tuple(estimate(solved_job(asked, quantised())))


def value(estimates: tuple[Reading, ...], metric: Metric, scope: str = TOTAL) -> float:
    return next(each.value for each in estimates if each.metric is metric and each.scope == scope)


def bounds(reading: Reading) -> tuple[float, float]:
    assert reading.low is not None and reading.high is not None
    return reading.low, reading.high


def test_fifos_as_deep_as_a_frame_take_most_of_the_block_ram() -> None:
    """Tokens of 3, 28 and 56 words of 16 bits take 3, 25 and 50 RAMB18 up to a depth of 1024, twice as many at 34 x 34.

    Input: two copies and one padded. 28 channels: seven layers, two copies, and the paddings at 34 x 34 and 18 x 18.
    56 channels: seven layers and the padding at 18 x 18.
    """
    by_hand = (3 + 3 + 6) + (7 * 25 + 2 * 25 + 50 + 25) + (7 * 50 + 50)
    assert value(readings(), Metric.BRAM18, "fifo") == by_hand


def test_the_default_is_the_least_that_fits_in_dsp() -> None:
    estimates = readings()
    assert value(estimates, Metric.DSP) <= DEVICE.dsp
    assert value(estimates, Metric.DSP, "block2_conv2") == 504 * 56 / 252


def test_the_interval_is_that_of_the_slowest_layer() -> None:
    """At a reuse factor of 252: 1024 pixels computed, 1156 - 1024 stored; every other layer is quicker."""
    estimates = readings(252)
    assert value(estimates, Metric.INTERVAL_CYCLES) == 1024 * (252 + 5) + 132 * 4
    assert value(estimates, Metric.THROUGHPUT_FPS) == pytest.approx(1e8 / 263_696)
    assert value(estimates, Metric.LATENCY_CYCLES) > 263_696
    interval, worst = (
        next(each for each in estimates if (each.scope, each.metric) == ("block1_conv2", metric))
        for metric in (Metric.INTERVAL_CYCLES, Metric.LATENCY_CYCLES)
    )
    assert (interval.value, interval.predicts) == (1024 * (252 + 5) + 132 * 4, Tier.RTL_SIMULATED)
    assert (worst.value, worst.predicts) == (1156 * 257 + 1, Tier.HLS)


def test_cycles_lie_between_bare_reuse_factors_and_the_worst_case_of_csynth() -> None:
    estimates = readings(252)
    interval, rate = total(estimates, Metric.INTERVAL_CYCLES), total(estimates, Metric.THROUGHPUT_FPS)
    assert interval and rate
    assert (interval.low, interval.high) == (1024 * 252 + 132, 1156 * 257)
    assert (rate.low, rate.high) == pytest.approx((1e8 / (1156 * 257), 1e8 / (1024 * 252 + 132)))


def test_every_layer_has_its_cycles() -> None:
    estimates = readings(252)
    for metric in (Metric.INTERVAL_CYCLES, Metric.LATENCY_CYCLES):
        scopes = {each.scope for each in estimates if each.metric is metric}
        assert scopes == {TOTAL, "clone", "padding", *(layer.name for layer in ARCH8.layers)}
    assert value(estimates, Metric.INTERVAL_CYCLES, "block2_pool") == 2 * 16 * 16
    assert value(estimates, Metric.INTERVAL_CYCLES, "padding") == 34 * 34
    unrolled = [reading for reading in readings(4, strategy="latency") if reading.metric is Metric.INTERVAL_CYCLES]
    assert unrolled and all(each.low is None and each.high is None for each in unrolled)


@settings(max_examples=40, deadline=None)
@given(wanted=st.integers(2, 2000), tool=st.sampled_from(["Vitis", "Vivado"]))
def test_totals_are_sums_and_bounds_enclose(wanted: int, tool: str) -> None:
    estimates = readings(wanted, backend=tool)
    assert [each.scope for each in estimates[:13]] == [TOTAL] * 13
    for metric, stage in product(RESOURCES, (Tier.HLS, Tier.ROUTED)):
        of_all = total([each for each in estimates if each.stage is stage], metric)
        charged = [each.value for each in estimates if each.metric is metric and each.scope == SHELL]
        parts = [
            each.value
            for each in estimates
            if each.metric is metric and each.stage is stage and each.scope not in WHOLES
        ]
        assert of_all is not None and of_all.value == pytest.approx(sum((*parts, *charged)), abs=len(parts) + 1)
    for each in estimates:
        assert each.tier is Tier.MODELLED and each.source and each.on
        if each.low is not None and each.high is not None:
            assert 0 <= each.low <= each.value <= each.high
    assert [each.stage for each in estimates if each.metric is Metric.FMAX_MHZ] == [Tier.ROUTED]


@settings(max_examples=30, deadline=None)
@given(low=st.integers(2, 1500), more=st.integers(1, 500))
def test_more_reuse_is_smaller_and_slower(low: int, more: int) -> None:
    fast, slow = readings(low), readings(low + more)
    assert value(fast, Metric.DSP) >= value(slow, Metric.DSP)
    assert value(fast, Metric.LUT) >= value(slow, Metric.LUT)
    assert value(fast, Metric.INTERVAL_CYCLES) <= value(slow, Metric.INTERVAL_CYCLES)
    assert value(fast, Metric.LATENCY_CYCLES) <= value(slow, Metric.LATENCY_CYCLES)


DEPTHWISE = Network(
    "depthwise",
    (12, 12, 6),
    (GroupedConv2D("deep", (INPUT,), (3, 3), (1, 1), "same", 6, 6), Clip("relu", ("deep",), 0.0, 6.0)),
)


@pytest.mark.parametrize("factor", [1, 2, 6, 18, 54])
def test_of_a_depthwise_convolution_is_said_what_is_known(factor: int) -> None:
    types = {"deep": Arithmetic(SATURATED, WORD, WORD, FixedType(42, 22)), "relu": Arithmetic(SATURATED)}
    arithmetic = QuantisedNetwork(DEPTHWISE, "weights", InputContract(WORD), types)
    rows = estimate(solved_job(job(DEPTHWISE, reuse_factor=str(factor)), arithmetic))
    deep = [row for row in rows if row.scope == "deep"]
    by_metric = {row.metric: row for row in deep if row.predicts is Tier.HLS or row.metric is Metric.DSP}
    assert Metric.LUT not in by_metric and Metric.FF not in by_metric, "no report tells what csynth counts"
    assert [row.at_least for row in rows if row.scope == TOTAL and row.metric is Metric.LUT] == [True, False]
    assert by_metric[Metric.DSP].high == 54 / factor
    (cycles,) = (row for row in deep if row.metric is Metric.INTERVAL_CYCLES)
    assert cycles.low is not None and cycles.high is not None and cycles.low <= cycles.value <= cycles.high
    assert cycles.low >= 144 * factor and (factor == 1 or cycles.high >= 144 * 54), "one product after another"


def test_constants_are_bounded_and_not_guessed() -> None:
    """At a reuse factor of 1 the weights are constants in the logic, and the count depends on their values."""
    by_name = {
        reading.metric: reading for reading in readings(1) if reading.scope == "dense" and reading.metric in RESOURCES
    }
    assert (by_name[Metric.BRAM18].value, by_name[Metric.DSP].low, by_name[Metric.DSP].high) == (0, 140, 560)
    for metric, item in by_name.items():
        low, high = bounds(item)
        assert metric is Metric.BRAM18 or low < item.value < high
    latency = readings(4, strategy="latency")
    assert value(latency, Metric.INTERVAL_CYCLES) == 1156 * 5
    dense = next(each for each in latency if each.scope == "dense" and each.metric is Metric.DSP)
    assert dense.high == 560 / 4


def test_a_softmax_of_any_size_has_a_wide_interval() -> None:
    layers = (Flatten("flat", (INPUT,)), Dense("dense", ("flat",), 7), Softmax("softmax", ("dense",)))
    network = Network("seven", (2, 2, 3), layers)
    asked = job(network, reuse_factor="12")
    estimates = estimate(solved_job(asked, quantised(network)))
    softmax = {each.metric: each for each in estimates if each.scope == "softmax" and each.metric in RESOURCES}
    assert (softmax[Metric.BRAM18].value, softmax[Metric.DSP].value) == (5, 7)
    assert all(bounds(each)[1] >= 2 * each.value for each in softmax.values())


def test_the_shell_keeps_its_own_stage() -> None:
    assert {reading.predicts for reading in readings() if reading.scope == "shell"} == {Tier.ROUTED}
    stages = [reading.predicts for reading in readings() if reading.metric in RESOURCES and reading.scope == TOTAL]
    assert stages == [Tier.HLS] * 4 + [Tier.ROUTED] * 4, "csynth's counts and what is routed are two models"


def test_an_estimate_needs_no_numpy() -> None:
    code = "import sys, backends.hls4ml.estimate; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
