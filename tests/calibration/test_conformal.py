"""Intervals by what projects held out missed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from calibration.conformal import FEW_PROJECTS, FEW_ROWS, TAKEN_IN, Miss, of_few_projects, reach, widths

MISSES = some.lists(some.builds(Miss, some.floats(-3, 3), some.sampled_from("abcd")), min_size=1, max_size=60)


@given(MISSES)
def test_an_interval_takes_in_its_share_of_every_projects_misses(misses: list[Miss]) -> None:
    width = reach(misses)
    projects = {miss.project for miss in misses}
    shares = [
        sum(abs(miss.ratio) <= width for miss in misses if miss.project == project)
        / sum(miss.project == project for miss in misses)
        for project in projects
    ]
    assert sum(shares) / len(shares) >= TAKEN_IN - 1e-9
    assert width in [abs(miss.ratio) for miss in misses]


@given(MISSES, some.integers(2, 5))
def test_a_project_does_not_count_more_for_having_more_rows(misses: list[Miss], times: int) -> None:
    more = [miss for miss in misses for _ in range(times if miss.project == "a" else 1)]
    assert reach(more) == reach(misses)


@given(MISSES, MISSES)
def test_a_kind_of_few_rows_is_as_wide_as_all_together(many: list[Miss], few: list[Miss]) -> None:
    few = few[: FEW_ROWS - 1]
    spreads = widths({"many": many, "few": few, "none": []})
    together = reach([*many, *few])
    assert not spreads["few"].is_own and spreads["few"].value == max(reach(few), together)
    assert not spreads["none"].is_own and spreads["none"].value == together
    assert spreads["many"].is_own == (len(many) >= FEW_ROWS and len({miss.project for miss in many}) >= FEW_PROJECTS)
    assert spreads["many"].value >= reach(many)


def test_many_rows_of_two_projects_are_few() -> None:
    misses = [Miss(0.1, project) for project in ("a", "b") for _ in range(100)]
    spreads = widths({"kind": misses, "other": [Miss(0.7, "c")]})
    assert (spreads["kind"].value, spreads["kind"].is_own, spreads["kind"].projects) == (0.7, False, 2)


@given(some.lists(some.floats(0.01, 1), min_size=2, max_size=12))
def test_few_projects_call_for_more_than_what_they_missed(ratios: list[float]) -> None:
    misses = [Miss(ratio, str(place)) for place, ratio in enumerate(ratios)]
    size = (sum(ratio**2 for ratio in ratios) / len(ratios)) ** 0.5
    assert of_few_projects(misses) > 1.645 * size
    assert of_few_projects([*misses, *misses]) == pytest.approx(of_few_projects(misses)), "a project counts once"
    assert of_few_projects([*misses, Miss(0.0, "0")]) < of_few_projects(misses), "its designs are taken together"


def test_one_project_says_nothing_of_another() -> None:
    with pytest.raises(ValueError):
        of_few_projects([Miss(0.1, "a"), Miss(0.2, "a")])
