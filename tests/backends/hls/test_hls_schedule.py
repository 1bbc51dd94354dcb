"""The stages of the manual HLS flow: what they take and put, how long, and how frames overlap."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backends.dataflow.divisors import divisors
from backends.dataflow.fifos import sized
from backends.dataflow.layers.folds import divides
from backends.dataflow.layers.nodes import MATRIX_VECTOR, WINDOW, Lanes, Node, nodes, parts, pixels, turns
from backends.dataflow.layers.schedule import EXPECTED, QUICKEST, Pace, busy, stage_timing, stages
from backends.dataflow.layers.words import choose_lanes
from backends.dataflow.pe_simd import Fold, legal
from backends.dataflow.stream import simulate
from models.folding import folded
from models.layers import Conv2D, MaxPool2D, Padding
from models.network import INPUT
from models.zoo import ARCH4, ARCH8, NETWORKS
from tests.backends.hls.eight_bit import eight_bit

PLAIN = {name: folded(network) for name, network in NETWORKS.items()}


@st.composite
def folds(draw: st.DrawFn, design: tuple[Node, ...]) -> Mapping[str, Fold]:
    return {node.name: draw(st.sampled_from(legal(node.foldable))) for node in design if node.kind == MATRIX_VECTOR}


def test_the_stages_of_the_network() -> None:
    result = nodes(eight_bit(ARCH8))
    assert [node.name for node in result if node.kind == "clone"] == ["clone input", "clone block1_pool"]
    assert [node.layer.name for node in result if node.kind == WINDOW] == [
        f"block{block}_conv{place}" for block in (1, 2) for place in (1, 2)
    ]
    assert {node.tensor for node in result if node.kind == MATRIX_VECTOR} == {
        *(f"block{block}_relu{place}" for block in (1, 2) for place in (1, 2)),
        *("block1_shortcut", "block2_shortcut", "dense"),
    }, "a ReLU belongs to the stage before it"
    assert "softmax" not in {node.kind for node in result}


def test_a_pixel_takes_all_products_once() -> None:
    """Turns times multipliers are the multiply-accumulates of the layer, at any fold that divides it; else more."""
    for node in nodes(eight_bit(ARCH8)):
        if node.kind != MATRIX_VECTOR:
            continue
        area = pixels(node.shape)
        shape = node.taken if isinstance(node.layer, Conv2D) else (prod(node.taken),)
        for fold in legal(node.foldable):
            products = turns(node, fold) * fold.multipliers * area
            assert products >= node.layer.macs(shape)
            assert (products == node.layer.macs(shape)) == divides(node, fold)


def test_the_one_stage_that_is_known() -> None:
    """A FINN matrix-vector unit: 28 x 28 pixels of 27 products for 16 results, one multiplier, 338,699 cycles."""
    layer = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 16)
    unit = Node("conv", MATRIX_VECTOR, ("window conv",), (28, 28, 3), (28, 28, 16), "conv", layer)
    assert busy(unit, Lanes(Fold(1, 1), 1, 1)) == 338_699


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(sorted(PLAIN)), data=st.data())
def test_every_stage_takes_what_its_sources_put(name: str, data: st.DataObject) -> None:
    """Words, in any folding; and the turns that the solver counts are those of the frame."""
    design = nodes(eight_bit(PLAIN[name]))
    wide = choose_lanes(design, data.draw(folds(design)))
    by_name = {stage.name: stage for stage in stages(design, wide)}
    put = {stage.name: stage.tokens for stage in by_name.values()} | {INPUT: prod(PLAIN[name].input_shape)}
    for node in design:
        stage = by_name[node.name]
        taken = sum(run.repeats for run in stage.pattern if run.takes)
        if node.sources[0] != INPUT:
            assert all(put[source] == taken for source in stage.sources)
            assert {wide[source].puts for source in node.sources} == {wide[node.name].takes}
        assert stage.busy == busy(node, wide[node.name], EXPECTED)


@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_frames_follow_each_other_at_the_pace_of_the_busiest_stage(data: st.DataObject) -> None:
    design = nodes(eight_bit(ARCH4))
    result = stages(design, choose_lanes(design, data.draw(folds(design))))
    depths = sized(result, {(source, node.name): 1 for node in design for source in node.sources}, 2)
    simulation = simulate(result, depths, frames=4)
    busiest = max(stage.busy for stage in result)
    assert simulation.deadlock is None
    assert busiest <= simulation.interval <= 1.01 * busiest
    assert simulation.latency > busiest, "the first frame takes the way through all stages"


@pytest.mark.parametrize(
    ("kernel", "stride", "size"), [(3, 1, 8), (3, 2, 9), (2, 2, 8), (5, 1, 7), (1, 2, 8), (2, 3, 9)]
)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("across", [False, True])
def test_a_window_stores_each_pixel_and_hands_out_each_column(
    kernel: int, stride: int, size: int, padding: Padding, across: bool
) -> None:
    """Once, where a part lies in one column; else it reads each once, and hands out whole windows."""
    layer = Conv2D("conv", (INPUT,), (kernel, kernel), (stride, stride), padding, 4)
    shape = layer.output_shape((size, size, 2))
    window = Node("window conv", WINDOW, (INPUT,), (size, size, 2), shape, INPUT, layer)
    simd = kernel * kernel * 2 if across else 2
    wide = Lanes(Fold(1, simd), 1, simd)
    frame, _ = stage_timing(window, wide, QUICKEST)
    whole = parts(window, wide).across > 1
    assert whole == (across and kernel > 1)
    top, bottom, left, right = layer.pads((size, size, 2))
    padding_pixels = (size + top + bottom) * (size + left + right) - size * size
    columns = shape[0] * ((shape[1] - 1) * min(stride, kernel) + kernel)
    assert sum(run.repeats for run in frame if run.takes) == size * size * 2
    put = sum(run.repeats for run in frame if run.puts)
    assert put == (shape[0] * shape[1] if whole else columns * kernel * 2 // simd)
    assert sum(run.repeats * run.cycles for run in frame) == size * size * 2 + padding_pixels + columns * kernel * 2


kernels, sides = st.integers(1, 5), st.integers(1, 9)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Node, Lanes]:
    """A window stage of any convolution, at any SIMD, which reads words of any width."""
    (rows, columns), strides = draw(st.tuples(kernels, kernels)), draw(st.tuples(sides, sides))
    above, before = st.integers(0, rows - 1), st.integers(0, columns - 1)
    padding: Padding = draw(st.one_of(st.sampled_from(["same", "valid"]), st.tuples(above, above, before, before)))
    taken = draw(st.tuples(sides, sides))
    channels = draw(st.integers(1, 12))
    layer = Conv2D("conv", (INPUT,), (rows, columns), strides, padding, 4)
    top, bottom, left, right = layer.pads((*taken, channels))
    assume(taken[0] + top + bottom >= rows and taken[1] + left + right >= columns)
    shape = layer.output_shape((*taken, channels))
    node = Node("window conv", WINDOW, (INPUT,), (*taken, channels), shape, INPUT, layer)
    simd = draw(st.sampled_from(node.foldable[0]))
    return node, Lanes(Fold(1, simd), draw(st.sampled_from(divisors(channels))), simd)


@settings(deadline=None)
@given(windows(), st.sampled_from([QUICKEST, EXPECTED]))
def test_the_cycles_of_a_window_are_those_of_its_frame(window: tuple[Node, Lanes], pace: Pace) -> None:
    """`busy` counts them at once, the solver asks so often; the frame goes through the image."""
    frame, _ = stage_timing(*window, pace)
    assert busy(*window, pace) == sum(run.repeats * run.cycles for run in frame)


def test_a_pool_ends_with_the_last_pixel_of_each_window() -> None:
    layer = MaxPool2D("pool", (INPUT,), (2, 2), (2, 2), "valid")
    pool = Node("pool", "maxpool2d", (INPUT,), (4, 4, 6), (2, 2, 6), "pool", layer)
    frame, _ = stage_timing(pool, Lanes(Fold(1, 1), 2, 2), QUICKEST)
    puts = [run.puts for run in frame for _ in range(run.repeats)]
    assert puts == [row % 2 == 1 and column % 2 == 1 for row in range(4) for column in range(4) for _ in range(3)]
    assert {run.cycles for run in frame} == {1}, "six channels, two at a time"
