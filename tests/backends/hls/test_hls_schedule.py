"""The stages of the manual HLS flow: what they take and put, how long, and how frames overlap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.hls.folding import legal
from backends.hls.folding_options import Fold
from backends.hls.nodes import MATRIX_VECTOR, WINDOW, Node, nodes, tokens
from backends.hls.schedule import FOLDED, QUICKEST, busy, lanes, stages, timing, turns
from backends.stream import simulate, sized
from models.folding import folded
from models.network import INPUT, Conv2D, MaxPool2D, Network
from models.quantised import QuantisedNetwork
from models.zoo import ARCH4, ARCH8, NETWORKS

PLAIN = {name: folded(network) for name, network in NETWORKS.items()}
EightBit = Callable[[Network], QuantisedNetwork]


@st.composite
def folds(draw: st.DrawFn, design: tuple[Node, ...]) -> Mapping[str, Fold]:
    return {node.name: draw(st.sampled_from(legal(node.foldable))) for node in design if node.kind == MATRIX_VECTOR}


def test_the_stages_of_the_network(eight_bit: EightBit) -> None:
    found = nodes(eight_bit(ARCH8))
    assert [node.name for node in found if node.kind == "clone"] == ["clone input", "clone block1_pool"]
    assert [node.layer.name for node in found if node.kind == WINDOW] == [
        f"block{block}_conv{place}" for block in (1, 2) for place in (1, 2)
    ]
    assert {node.tensor for node in found if node.kind == MATRIX_VECTOR} == {
        *(f"block{block}_relu{place}" for block in (1, 2) for place in (1, 2)),
        *("block1_shortcut", "block2_shortcut", "dense"),
    }, "a ReLU belongs to the stage before it"
    assert "softmax" not in {node.kind for node in found}


def test_a_pixel_takes_all_products_once(eight_bit: EightBit) -> None:
    """Turns times multipliers are the multiply-accumulates of the layer, at any legal fold."""
    for node in nodes(eight_bit(ARCH8)):
        if node.kind != MATRIX_VECTOR:
            continue
        pixels = tokens(node.shape)
        shape = node.taken if isinstance(node.layer, Conv2D) else (prod(node.taken),)
        for fold in legal(node.foldable):
            assert turns(node.size, fold) * fold.multipliers * pixels == node.layer.macs(shape)


def test_the_one_stage_that_is_known() -> None:
    """A FINN matrix-vector unit: 28 x 28 pixels of 27 products for 16 results, one multiplier, 338,699 cycles."""
    layer = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 16)
    unit = Node("conv", MATRIX_VECTOR, ("window conv",), (28, 28, 3), (28, 28, 16), "conv", layer)
    assert busy(unit, Fold(1, 1)) == 338_699


@pytest.mark.parametrize("name", PLAIN)
def test_every_stage_takes_what_its_sources_put(name: str, eight_bit: EightBit) -> None:
    design = nodes(eight_bit(PLAIN[name]))
    made = {stage.name: stage for stage in stages(design, _narrowest(design))}
    put = {stage.name: stage.tokens for stage in made.values()} | {INPUT: prod(PLAIN[name].input_shape[:2])}
    for stage in made.values():
        taken = sum(run.count for run in stage.pattern if run.takes)
        assert all(put[source] == taken for source in stage.sources)


def _narrowest(design: tuple[Node, ...]) -> Mapping[str, Fold]:
    return {node.name: Fold(1, 1) for node in design if node.kind == MATRIX_VECTOR}


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_frames_follow_each_other_at_the_pace_of_the_busiest_stage(data: st.DataObject, eight_bit: EightBit) -> None:
    design = nodes(eight_bit(ARCH4))
    made = stages(design, data.draw(folds(design)))
    depths = sized(made, {(source, node.name): 1 for node in design for source in node.sources}, 2)
    found = simulate(made, depths, frames=4)
    busiest = max(stage.busy for stage in made)
    assert found.deadlock is None
    assert busiest <= found.interval <= 1.01 * busiest
    assert found.latency > busiest, "the first frame takes the way through all stages"


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_stages_without_weights_keep_up(data: st.DataObject, eight_bit: EightBit) -> None:
    """They handle few channels at a time, but never so few that a layer with weights waits, nor more than needed."""
    design = nodes(eight_bit(ARCH8))
    found = lanes(design, data.draw(folds(design)))
    slowest = max(busy(node, found[node.name]) for node in design if node.kind in FOLDED)
    for node in design:
        if node.kind not in FOLDED:
            own = found[node.name].pe
            assert node.shape[-1] % own == 0
            assert own == node.shape[-1] or busy(node, found[node.name]) <= slowest
            assert own == 1 or busy(node, Fold(own - 1, 1)) > slowest or node.shape[-1] % (own - 1)


@pytest.mark.parametrize(("kernel", "stride", "size"), [(3, 1, 8), (3, 2, 9), (2, 2, 8), (5, 1, 7)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_window_stores_each_pixel_and_hands_out_each_window(
    kernel: int, stride: int, size: int, padding: str
) -> None:
    layer = Conv2D("conv", (INPUT,), (kernel, kernel), (stride, stride), padding, 4)  # type: ignore[arg-type]
    shape = layer.output_shape((size, size, 2))
    window = Node("window conv", WINDOW, (INPUT,), (size, size, 2), shape, INPUT, layer)
    simd = 2
    frame, _ = timing(window, Fold(1, simd), QUICKEST)
    beats = kernel * kernel * 2 // simd
    windows = shape[0] * shape[1]
    top, bottom, left, right = layer.pads((size, size, 2))
    padded = (size + top + bottom) * (size + left + right)
    assert sum(run.count for run in frame if run.takes) == size * size
    assert sum(run.count for run in frame if run.puts) == windows
    assert sum(run.count * run.cycles for run in frame) == windows * beats + padded - windows


def test_a_pool_ends_with_the_last_pixel_of_each_window() -> None:
    layer = MaxPool2D("pool", (INPUT,), (2, 2), (2, 2), "valid")
    pool = Node("pool", "maxpool2d", (INPUT,), (4, 4, 6), (2, 2, 6), "pool", layer)
    frame, _ = timing(pool, Fold(2, 1), QUICKEST)
    puts = [run.puts for run in frame for _ in range(run.count)]
    assert puts == [row % 2 == 1 and column % 2 == 1 for row in range(4) for column in range(4)]
    assert {run.cycles for run in frame} == {3}, "six channels, two at a time"
