import pytest

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


def test_stages_are_never_mixed() -> None:
    found = [*readings()[:3], Reading(Metric.DSP, 1, Tier.ROUTED, "chip", "report")]
    with pytest.raises(ValueError, match="different stages"):
        judge(found, DEVICE)
