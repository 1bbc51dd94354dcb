"""Readings and their vocabulary."""

from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier, total


def _lut(value: float, scope: str = TOTAL, predicts: Tier | None = None) -> Reading:
    return Reading(Metric.LUT, value, Tier.MODELLED, "xc7z020", "a formula", scope, predicts)


def test_a_model_speaks_of_the_stage_it_predicts() -> None:
    assert _lut(1, predicts=Tier.HLS).stage is Tier.HLS
    assert _lut(1).stage is Tier.MODELLED


def test_the_total_is_the_one_of_the_whole_design() -> None:
    readings = [_lut(1, "conv1"), _lut(5), _lut(4, "shell")]
    assert total(readings, Metric.LUT) == readings[1]


def test_what_is_unknown_is_absent_and_not_zero() -> None:
    assert total([_lut(1, "conv1")], Metric.LUT) is None
    assert total([_lut(1)], Metric.DSP) is None


def test_tiers_stand_in_order_of_nearness_to_the_metal() -> None:
    order = [Tier.MODELLED, Tier.HLS, Tier.SIMULATED, Tier.RTL_SIMULATED, Tier.SYNTHESISED, Tier.ROUTED, Tier.MEASURED]
    assert list(Tier)[: len(order)] == order


def test_metrics_have_distinct_keys() -> None:
    assert len({metric.key for metric in Metric}) == len(Metric)
    assert {metric.key for metric in RESOURCES} == {"lut", "ff", "bram18", "dsp"}
