"""Reuse factors by the solver: what it says of a folding is what the estimate says of the design."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from backends.cost.synthesis import with_routed
from backends.hls4ml import OVERSTATED, estimate
from backends.hls4ml.check import check
from backends.hls4ml.folding import Space
from backends.hls4ml.notes import notes
from backends.hls4ml.resolve import design, resolved
from backends.hls4ml.reuse import legal, sizes
from backends.hls4ml.timing import simulation
from backends.protocol import Job
from flows.core.evidence import RESOURCES, Metric, total
from flows.core.fit import Verdict, judge
from models.network import Network
from models.zoo import ARCH5, ARCH8


def fit(job: Job) -> Verdict:
    return judge(with_routed(estimate(job), OVERSTATED), job.target.part.device).verdict


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020", "xc7z045"])
@pytest.mark.parametrize("network", [ARCH5, ARCH8], ids=lambda one: one.name)
def test_its_totals_are_those_of_the_estimate(job_of: Callable[..., Job], network: Network, part: str) -> None:
    job = job_of(network, part=part)
    made, answer = resolved(job)
    assert answer and made.reuse == answer.folding.values
    space = Space(made, {}, made.buffers)
    readings = estimate(job)
    for metric, value in zip(RESOURCES, space.totals(answer.folding.cost), strict=True):
        reading = total(readings, metric)
        assert reading and reading.value == pytest.approx(value, abs=0.51)
    verdicts = {True: {Verdict.FITS}, False: {Verdict.AT_RISK, Verdict.OVER}}
    assert fit(job) in verdicts[answer.sure]
    assert (fit(job) is Verdict.OVER) >= bool(answer.lacking)


def test_on_a_large_part_it_is_sure_and_says_what_stops_it(job_of: Callable[..., Job]) -> None:
    job = job_of(ARCH5, part="xc7z100")
    answer = resolved(job)[1]
    assert answer and answer.sure and answer.stops and fit(job) is Verdict.FITS
    assert any("would let it be faster" in note for note in notes(job))


def test_where_nothing_fits_it_proves_so(job_of: Callable[..., Job]) -> None:
    """No resource grows where every layer takes its largest reuse factor, but for block RAM."""
    job = job_of(ARCH8, part="xc7z010")
    answer = resolved(job)[1]
    assert answer and Metric.LUT in answer.lacking
    largest = ",".join(f"{name}={legal(*size)[-1]}" for name, size in sizes(ARCH8).items())
    least = total(estimate(job_of(ARCH8, part="xc7z010", reuse_factor=largest)), Metric.LUT)
    assert least and least.value >= answer.lacking[Metric.LUT] - 1 > 0.9 * 17_600
    assert any("no reuse factors fit" in note for note in notes(job))


@pytest.mark.parametrize("rate", ["50", "300", "900.5"])
def test_a_target_is_reached_and_no_cheaper_than_needed(job_of: Callable[..., Job], rate: str) -> None:
    job = job_of(ARCH8, target_fps=rate)
    assert check(job) == ()
    assert simulation(design(job)).interval <= 1e8 / float(rate)
    readings = {wanted: estimate(job_of(ARCH8, target_fps=wanted)) for wanted in (rate, str(2 * float(rate)))}
    dsp = [reading.value for found in readings.values() if (reading := total(found, Metric.DSP))]
    assert dsp[0] <= dsp[1]


def test_a_rate_beyond_reach_is_refused_with_the_highest(job_of: Callable[..., Job]) -> None:
    (refusal,) = check(job_of(ARCH8, target_fps="1e9"))
    assert refusal.culprit == "--target-fps" and "beyond reach" in refusal.fact
    highest = refusal.nearest.removeprefix("--target-fps ")
    assert check(job_of(ARCH8, target_fps=highest)) == ()
    assert check(job_of(ARCH8, target_fps=str(math.ceil(float(highest) * 1.01)))) != ()
    (refusal,) = check(job_of(ARCH8, target_fps="300", reuse_factor="64"))
    assert refusal.nearest == "--reuse-factor auto"


def test_factors_of_single_layers_stay(job_of: Callable[..., Job]) -> None:
    made = design(job_of(ARCH8, reuse_factor="auto,dense=28,block1_conv1=27"))
    assert (made.reuse["dense"], made.reuse["block1_conv1"]) == (28, 27)


@pytest.mark.parametrize("precision", ["ap_fixed<8,4>", "ap_fixed<16,6>"])
def test_where_nothing_fits_little_more_than_the_least_is_taken(job_of: Callable[..., Job], precision: str) -> None:
    """Fast, but not for many times what the part lacks anyway."""
    made, answer = resolved(job_of(ARCH8, part="xc7z010", precision=precision))
    assert answer and Metric.LUT in answer.lacking
    totals = dict(zip(RESOURCES, Space(made, {}, made.buffers).totals(answer.folding.cost), strict=True))
    assert all(totals[metric] <= 1.1 * least + 1 for metric, least in answer.lacking.items())
    assert answer.folding.cycles < answer.nearest.cycles
