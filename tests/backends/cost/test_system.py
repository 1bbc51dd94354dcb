"""The rate of the system against boards of which both rates are known, and what it may never do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cost.system import BATCH, BEST, USUAL, WORST, seconds, transferred, with_system
from flows.core.evidence import TOTAL, Metric, Reading, Tier, total
from flows.jobs import find_trained
from models.network import INPUT
from models.quantised import QuantisedNetwork

RATE = Reading(
    Metric.THROUGHPUT_FPS, 1_000.0, Tier.MODELLED, "10 ns clock", "model", TOTAL, Tier.RTL_SIMULATED, 900, 1_100
)
LATENCY = Reading(Metric.LATENCY_US, 1_500.0, Tier.MODELLED, "10 ns clock", "model", TOTAL, Tier.RTL_SIMULATED)


@pytest.fixture(scope="module")
def quantised() -> QuantisedNetwork:
    from backends.hls import BACKEND
    from flows.core.part import Target, find_part

    job = find_trained("arch8", None).job(Target(find_part("xc7z020")), BACKEND.options())
    return BACKEND.lower(BACKEND.resolve(job))


@pytest.mark.parametrize(
    ("images", "core", "given_bytes", "taken_bytes", "board"),
    [
        (1_000, 448_877, 12 * 12 * 3, 1, 146_038),  # FINN, GTSRB
        (166_000, 1_052_632, 16 * 4, 5 * 4, 703_900),  # hls4ml, jet classifier of floats
    ],
)
def test_boards_reach_what_is_predicted(
    images: int, core: float, given_bytes: int, taken_bytes: int, board: float
) -> None:
    low, value, high = (
        images / seconds(images, core, 20e-6, given_bytes, taken_bytes, host, 10.0) for host in (WORST, USUAL, BEST)
    )
    assert low <= board <= high and abs(value / board - 1) < 0.25


@given(st.floats(1, 1e7), st.integers(1, 100_000), st.integers(1, 100_000))
def test_it_is_never_faster_than_the_core_and_larger_calls_never_slower(core: float, one: int, other: int) -> None:
    few, many = sorted((one, other))
    rates = [images / seconds(images, core, 1 / core, 3072, 10, USUAL, 10.0) for images in (few, many)]
    assert rates[0] <= rates[1] * (1 + 1e-9) and rates[1] <= core * (1 + 1e-9)


def test_the_stream_of_the_dma_bounds_a_fast_core() -> None:
    assert 1_000 / seconds(1_000, 1e9, 0.0, 40_000, 1, USUAL, 10.0) < 1e8 / 10_000


def test_an_image_travels_in_whole_bytes(quantised: QuantisedNetwork) -> None:
    assert transferred(quantised, INPUT) == 3072
    assert quantised.type_of(quantised.output).width == 32 and transferred(quantised, quantised.output) == 10 * 4


def test_both_rates_stand_beside_the_cores_with_what_was_assumed(quantised: QuantisedNetwork) -> None:
    readings = with_system([RATE, LATENCY], quantised, 10.0)
    many, single = total(readings, Metric.SYSTEM_FPS), total(readings, Metric.SINGLE_FPS)
    assert many and single and list(readings[:2]) == [RATE, LATENCY]
    assert (many.n, single.n, many.tier, many.stage) == (BATCH, 1, Tier.MODELLED, Tier.MEASURED)
    assert single.value < many.value < 1_000 and many.low and many.high and many.low < many.value < many.high
    assert single.value == pytest.approx(1e6 / (940 + 1_500 + (3072 + transferred(quantised, quantised.output)) / 140))
    assert "0.94 ms a call, copies at 140 MB/s" in many.source and "3,072 in" in many.source
    assert total(with_system([RATE, LATENCY], quantised, 10.0, 1), Metric.SYSTEM_FPS) is None, (
        "one a call is one number"
    )


def test_nothing_is_said_where_the_core_is_unknown_or_a_board_was_measured(quantised: QuantisedNetwork) -> None:
    assert with_system([LATENCY], quantised, 10.0) == [LATENCY]
    board = [replace(RATE, tier=Tier.MEASURED, predicts=None)]
    assert with_system(board, quantised, 10.0) == board
    (_, only) = with_system([RATE], quantised, 10.0)
    assert only.metric is Metric.SYSTEM_FPS, "one a call needs the latency"
