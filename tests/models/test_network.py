"""Networks: shapes, parameters and multiply-accumulates, and the graphs that are refused."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import pytest

from flows.core.errors import InputError
from models.layers import (
    Add,
    AveragePool2D,
    Clip,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    Padding,
    ReLU,
)
from models.network import INPUT, Network
from models.zoo import ARCH8


def test_arch8_is_the_published_network() -> None:
    assert ARCH8.parameters == 52_622
    assert ARCH8.macs == 19_325_488


def test_arch8_layer_by_layer() -> None:
    """Parameters and MACs of each layer, as published."""
    expected = {
        "block1_conv1": (784, 774_144),
        "block1_conv2": (7_084, 7_225_344),
        "block1_shortcut": (112, 86_016),
        "block2_conv1": (14_168, 3_612_672),
        "block2_conv2": (28_280, 7_225_344),
        "block2_shortcut": (1_624, 401_408),
        "dense": (570, 560),
    }
    content = {}
    for layer in ARCH8.layers:
        shapes = ARCH8.input_shapes(layer)
        sizes = [prod(shape) for shape in layer.weight_shapes(*shapes).values()]
        if sizes:
            content[layer.name] = (sum(sizes), layer.macs(*shapes))
    assert content == expected


def test_arch8_has_no_relu_after_its_sums() -> None:
    for name in ("block1_add", "block2_add"):
        assert isinstance(ARCH8[name], Add)
        assert [type(reader) for reader in ARCH8.consumers(name)] == [MaxPool2D]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "length", "pads"),
    [
        (32, 3, 1, "same", 32, (1, 1)),
        (32, 3, 2, "same", 16, (0, 1)),
        (5, 2, 1, "same", 5, (0, 1)),
        (5, 1, 3, "same", 2, (0, 0)),
        (5, 3, 2, "valid", 2, (0, 0)),
        (6, 3, 2, "valid", 2, (0, 0)),
        (3, 3, 1, "valid", 1, (0, 0)),
        (32, 3, 2, (1, 1, 0, 0), 16, (1, 1)),
        (7, 3, 2, (1, 1, 0, 0), 4, (1, 1)),
        (6, 4, 3, (0, 3, 0, 0), 2, (0, 3)),
    ],
)
def test_windows_pad_as_tensorflow_does_or_as_is_said(
    size: int, kernel: int, stride: int, padding: Padding, length: int, pads: tuple[int, int]
) -> None:
    layer = Conv2D("conv", (INPUT,), (kernel, 1), (stride, 1), padding, 2)
    assert layer.output_shape((size, 4, 3)) == (length, 4, 2)
    assert layer.pads((size, 4, 3)) == (*pads, 0, 0)


def test_rectangles_and_vectors() -> None:
    layers = (
        Conv2D("conv", (INPUT,), (3, 1), (2, 1), "valid", 4),
        Flatten("flat", ("conv",)),
        Dense("dense", ("flat",), 5),
    )
    network = Network("odd", (7, 3, 2), layers)
    assert network.shapes == {INPUT: (7, 3, 2), "conv": (3, 3, 4), "flat": (36,), "dense": (5,)}
    assert network.parameters == (3 * 1 * 2 * 4 + 4) + (36 * 5 + 5)
    assert network.macs == 9 * 4 * 3 * 2 + 36 * 5


def conv(name: str, *inputs: str, kernel: tuple[int, int] = (3, 3), padding: Any = "same") -> Conv2D:
    """`padding` may be none that there is."""
    return Conv2D(name, inputs, kernel, (1, 1), padding, 4)


@pytest.mark.parametrize(
    ("layers", "culprit", "fact"),
    [
        ((), "network bad", "no layers"),
        ((conv("a", INPUT), conv("a", "a")), "layer a", "this name"),
        ((conv("a", "b"), conv("b", INPUT)), "layer a", "earlier"),
        ((conv("a", INPUT, INPUT),), "layer a", "1 earlier"),
        ((Add("a", (INPUT,)),), "layer a", "2 earlier"),
        ((conv("a", INPUT), Add("b", ("a", INPUT))), "layer b", "cannot add"),
        ((Dense("a", (INPUT,), 4),), "layer a", "Flatten"),
        ((conv("a", INPUT, kernel=(9, 9), padding="valid"),), "layer a", "does not fit"),
        ((conv("a", INPUT, kernel=(0, 1)),), "layer a", "at least 1"),
        ((conv("a", INPUT, padding="full"),), "layer a", "padding"),
        ((Conv2D("a", (INPUT,), (3, 3), (1, 1), (3, 0, 0, 0), 4),), "layer a", "less than the kernel"),
        ((Conv2D("a", (INPUT,), (3, 3), (1, 1), (-1, 0, 0, 0), 4),), "layer a", "less than the kernel"),
        ((GlobalAveragePool("a", (INPUT,)), conv("b", "a")), "layer b", "needs an image"),
        ((conv("a", INPUT), ReLU("b", (INPUT,))), "network bad", "nothing reads a"),
    ],
)
def test_graphs_that_are_none_are_refused(layers: tuple[Layer, ...], culprit: str, fact: str) -> None:
    with pytest.raises(InputError) as refusal:
        Network("bad", (8, 8, 3), layers)
    assert culprit in refusal.value.culprit and fact in refusal.value.fact


def test_the_digest_is_that_of_the_architecture() -> None:
    first, *rest = ARCH8.layers
    renamed = tuple(
        replace(layer, inputs=tuple("stem" if name == first.name else name for name in layer.inputs)) for layer in rest
    )
    assert Network("other", ARCH8.input_shape, (replace(first, name="stem"), *renamed)).digest == ARCH8.digest
    wider = Network("wider", (4, 4, 3), (conv("a", INPUT),))
    assert wider.digest != Network("wider", (4, 4, 3), (conv("a", INPUT, padding="valid"),)).digest


GROUPED = GroupedConv2D("odd", ("conv",), (3, 3), (2, 2), "same", 12, 4)


def behind_a_convolution(layer: Layer) -> Network:
    conv = Conv2D("conv", (INPUT,), (1, 1), (1, 1), "valid", 8)
    return Network("one", (6, 5, 3), (conv, layer))


def test_a_convolution_in_groups() -> None:
    network = behind_a_convolution(GROUPED)
    assert network.shapes["odd"] == (3, 3, 12)
    assert dict(network.weight_shapes())["odd/kernel"] == (3, 3, 2, 12)
    assert network.macs == 6 * 5 * 8 * 3 + 3 * 3 * 12 * 9 * 2
    assert not GROUPED.is_depthwise(8) and replace(GROUPED, filters=8, groups=8).is_depthwise(8)
    assert network.digest != behind_a_convolution(replace(GROUPED, groups=2)).digest


def test_tensors_side_by_side_and_averages() -> None:
    average = AveragePool2D("odd", ("conv",), (3, 2), (2, 1), (1, 1, 0, 0))
    assert behind_a_convolution(average).shapes["odd"] == (3, 4, 8)
    assert behind_a_convolution(Concat("odd", ("conv", INPUT))).shapes["odd"] == (6, 5, 11)


@pytest.mark.parametrize(
    ("layer", "fact"),
    [
        (replace(GROUPED, groups=1), "groups is 1"),
        (replace(GROUPED, groups=3), "3 groups divide 8 channels"),
        (replace(GROUPED, filters=6), "4 groups divide 8 channels or 6 filters"),
        (Clip("odd", ("conv",), 6.0, 0.0), "it clips to 6 .. 0"),
        (Clip("odd", ("conv",), 0.0, float("inf")), "it clips to 0 .. inf"),
        (Clip("odd", ("conv",), float("nan"), 6.0), "it clips to nan .. 6"),
        (LeakyReLU("odd", ("conv",), 1.0), "a slope of 1"),
        (LeakyReLU("odd", ("conv",), float("nan")), "a slope of nan"),
        (AveragePool2D("odd", ("conv",), (9, 2), (2, 1), "valid"), "does not fit"),
    ],
)
def test_settings_that_make_no_sense_are_reported(layer: Layer, fact: str) -> None:
    with pytest.raises(InputError, match="layer odd") as refusal:
        behind_a_convolution(layer)
    assert fact in refusal.value.fact


def test_images_of_two_sizes_do_not_stand_side_by_side() -> None:
    pool = MaxPool2D("pool", ("conv",), (2, 2), (2, 2), "valid")
    conv = Conv2D("conv", (INPUT,), (1, 1), (1, 1), "valid", 8)
    with pytest.raises(InputError, match="side by side"):
        Network("two", (6, 4, 3), (conv, pool, Concat("odd", ("conv", "pool"))))
