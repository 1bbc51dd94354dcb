"""Reuse factors by the solver: what it says of a folding is what the estimate says of the design."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import pytest

from backends.dataflow.folding import Cost
from backends.dataflow.space import Solved
from backends.hls4ml import BACKEND
from backends.hls4ml.design import Hls4mlDesign, factors
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.resolve import folding_problem
from backends.hls4ml.reuse import legal, sizes
from backends.protocol import Job
from flows.core.evidence import RESOURCES, Metric, Reading, Tier, nearest, total
from flows.core.fit import Verdict, judge
from flows.core.margins import KEPT, MARGINS
from models.network import Network
from models.zoo import ARCH5, ARCH8
from tests.backends.hls4ml.answers import design_of, only_refusal, refusals, said


def estimate(job: Job[Hls4mlOptions]) -> Sequence[Reading]:
    return BACKEND.estimate(BACKEND.resolve(job))


def fit(solved: Solved[Hls4mlDesign]) -> Verdict:
    return judge(BACKEND.estimate(solved), solved.design.job.target.part.device).verdict


def routed(readings: Sequence[Reading], metric: Metric) -> Reading:
    reading = total(nearest(readings), metric)
    assert reading and reading.stage is Tier.ROUTED
    return reading


def least(design: Hls4mlDesign, choices: Mapping[str, Sequence[int]]) -> Cost:
    """The least of each resource that the solver thinks that these reuse factors take near `design`, by estimates."""
    return folding_problem(design, choices).around(design)(False, KEPT).least()


def promised(design: Hls4mlDesign) -> Cost:
    """What the solver thinks that `design` takes of each resource, by estimates."""
    return least(design, {name: (factor,) for name, factor in design.reuse.items()})


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020", "xc7z045"])
@pytest.mark.parametrize("network", [ARCH5, ARCH8], ids=lambda each: each.name)
def test_its_totals_are_those_of_the_estimate(
    job_of: Callable[..., Job[Hls4mlOptions]], network: Network, part: str
) -> None:
    job = job_of(network, part=part)
    solved = BACKEND.resolve(job)
    answer = solved.answer
    assert answer and solved.design.reuse == answer.folding.values
    readings = BACKEND.estimate(solved)
    for metric, value in zip(RESOURCES, promised(solved.design), strict=True):
        assert routed(readings, metric).value == pytest.approx(value, abs=0.51)
    verdicts = {True: {Verdict.FITS}, False: {Verdict.AT_RISK, Verdict.UNDECIDED, Verdict.OVER}}
    assert fit(solved) in verdicts[answer.sure]
    assert (fit(solved) is Verdict.OVER) <= bool(answer.lacking)


def test_on_a_large_part_it_is_sure_and_says_what_stops_it(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    job = job_of(ARCH5, part="xc7z100")
    solved = BACKEND.resolve(job)
    answer = solved.answer
    assert answer and answer.sure and answer.stops and fit(solved) is Verdict.FITS
    assert any("would let it be faster" in text for text in said(job))


def test_where_nothing_fits_it_proves_so(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    """No resource grows where every layer takes its largest reuse factor, but for block RAM."""
    job = job_of(ARCH8, part="xc7z010")
    answer = BACKEND.resolve(job).answer
    assert answer and Metric.LUT in answer.lacking
    largest = ",".join(f"{name}={legal(*size)[-1]}" for name, size in sizes(ARCH8).items())
    reading = routed(estimate(job_of(ARCH8, part="xc7z010", reuse_factor=largest)), Metric.LUT)
    assert reading.value > 0.9 * 17_600 and answer.lacking[Metric.LUT] <= 1.1 * reading.value + 1
    assert any(f"would leave {str(MARGINS).removesuffix(' kept free')} free" in text for text in said(job))


@pytest.mark.parametrize("rate", ["50", "300", "900.5"])
def test_a_target_is_reached_and_no_cheaper_than_needed(job_of: Callable[..., Job[Hls4mlOptions]], rate: str) -> None:
    job = job_of(ARCH8, target_fps=rate)
    assert refusals(job) == ()
    assert design_of(job).interval <= 1e8 / float(rate)
    readings = {wanted: estimate(job_of(ARCH8, target_fps=wanted)) for wanted in (rate, str(2 * float(rate)))}
    dsp = [reading.value for each in readings.values() if (reading := total(each, Metric.DSP))]
    assert dsp[0] <= dsp[1]


def test_a_rate_beyond_reach_is_refused_with_the_highest(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    refusal = only_refusal(job_of(ARCH8, target_fps="1e9"))
    assert refusal.culprit == "--target-fps" and "beyond reach" in refusal.fact
    highest = refusal.nearest.removeprefix("--target-fps ")
    assert refusals(job_of(ARCH8, target_fps=highest)) == ()
    assert refusals(job_of(ARCH8, target_fps=str(math.ceil(float(highest) * 1.01)))) != ()
    refusal = only_refusal(job_of(ARCH8, target_fps="300", reuse_factor="64"))
    assert refusal.nearest == "--reuse-factor auto"


def test_factors_of_single_layers_stay(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    design = design_of(job_of(ARCH8, reuse_factor="auto,dense=28,block1_conv1=27"))
    assert (design.reuse["dense"], design.reuse["block1_conv1"]) == (28, 27)


@pytest.mark.parametrize("precision", ["ap_fixed<8,4>", "ap_fixed<16,6>"])
def test_where_nothing_fits_little_more_than_the_least_is_taken(
    job_of: Callable[..., Job[Hls4mlOptions]], precision: str
) -> None:
    """Fast, but not for many times what the part lacks anyway."""
    solved = BACKEND.resolve(job_of(ARCH8, part="xc7z010", precision=precision))
    answer = solved.answer
    assert answer and Metric.LUT in answer.lacking
    takes, fewest = promised(solved.design), least(solved.design, factors(solved.design.job))
    for metric, value, few in zip(RESOURCES, takes, fewest, strict=True):
        assert metric not in answer.lacking or value <= 1.1 * few + 1
    assert answer.nearest and answer.folding.cycles < answer.nearest.cycles
