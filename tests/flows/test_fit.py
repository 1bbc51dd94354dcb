from hypothesis import given
from hypothesis import strategies as st

from flows.core.evidence import RESOURCES, Metric, Reading, Tier
from flows.core.fit import Verdict, judge
from flows.core.part import Device

DEVICE = Device("chip", lut=1000, ff=2000, bram18=100, dsp=50, packages=("p1",), speed_grades=("-1",), source="")


def readings(**values: tuple[float, float]) -> list[Reading]:
    """(value, upper bound) by metric."""
    found = {metric: values.get(metric.key, (1, 1)) for metric in RESOURCES}
    return [
        Reading(metric, value, Tier.MODELLED, "chip", "law", predicts=Tier.HLS, high=high)
        for metric, (value, high) in found.items()
    ]


def test_fits_with_the_margin_free() -> None:
    fit = judge(readings(lut=(800, 900)), DEVICE)
    assert (fit.verdict, fit.binding, fit.excess, fit.stage) == (Verdict.FITS, Metric.LUT, {}, Tier.HLS)


def test_at_risk_where_the_upper_bound_eats_the_margin() -> None:
    assert judge(readings(lut=(800, 901)), DEVICE).verdict is Verdict.AT_RISK


def test_over_says_by_how_much_and_what_binds() -> None:
    fit = judge(readings(lut=(1001, 1001), dsp=(60, 60)), DEVICE)
    assert (fit.verdict, fit.binding, fit.excess) == (Verdict.OVER, Metric.DSP, {Metric.LUT: 1, Metric.DSP: 10})


def test_a_lower_bound_never_fits() -> None:
    found = readings()
    found[0] = Reading(Metric.LUT, 1, Tier.MODELLED, "chip", "law", predicts=Tier.HLS, high=1, at_least=True)
    assert judge(found, DEVICE).verdict is Verdict.AT_RISK


def test_unknown_is_unknown_and_never_0() -> None:
    assert judge([], DEVICE).verdict is Verdict.UNKNOWN
    assert judge(readings()[:3], DEVICE).verdict is Verdict.UNKNOWN


def routed(*metrics: Metric, value: float = 5) -> list[Reading]:
    return [Reading(metric, value, Tier.ROUTED, "chip", "report") for metric in metrics]


def test_stages_are_never_mixed() -> None:
    """One routed number does not make up for three that are missing: the stage that is known in full is judged."""
    fit = judge([*routed(Metric.LUT, value=5_000), *readings(lut=(800, 900))], DEVICE)
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
    found = [*readings(), Reading(Metric.LUT, 5_000, Tier.ROUTED, "chip", "report", "a layer")]
    assert judge(found, DEVICE).stage is Tier.HLS
