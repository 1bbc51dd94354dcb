"""The solver against trying every combination."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from operator import le
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backends.dataflow import folding
from backends.dataflow.folding import Choices, Cost, Folding, Within, cheapest, fastest, intervals, reaches

Choice = tuple[int, int, Cost]
Layers = dict[str, list[Choice]]

choices = st.lists(
    st.tuples(st.integers(1, 99), st.integers(1, 20), st.tuples(st.integers(0, 9), st.integers(0, 9))),
    min_size=1,
    max_size=5,
)
networks = st.dictionaries(st.sampled_from("abcd"), choices, min_size=1, max_size=4)
budgets = st.tuples(st.integers(0, 30), st.integers(0, 30))


def every_folding(layers: Layers) -> Iterator[tuple[int, Cost]]:
    for each in product(*layers.values()):
        _, cycles, costs = zip(*each, strict=True)
        yield max(cycles), tuple(map(sum, zip(*costs, strict=True)))


def weight(cost: Cost) -> tuple[float, float]:
    return max(cost[0], 2 * cost[1]), cost[0]


def weights(costs: NDArray[Any]) -> NDArray[Any]:
    """The same of many."""
    return np.column_stack((np.maximum(costs[:, 0], 2 * costs[:, 1]), costs[:, 0]))


def everything(costs: NDArray[Any]) -> NDArray[Any]:
    return np.ones(len(costs), bool)


def at_most(budget: Cost) -> Within:
    def within(costs: NDArray[Any]) -> NDArray[Any]:
        return np.array((costs <= budget).all(1))

    return within


def arrays(layers: Layers) -> dict[str, Choices]:
    return {name: Choices.of(layer) for name, layer in layers.items()}


def checked(layers: Layers, result: Folding) -> tuple[int, Cost]:
    """What the choices of `result` come to, looked up one by one."""
    rows = [
        [each for each in layers[name] if each[0] == value and each[1] <= result.cycles]
        for name, value in result.values.items()
    ]
    assert list(result.values) == list(layers) and all(rows)
    assert (result.cycles, result.cost) in set(every_folding(dict(zip(layers, rows, strict=True))))
    return result.cycles, result.cost


@given(layers=networks, budget=budgets)
def test_the_fastest_is_the_fastest_of_all(layers: Layers, budget: Cost) -> None:
    def within(cost: Cost) -> bool:
        return all(amount <= limit for amount, limit in zip(cost, budget, strict=True))

    allowed = [each for each in every_folding(layers) if within(each[1])]
    result = fastest(arrays(layers), at_most(budget), weights)
    assert (result is None) == (not allowed)
    if result:
        cycles, cost = checked(layers, result)
        fewest = min(item for item, _ in allowed)
        assert within(cost) and cycles == fewest
        assert weight(cost) == min(weight(item) for cycles, item in allowed if cycles == fewest)


@given(layers=networks, cycles=st.integers(1, 20))
def test_the_cheapest_is_the_lightest_that_is_fast_enough(layers: Layers, cycles: int) -> None:
    allowed = [cost for taken, cost in every_folding(layers) if taken <= cycles]
    result = cheapest(arrays(layers), everything, weights, cycles)
    assert (result is not None) == bool(allowed) == reaches(arrays(layers), everything, weights, cycles)
    if result:
        taken, cost = checked(layers, result)
        assert taken <= cycles and weight(cost) == min(map(weight, allowed))


@given(layers=networks)
def test_between_the_intervals_nothing_changes(layers: Layers) -> None:
    assert {cycles for cycles, _ in every_folding(layers)} <= set(intervals(arrays(layers)))


amounts = st.sampled_from((0.0, 0.5, 1.0, 2.0, 3.5, 8.0))


@given(costs=st.lists(st.tuples(amounts, amounts, amounts, st.integers(0, 5)), max_size=60), block=st.integers(1, 70))
def test_what_nothing_undercuts_is_kept(costs: list[Cost], block: int) -> None:
    """In blocks of any length, equal ones included, of which the first is kept; ascending."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "BLOCK", block)
        kept = folding._lowest(np.array(costs).reshape(-1, 4)).tolist()
    undercut = {
        place
        for place, cost in enumerate(costs)
        for other, less in enumerate(costs)
        if all(map(le, less, cost)) and (less != cost or other < place)
    }
    assert sorted(kept) == [place for place in range(len(costs)) if place not in undercut]
    assert [costs[place] for place in kept] == sorted(costs[place] for place in kept)
