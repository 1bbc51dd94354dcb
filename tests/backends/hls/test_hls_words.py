"""How wide stages and streams are: as narrow as keeps up, and whole for who reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from backends.dataflow.divisors import divisors
from backends.dataflow.layers.folds import divides
from backends.dataflow.layers.nodes import (
    MATRIX_VECTOR,
    SEND,
    WINDOW,
    Lanes,
    Node,
    columns_a_part,
    nodes,
    parts,
    parts_read,
)
from backends.dataflow.layers.schedule import FOLDED, busy
from backends.dataflow.layers.words import ONE, alike, choose_lanes, least
from backends.dataflow.pe_simd import Fold, legal
from models.layers import Conv2D
from models.network import INPUT
from models.zoo import ARCH8
from tests.backends.hls.eight_bit import eight_bit


@st.composite
def designs(draw: st.DrawFn, design: tuple[Node, ...]) -> Mapping[str, Fold]:
    return {node.name: draw(st.sampled_from(legal(node.foldable))) for node in design if node.kind == MATRIX_VECTOR}


SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(SLOW, max_examples=100)
@given(data=st.data())
def test_words_are_whole_for_all_that_read_and_write_them(data: st.DataObject) -> None:
    design = nodes(eight_bit(ARCH8))
    wide = choose_lanes(design, data.draw(designs(design)))
    for node in design:
        lanes = wide[node.name]
        if node.kind == WINDOW:
            cut = parts(node, lanes)
            assert node.taken[-1] % lanes.takes == lanes.takes % cut.stored == cut.lanes % cut.stored == 0
            assert isinstance(node.layer, Conv2D)
            assert (cut.column - 1) * cut.lanes + cut.last == node.taken[-1] * node.layer.kernel[0]
            assert 0 < cut.last <= cut.lanes and cut.last % cut.stored == 0
            assert cut.across * cut.lanes == lanes.puts
        elif node.kind == MATRIX_VECTOR:
            assert lanes.takes % lanes.fold.simd == 0 or lanes.takes == node.taken[-1], "the last part is short"
            assert node.shape[-1] % lanes.puts == 0
            assert lanes.puts % lanes.fold.pe == 0 or lanes.puts == node.shape[-1], "the last group is short"
        elif node.kind != SEND:
            assert node.shape[-1] % lanes.puts == 0


@settings(SLOW, max_examples=25)
@given(data=st.data())
def test_no_stage_is_busier_than_those_with_weights(data: st.DataObject) -> None:
    design = nodes(eight_bit(ARCH8))
    folds = data.draw(designs(design))
    wide = choose_lanes(design, folds)
    slowest = max(least(node, folds[node.layer.name]) for node in design if node.kind in FOLDED)
    whole = {node.name for node in design if wide[node.name].takes == node.taken[-1]}
    assert all(busy(node, wide[node.name]) <= slowest or node.name in whole for node in design)


def test_words_are_as_narrow_as_the_multipliers_have_them() -> None:
    """Where nothing is in a hurry."""
    design = nodes(eight_bit(ARCH8))
    folds = {node.name: ONE for node in design if node.kind == MATRIX_VECTOR}
    assert {choose_lane.puts for choose_lane in choose_lanes(design, folds).values()} == {1}
    wide = choose_lanes(design, folds | {"block1_conv2": Fold(4, 1), "block2_shortcut": Fold(1, 14)})
    assert wide["block1_conv2"].puts == wide["block1_shortcut"].puts == wide["clone block1_pool"].puts == 28
    assert wide["block1_conv1"].puts == wide["block2_conv1"].puts == 1


def test_a_join_makes_both_its_branches_alike() -> None:
    stages = alike(nodes(eight_bit(ARCH8)))
    assert stages["block1_conv2"] == stages["block1_shortcut"] == stages["block1_add"] == stages["block1_pool"]
    assert len({stages[name] for name in ("block1_conv1", "block1_conv2", "block2_conv1", "window block1_conv2")}) == 4


@pytest.mark.parametrize(("kernel", "channels"), [(2, 6), (3, 28), (3, 3), (5, 4), (7, 2)])
def test_any_divisor_of_the_products_is_a_simd_of_a_window(kernel: int, channels: int) -> None:
    """Where the width of the kernel is a prime, and no lane is idle then."""
    node = convolution((kernel, kernel), channels)
    for simd in divisors(kernel * kernel * channels):
        assert simd in node.foldable[0]
        assert divides(node, Fold(1, simd))


def test_a_part_that_lies_in_some_columns_is_not_built() -> None:
    node = convolution((1, 4), 1)
    assert node.foldable[0] == (1, 4), "two of four columns are none"
    assert Lanes(Fold(1, 4), 4, 1).fold in legal(node.foldable)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 30))
def test_no_simd_has_a_lane_more_than_it_needs(height: int, width: int, channels: int) -> None:
    """A word less of each column would take more parts; and at least one lane of the last part has weights."""
    assume(height * width > 1)
    node = convolution((height, width), channels)
    assert isinstance(node.layer, Conv2D)
    for simd in node.foldable[0]:
        across = columns_a_part(node.layer, channels, simd)
        lanes, parts_of_window = simd // across, parts_read(node, Fold(1, simd))
        assert parts_of_window * simd >= node.size[0] > (parts_of_window - width // across) * simd
        word = gcd(lanes, channels)
        assert lanes == word or -(-height * channels // (lanes - word)) > -(-height * channels // lanes)


def test_the_fewest_results_a_group_make_so_many_groups() -> None:
    assert convolution((3, 3), 28, 28).foldable[1] == (1, 2, 3, 4, 5, 6, 7, 10, 14, 28)


def convolution(kernel: tuple[int, int], channels: int, filters: int = 4) -> Node:
    layer = Conv2D("conv", (INPUT,), kernel, (1, 1), "same", filters)
    return Node("conv", MATRIX_VECTOR, ("window conv",), (8, 8, channels), (8, 8, filters), "conv", layer)
