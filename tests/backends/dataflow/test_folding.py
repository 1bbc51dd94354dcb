"""The solver against trying every combination."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dataflow import folding
from backends.dataflow.folding import Choice, Cost, Folding, cheapest, fastest, intervals, reaches

Layers = dict[str, list[Choice]]

choices = st.lists(
    st.builds(Choice, st.integers(1, 99), st.integers(1, 20), st.tuples(st.integers(0, 9), st.integers(0, 9))),
    min_size=1,
    max_size=5,
)
networks = st.dictionaries(st.sampled_from("abcd"), choices, min_size=1, max_size=4)
budgets = st.tuples(st.integers(0, 30), st.integers(0, 30))


def every_folding(layers: Layers) -> Iterator[tuple[int, Cost]]:
    for made in product(*layers.values()):
        yield max(one.cycles for one in made), tuple(map(sum, zip(*(one.cost for one in made), strict=True)))


def weight(cost: Cost) -> float:
    return max(cost[0], 2 * cost[1])


def checked(layers: Layers, found: Folding) -> tuple[int, Cost]:
    """What the choices of `found` come to, looked up one by one."""
    made = [
        [one for one in layers[name] if one.value == value and one.cycles <= found.cycles]
        for name, value in found.values.items()
    ]
    assert list(found.values) == list(layers) and all(made)
    assert any(
        tuple(map(sum, zip(*(one.cost for one in way), strict=True))) == found.cost
        and max(one.cycles for one in way) == found.cycles
        for way in product(*made)
    )
    return found.cycles, found.cost


@given(layers=networks, budget=budgets)
def test_the_fastest_is_the_fastest_of_all(layers: Layers, budget: Cost) -> None:
    def within(cost: Cost) -> bool:
        return all(amount <= limit for amount, limit in zip(cost, budget, strict=True))

    allowed = [one for one in every_folding(layers) if within(one[1])]
    found = fastest(layers, within, weight)
    assert (found is None) == (not allowed)
    if found:
        cycles, cost = checked(layers, found)
        fewest = min(one for one, _ in allowed)
        assert within(cost) and cycles == fewest
        assert weight(cost) == min(weight(one) for cycles, one in allowed if cycles == fewest)


@given(layers=networks, cycles=st.integers(1, 20))
def test_the_cheapest_is_the_lightest_that_is_fast_enough(layers: Layers, cycles: int) -> None:
    allowed = [cost for taken, cost in every_folding(layers) if taken <= cycles]
    found = cheapest(layers, lambda cost: True, weight, cycles)
    assert (found is not None) == bool(allowed) == reaches(layers, lambda cost: True, cycles)
    if found:
        taken, cost = checked(layers, found)
        assert taken <= cycles and weight(cost) == min(map(weight, allowed))


@given(layers=networks)
def test_between_the_intervals_nothing_changes(layers: Layers) -> None:
    assert {cycles for cycles, _ in every_folding(layers)} <= set(intervals(layers))


amounts = st.sampled_from((0.0, 0.5, 1.0, 2.0, 3.5, 8.0))


@given(costs=st.lists(st.tuples(amounts, amounts, amounts, st.integers(0, 5)), max_size=60), block=st.integers(1, 70))
def test_many_sums_are_compared_as_few_are(costs: list[Cost], block: int) -> None:
    """In blocks of any length, equal ones included, of which the first is kept."""
    sums = [(cost, (Choice(place, 1, cost),)) for place, cost in enumerate(costs)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "FEW", len(sums))
        one_by_one = folding._undercutting(sums)
        patch.setattr(folding, "FEW", -1)
        patch.setattr(folding, "BLOCK", block)
        assert folding._undercutting(sums) == one_by_one
