from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.evidence import RESOURCES, Metric, Reading, Tier
from flows.core.fit import Verdict, judge
from flows.core.margins import Margins
from flows.core.part import Device

DEVICE = Device("chip", lut=1000, ff=2000, bram18=100, dsp=50, packages=("p1",), speed_grades=("-1",), source="")


KEEPING = Margins(lut=0.1, ff=0.1, bram18=0.1, dsp=0.1)
"""Of 1,000 LUT, 900 are usable."""


def readings(**ends: tuple[float, float]) -> list[Reading]:
    """Models of one stage: (lower end, upper end) by metric, the value in the middle."""
    by_names = {metric: ends.get(metric.key, (1, 1)) for metric in RESOURCES}
    return [
        Reading(metric, (low + high) / 2, Tier.MODELLED, "chip", "model", predicts=Tier.HLS, low=low, high=high)
        for metric, (low, high) in by_names.items()
    ]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (800, 900, Verdict.FITS),
        (900, 900, Verdict.FITS),
        (800, 1_000, Verdict.FITS),  # the number leaves the margin free, and its upper end is within the part
        (820, 1_000, Verdict.AT_RISK),  # the number takes some of it
        (100, 5_000, Verdict.UNDECIDED),
        (901, 1_000, Verdict.AT_RISK),
        (950, 950, Verdict.AT_RISK),  # what is known exactly is never undecided
        (950, 1_001, Verdict.UNDECIDED),  # the part lies inside
        (1_001, 5_000, Verdict.OVER),
        (1_001, 1_001, Verdict.OVER),
    ],
)
def test_an_interval_against_the_part_and_its_margin(low: float, high: float, verdict: Verdict) -> None:
    fit = judge(readings(lut=(low, high)), DEVICE, KEEPING)
    assert (fit.verdict, fit.binding, fit.stage) == (verdict, Metric.LUT, Tier.HLS)
    assert [each.metric for each in fit.undecided] == [Metric.LUT] * (verdict is Verdict.UNDECIDED)
    assert fit.excess.keys() == ({Metric.LUT} if verdict is Verdict.OVER else set())


@given(st.floats(0, 2_000), st.floats(0, 2_000), st.floats(0, 0.9))
def test_over_and_fits_are_said_only_where_the_ends_bear_it(one: float, other: float, margin: float) -> None:
    low, high = sorted((one, other))
    fit = readings(lut=(low, high))
    (value,) = (reading.value for reading in fit if reading.metric is Metric.LUT)
    verdict = judge(fit, DEVICE, Margins(lut=margin)).verdict
    assert (verdict is Verdict.OVER) == (low > 1_000)
    assert (verdict is Verdict.FITS) == (high <= 1_000 and value <= 1_000 * (1 - margin))


def test_the_worst_resource_counts() -> None:
    fit = judge(readings(lut=(950, 950), ff=(100, 5_000), dsp=(60, 62)), DEVICE, KEEPING)
    assert (fit.verdict, fit.binding, fit.excess) == (Verdict.OVER, Metric.DSP, {Metric.DSP: 11})
    assert judge(readings(lut=(950, 950), ff=(100, 5_000)), DEVICE, KEEPING).verdict is Verdict.UNDECIDED


def test_each_resource_has_a_margin_of_its_own() -> None:
    """DSP slices are counted exactly and route to the last few; LUTs are not, and do not."""
    assert judge(readings(dsp=(49, 49)), DEVICE).verdict is Verdict.FITS
    assert judge(readings(lut=(980, 980)), DEVICE).verdict is Verdict.AT_RISK
    assert judge(readings(dsp=(49, 49)), DEVICE, Margins(dsp=0.1)).verdict is Verdict.AT_RISK


def test_a_lower_bound_never_fits() -> None:
    fit = readings()
    for value, verdict in ((1, Verdict.UNDECIDED), (2_000, Verdict.OVER)):
        fit[0] = replace(readings(lut=(value, value))[0], at_least=True)
        assert judge(fit, DEVICE).verdict is verdict


@pytest.mark.parametrize("value", [1, 950, 5_000])
def test_a_model_without_an_interval_decides_nothing_and_a_report_does(value: float) -> None:
    model = Reading(Metric.LUT, value, Tier.MODELLED, "chip", "model", predicts=Tier.HLS)
    assert judge([model, *readings()[1:]], DEVICE).verdict is Verdict.UNDECIDED
    report = Reading(Metric.LUT, value, Tier.HLS, "chip", "csynth")
    assert judge([report, *readings()[1:]], DEVICE).verdict is not Verdict.UNDECIDED


def test_unknown_is_unknown_and_never_0() -> None:
    assert judge([], DEVICE).verdict is Verdict.UNKNOWN
    assert judge(readings()[:3], DEVICE).verdict is Verdict.UNKNOWN


def routed(*metrics: Metric, value: float = 5) -> list[Reading]:
    return [Reading(metric, value, Tier.ROUTED, "chip", "report") for metric in metrics]


def test_stages_are_never_mixed() -> None:
    """One routed number does not make up for three that are missing: the stage that is known in full is judged."""
    fit = judge([*routed(Metric.LUT, value=5_000), *readings(lut=(700, 800))], DEVICE)
    assert (fit.stage, fit.verdict) == (Tier.HLS, Verdict.FITS)


@given(st.permutations([*routed(*RESOURCES), *readings(lut=(2_000, 2_000))]))
def test_of_two_stages_in_full_the_nearer_the_metal_is_judged(mixed: list[Reading]) -> None:
    fit = judge(mixed, DEVICE)
    assert (fit.stage, fit.verdict, fit.excess) == (Tier.ROUTED, Verdict.FITS, {})


@given(st.permutations([*readings(), Reading(Metric.LUT, 1_010, Tier.HLS, "chip", "csynth")]))
def test_within_a_stage_a_report_counts_before_a_model(mixed: list[Reading]) -> None:
    fit = judge(mixed, DEVICE)
    assert (fit.stage, fit.excess) == (Tier.HLS, {Metric.LUT: 10})


def test_layers_do_not_count() -> None:
    fit = [*readings(), Reading(Metric.LUT, 5_000, Tier.ROUTED, "chip", "report", "a layer")]
    assert judge(fit, DEVICE).stage is Tier.HLS
