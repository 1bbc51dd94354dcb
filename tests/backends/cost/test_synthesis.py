"""csynth's counts taken on to what is built: what is translated, what is left alone, and how wide it becomes."""

from __future__ import annotations

from dataclasses import replace
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cost.synthesis import OWN_CODE, Ratio, built_of, with_routed
from flows.core.evidence import BUILT, DESIGN, RESOURCES, SHELL, TOTAL, Metric, Reading, Tier, nearest, total
from flows.core.fit import judge
from flows.core.part import devices

TWICE = {Metric.LUT: Ratio(2.0, 1.0, 4.0, "made-up designs"), Metric.FF: Ratio(1.0, 0.5, 2.0, "made-up designs")}
LUT = Reading(Metric.LUT, 27_018.0, Tier.MODELLED, "chip", "models", predicts=Tier.HLS, low=17_018.0, high=47_018.0)
LAYER = replace(LUT, value=800.0, low=800.0, high=800.0, scope="conv")
CHARGED = Reading(Metric.LUT, 7_018.0, Tier.MODELLED, "chip", "shell", SHELL, Tier.ROUTED)
REPORTED = replace(
    LUT, value=16_000.0, tier=Tier.HLS, predicts=None, low=None, high=None, source="csynth.rpt", scope=DESIGN
)
WIDE = replace(CHARGED, low=7_000.0, high=7_100.0)

ratios = st.tuples(st.floats(0.5, 5), st.floats(1, 3), st.floats(1, 3)).map(
    lambda one: Ratio(one[0], one[0] / one[1], one[0] * one[2], "made-up designs")
)


def added(*readings: Reading) -> list[Reading]:
    return [each for each in with_routed(readings, TWICE) if each not in readings]


def test_the_shell_in_a_total_stays_and_the_rest_is_divided() -> None:
    whole, layer = added(LUT, LAYER, CHARGED)
    assert (whole.value, layer.value) == (7_018 + 20_000 / 2, 400)
    assert {each.stage for each in (whole, layer)} == {Tier.ROUTED} and whole.tier is Tier.MODELLED
    assert "made-up designs" in whole.source
    assert layer.low == 200 and layer.high == 800, "a count without doubt is as wide as the ratio"
    assert whole.low is not None and whole.high is not None
    assert whole.low < 7_018 + 5_000 and whole.high > 7_018 + 20_000, "wider than the ratio alone"


def test_a_report_counts_before_every_model() -> None:
    own = replace(LUT, value=1.0, low=1.0, high=1.0, predicts=Tier.ROUTED)
    readings = with_routed([LUT, LAYER, own, CHARGED, REPORTED, replace(REPORTED, scope=TOTAL)], TWICE)
    shown = total(nearest(readings), Metric.LUT)
    assert shown is not None and shown.value == 7_018 + 16_000 / 2 and "reported" in shown.source
    assert own not in readings and CHARGED in readings and LUT in readings
    assert [each.scope for each in readings if "reported" in each.source] == [TOTAL], "layers are those of the report"


@pytest.mark.parametrize("tier", BUILT)
def test_nothing_is_predicted_of_what_somebody_saw(tier: Tier) -> None:
    seen = replace(REPORTED, tier=tier, scope=TOTAL)
    assert not added(LUT, REPORTED, seen)
    assert total(nearest([LUT, REPORTED, seen]), Metric.LUT) is seen


@pytest.mark.parametrize("tier", BUILT)
def test_a_report_stays_as_it_is_and_the_whole_has_the_shell_beside_it(tier: Tier) -> None:
    seen = replace(REPORTED, tier=tier)
    (whole,) = added(LUT, LAYER, WIDE, seen)
    assert (whole.scope, whole.tier, whole.value, whole.low, whole.high) == (TOTAL, tier, 23_018, 23_000, 23_100)
    assert whole.source == "csynth.rpt; and shell"
    (bare,) = added(seen)
    assert (bare.scope, bare.value, bare.low) == (TOTAL, 16_000, None), "with no shell it is the whole"


def test_csynths_report_is_divided_before_the_shell_is_added() -> None:
    (whole,) = added(WIDE, REPORTED)
    assert (whole.scope, whole.tier, whole.stage) == (TOTAL, Tier.MODELLED, Tier.ROUTED)
    assert (whole.value, whole.low, whole.high) == (8_000 + 7_018, 4_000 + 7_000, 16_000 + 7_100)


def test_laws_of_the_flow_itself_stand() -> None:
    assert not added(LUT, replace(LUT, predicts=Tier.ROUTED))
    assert not added(Reading(Metric.LATENCY_CYCLES, 5, Tier.HLS, "chip", "csynth.rpt"))


@pytest.mark.parametrize(("metric", "count", "ends"), [
    (Metric.DSP, 80.0, (64, 100)), (Metric.DSP, 4.0, (1, 7)), (Metric.DSP, 0.0, (0, 3)), (Metric.BRAM18, 1.0, (0, 4)),
])  # fmt: skip
def test_a_few_blocks_and_slices_are_no_error(metric: Metric, count: float, ends: tuple[int, int]) -> None:
    alone = {metric: Ratio(1.0, 0.8, 1.25, "made-up designs")}
    assert built_of(metric, {metric: (count, count, count)}, alone) == (count, *ends)
    assert built_of(metric, {metric: (count, count, count)}, {}) == (count, count, count), "nothing is known"


BOTH = {Metric.LUT: Ratio(2.0, 1.0, 4.0, "made-up designs", luts=0.5, alone=Ratio(4.0, 2.0, 8.0, "more designs"))}


def test_ffs_that_csynth_counts_speak_for_luts() -> None:
    ffs = replace(REPORTED, metric=Metric.FF, value=4_000.0)
    (whole,) = [
        each for each in with_routed([REPORTED, ffs], BOTH) if each.metric is Metric.LUT and each.scope == TOTAL
    ]
    assert (whole.value, whole.low, whole.high) == (4_000, 2_000, 8_000), "8,000 is between 16,000 and 4,000"
    assert "FF^0.5" in whole.source
    elsewhere = replace(ffs, scope="conv")
    (alone,) = [each for each in with_routed([REPORTED, elsewhere], BOTH) if each.scope == TOTAL]
    assert (alone.value, alone.low, alone.high) == (4_000, 2_000, 8_000) and "more designs" in alone.source


@pytest.mark.parametrize("count", [0.0, 1_000.0, 100_000.0])
def test_ffs_say_nothing_where_they_are_none_or_far_from_luts(count: float) -> None:
    ffs = replace(REPORTED, metric=Metric.FF, value=count)
    (whole,) = [
        each for each in with_routed([REPORTED, ffs], BOTH) if each.metric is Metric.LUT and each.scope == TOTAL
    ]
    assert (whole.value, whole.low, whole.high) == (4_000, 2_000, 8_000) and "more designs" in whole.source


def test_the_shell_of_a_model_is_in_neither_count() -> None:
    ffs = replace(LUT, metric=Metric.FF, value=7_000.0, low=7_000.0, high=7_000.0)
    shells = CHARGED, replace(CHARGED, metric=Metric.FF, value=2_000.0)
    (whole,) = [
        each
        for each in with_routed([LUT, ffs, *shells], BOTH)
        if each.metric is Metric.LUT and each.stage is Tier.ROUTED and each.scope == TOTAL
    ]
    assert whole.value == 7_018 + 5_000, "10,000 is between 20,000 and 5,000"


@pytest.mark.parametrize(
    ("low", "high", "stands"),
    [(12_000.0, 18_000.0, True), (1_000.0, 60_000.0, False), (40_000.0, 41_000.0, False), (None, None, False)],
)
def test_of_a_report_and_a_model_of_the_flow_the_surer_stands(
    low: float | None, high: float | None, stands: bool
) -> None:
    own = replace(LUT, value=15_000.0, low=low, high=high, predicts=Tier.ROUTED)
    readings = with_routed([LUT, own, WIDE, REPORTED], TWICE)
    shown = total(nearest(readings), Metric.LUT)
    assert shown is not None and (shown.ends == own.ends) is stands, "by the report 11,000 to 23,100"
    assert ("comes to 15,018 (11,000 to 23,100), which is less sure" in shown.source) is stands
    assert REPORTED in readings, "what a file says is told all the same"


def test_what_is_unknown_stays_unknown() -> None:
    (least,) = added(replace(LUT, at_least=True))
    assert least.at_least
    (nothing,) = added(replace(LAYER, value=0.0, low=0.0, high=0.0))
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)


@given(ratios, st.floats(1, 1e6), st.floats(1, 10), st.floats(1, 10))
def test_both_doubts_widen(ratio: Ratio, value: float, below: float, above: float) -> None:
    middle, low, high = ratio.built(value, value / below, value * above)
    assert isclose(middle, value / ratio.value) and low <= middle <= high
    assert low <= min(middle / below, value / ratio.high) * 1.0001
    assert high * 1.0001 >= max(middle * above, value / ratio.low)
    assert high <= value * above / ratio.low * 1.0001, "a bound of the one over a bound of the other is further"


def test_all_flows_are_judged_on_what_is_built() -> None:
    counts = [replace(LUT, metric=metric, value=50_000.0, low=50_000.0, high=50_000.0) for metric in RESOURCES[:2]]
    counts += [replace(LUT, metric=metric, value=9.0, low=9.0, high=9.0) for metric in RESOURCES[2:]]
    fit = judge(with_routed(counts, OWN_CODE), devices()["xc7z020"])
    assert fit.stage is Tier.ROUTED and not fit.excess
