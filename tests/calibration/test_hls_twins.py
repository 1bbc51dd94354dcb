"""The models of the manual HLS flow beside what Yosys counts of the same stages as RTL."""

from __future__ import annotations

from pathlib import Path

from backends.hls.design import resources
from calibration.hls.twins import page, scatter, twins
from calibration.rtl.rows import read
from flows.core.evidence import Metric

ROWS = Path(__file__).parents[2] / "calibration/rows/rtl.json"
PAGE = Path(__file__).parents[2] / "docs/hls-estimates.md"


def test_every_twin_is_of_a_stage_of_the_flow_and_none_takes_more_luts_than_its_bound() -> None:
    twinses = list(twins(read(ROWS)))
    assert all(each.modelled[Metric.LUT.key].value > 0 for each in twinses), "the stages are called alike"
    assert all(each.row.counted["lut"] <= each.modelled["lut"].high for each in twinses)
    assert "\n".join(page(twinses)) in PAGE.read_text()


def test_the_factors_of_the_models_are_no_narrower_than_their_twins_scatter() -> None:
    twinses = list(twins(read(ROWS)))
    assert scatter(twinses, Metric.LUT)[1] <= resources.LUT_SPREAD
    assert scatter(twinses, Metric.FF)[1] <= resources.FF_SPREAD
