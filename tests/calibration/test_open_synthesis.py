"""The model that is fitted to open synthesis alone: what ships follows from the counts and what they overstate."""

from __future__ import annotations

import json
from math import log

import pytest

from backends.cost.synthesis import OPEN_SYNTHESIS
from backends.finn.resources import models
from calibration.finn.fit import solve
from calibration.finn.points import SYNTHESISED, UNBUILT, synthesised
from flows.core.evidence import Metric


def test_luts_of_logic_are_divided_by_what_they_overstate() -> None:
    counts = [row["measured"] for row in json.loads(SYNTHESISED.read_text())["rows"]]
    luts = [point.measured for point in synthesised() if point.metric == Metric.LUT.key]
    ratio = OPEN_SYNTHESIS[Metric.LUT]
    assert luts == pytest.approx([count["lut"] / ratio.value + count["ram_lut"] for count in counts])
    assert ratio.low < ratio.value < ratio.high and Metric.FF not in OPEN_SYNTHESIS


@pytest.mark.parametrize("metric", [Metric.LUT, Metric.FF])
def test_the_shipped_matrix_unit_is_the_fit_to_them(metric: Metric) -> None:
    points = [each for each in synthesised() if (each.model.name, each.metric) == (UNBUILT, metric.key)]
    assert solve(points) == models.shipped()[UNBUILT, metric.key]["coefficients"]


def test_its_interval_holds_what_is_not_known_of_the_ratio() -> None:
    ratio = OPEN_SYNTHESIS[Metric.LUT]
    assert models.shipped()[UNBUILT, Metric.LUT.key]["interval_90"] > log(ratio.high / ratio.value)
