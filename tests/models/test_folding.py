"""A folded network computes what the unfolded one does: in double by a plain evaluation, and against torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from flows.core.errors import InputError
from models.folding import folded, folded_weights
from models.layers import (
    Add,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    MaxPool2D,
    ReLU,
    Softmax,
)
from models.network import INPUT, Network
from models.zoo import ARCH2

Array = NDArray[np.floating[Any]]


def evaluate(network: Network, tensors: Mapping[str, Array], image: Array) -> Array:
    """The network's output for one image (height, width, channels), by definition, in double."""
    values = {INPUT: image}
    for layer in network.layers:
        own = {role: tensors[f"{layer.name}/{role}"] for role in layer.weight_shapes(*network.input_shapes(layer))}
        values[layer.name] = compute(layer, own, *(values[name] for name in layer.inputs))
    return values[network.output]


def compute(layer: Layer, own: Mapping[str, Array], x: Array, *others: Array) -> Array:
    match layer:
        case Conv2D():
            return np.tensordot(windows(layer, x, 0.0), own["kernel"], ((2, 3, 4), (0, 1, 2))) + own["bias"]
        case MaxPool2D():
            return windows(layer, x, -np.inf).max((2, 3))
        case Dense():
            return x @ own["kernel"] + own["bias"]
        case BatchNorm():
            return own["gamma"] * (x - own["mean"]) / np.sqrt(own["variance"] + layer.epsilon) + own["beta"]
        case ReLU():
            return np.maximum(x, 0)
        case Add():
            return x + others[0]
        case GlobalAveragePool():
            return x.mean((0, 1))
        case Flatten():
            return x.ravel()
        case Dropout():
            return x
        case Softmax():
            return np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    raise TypeError(layer.kind)


def windows(layer: Conv2D | MaxPool2D, x: Array, outside: float) -> Array:
    """(rows, columns, height, width, channels)."""
    top, bottom, left, right = layer.pads(x.shape)
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)), constant_values=outside)
    slid = np.lib.stride_tricks.sliding_window_view(padded, layer.kernel, (0, 1))
    return slid[:: layer.strides[0], :: layer.strides[1]].transpose(0, 1, 3, 4, 2)


def random_tensors(network: Network, seed: int) -> dict[str, Array]:
    """As training might leave them: gains of both signs, means away from 0, small and large variances."""
    random = np.random.default_rng(seed)
    tensors = {name: random.normal(0, 0.3, shape) for name, shape in network.weight_shapes()}
    return {name: np.exp(3 * each) if name.endswith("/variance") else each for name, each in tensors.items()}


def conv(name: str, source: str, filters: int = 5, strides: tuple[int, int] = (1, 1)) -> Conv2D:
    return Conv2D(name, (source,), (3, 3), strides, "same", filters)


RESIDUAL = Network(
    "residual",
    (8, 6, 3),
    (
        conv("stem", INPUT, strides=(1, 2)),
        BatchNorm("stem_norm", ("stem",), 1e-2),
        conv("left", "stem_norm"),
        Dropout("left_dropout", ("left",), 0.5),
        BatchNorm("left_norm", ("left_dropout",)),
        BatchNorm("left_norm2", ("left_norm",), 0.1),
        ReLU("left_relu", ("left_norm2",)),
        Add("add", ("left_relu", "stem_norm")),
        MaxPool2D("pool", ("add",), (2, 2), (2, 2), "same"),
        Flatten("flatten", ("pool",)),
        Dense("dense1", ("flatten",), 7),
        BatchNorm("dense1_norm", ("dense1",)),
        ReLU("dense1_relu", ("dense1_norm",)),
        Dense("dense2", ("dense1_relu",), 4),
        Softmax("softmax", ("dense2",)),
        Dropout("last", ("softmax",), 0.1),
    ),
)


@given(st.integers(0, 2**32))
def test_outputs_are_equal_in_double(seed: int) -> None:
    tensors = random_tensors(RESIDUAL, seed)
    image = np.random.default_rng(seed).random(RESIDUAL.input_shape)
    hardware = folded(RESIDUAL)
    values = evaluate(hardware, folded_weights(RESIDUAL, tensors), image)
    assert values == pytest.approx(evaluate(RESIDUAL, tensors, image), rel=1e-9, abs=1e-9)


def test_what_is_left_is_what_hardware_computes() -> None:
    hardware = folded(RESIDUAL)
    assert [layer.name for layer in hardware.layers] == [
        "stem", "left", "left_relu", "add", "pool", "flatten", "dense1", "dense1_relu", "dense2", "softmax"
    ]  # fmt: skip
    assert hardware["add"].inputs == ("left_relu", "stem")
    expected = dict(hardware.weight_shapes())
    tensors = folded_weights(RESIDUAL, random_tensors(RESIDUAL, 1))
    assert {name: tensor.shape for name, tensor in tensors.items()} == expected
    assert folded(hardware) is hardware


def test_a_published_network_against_torch() -> None:
    torch = pytest.importorskip("torch")
    from models.training.torch_network import TorchNetwork

    tensors = random_tensors(ARCH2, 3)
    images = np.random.default_rng(3).random((4, *ARCH2.input_shape))
    with torch.no_grad():
        planes = torch.from_numpy(images).permute(0, 3, 1, 2)
        unfolded = TorchNetwork(ARCH2).double().load(tensors).eval()
        hardware = TorchNetwork(folded(ARCH2)).double().load(folded_weights(ARCH2, tensors)).eval()
        logits = unfolded(planes).numpy()
        assert hardware(planes).numpy() == pytest.approx(logits, rel=1e-9)
    single = unfolded.folded()
    assert {name: (each.shape, each.dtype) for name, each in single.items()} == {
        name: (shape, np.dtype(np.float32)) for name, shape in folded(ARCH2).weight_shapes()
    }
    for name, tensor in folded_weights(ARCH2, tensors).items():
        assert np.allclose(single[name], tensor, rtol=1e-6, atol=0)
    softmax = np.exp(logits[0] - logits[0].max())
    assert evaluate(ARCH2, tensors, images[0]) == pytest.approx(softmax / softmax.sum(), rel=1e-9)


def test_a_batch_norm_that_training_adds_folds_as_well() -> None:
    torch = pytest.importorskip("torch")
    from models.training.torch_network import TorchNetwork

    network = Network("plain", (6, 6, 2), (conv("a", INPUT), ReLU("b", ("a",)), conv("c", "b")))
    torch.manual_seed(1)
    model = TorchNetwork(network, batch_norm=True)
    with torch.no_grad():
        model(torch.rand(8, 2, 6, 6))
        images = torch.rand(2, 2, 6, 6)
        expected = model.eval()(images).numpy()
        result = TorchNetwork(network).load(model.folded()).eval()(images).numpy()
    assert result == pytest.approx(expected, abs=1e-5)
    assert len(model.norms) == 2 and len(TorchNetwork(ARCH2, batch_norm=True).norms) == 7


def odd(*layers: Layer) -> Network:
    return Network("odd", (6, 6, 3), layers)


def norm(source: str, name: str = "norm") -> BatchNorm:
    return BatchNorm(name, (source,))


VALID = Conv2D("valid", ("norm",), (3, 3), (2, 2), "valid", 4)
HEAD = (Flatten("flat", (INPUT,)), norm("flat"), Dropout("d", ("norm",), 0.5), Dense("dense", ("d",), 4))


SHARED = conv("a", INPUT), Dropout("d", ("a",), 0.5), norm("d"), Add("b", ("norm", "d"))
TWICE = norm(INPUT), VALID, replace(VALID, name="other"), Add("b", ("valid", "other"))
ROW = conv("a", INPUT), ReLU("b", ("a",)), norm("b"), norm("norm", "second"), replace(VALID, inputs=("second",))


@pytest.mark.parametrize(
    ("network", "left"),
    [
        pytest.param(odd(norm(INPUT), conv("a", "norm")), "norm a", id="of the input, before padding"),
        pytest.param(odd(conv("a", INPUT), ReLU("b", ("a",)), norm("b")), "a b norm", id="at the end"),
        pytest.param(odd(conv("a", INPUT), norm("a"), Add("b", ("a", "norm"))), "a norm b", id="shared"),
        pytest.param(odd(*SHARED), "a norm b", id="shared before it, behind a dropout"),
        pytest.param(odd(norm(INPUT), VALID), "valid", id="before a convolution without padding"),
        pytest.param(odd(norm(INPUT), VALID, norm("valid", "second")), "valid", id="on both sides"),
        pytest.param(odd(*TWICE), "norm valid other b", id="of two readers"),
        pytest.param(odd(*HEAD), "flat dense", id="of a flattened image"),
        pytest.param(odd(*HEAD[:2], ReLU("relu", ("norm",))), "flat norm relu", id="of a vector, alone"),
        pytest.param(odd(*ROW), "a b norm valid", id="two in a row"),
    ],
)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=10)
def test_a_batch_norm_goes_where_it_can(network: Network, left: str, seed: int) -> None:
    """Into the layer before it, the layer behind it, or it stands as a layer of its own: the outputs are equal."""
    tensors = random_tensors(network, seed)
    hardware, weights = folded(network), folded_weights(network, tensors)
    assert [layer.name for layer in hardware.layers] == left.split()
    assert {name: tensor.shape for name, tensor in weights.items()} == dict(hardware.weight_shapes())
    image = np.random.default_rng(seed).random(network.input_shape)
    assert evaluate(hardware, weights, image) == pytest.approx(evaluate(network, tensors, image), rel=1e-9, abs=1e-9)


def test_a_batch_norm_goes_into_a_convolution_in_groups_before_it_and_not_behind() -> None:
    torch = pytest.importorskip("torch")
    from models.training.torch_network import TorchNetwork

    layers = (
        BatchNorm("first", (INPUT,)),
        GroupedConv2D("grouped", ("first",), (2, 2), (1, 1), "valid", 6, 2),
        BatchNorm("second", ("grouped",)),
        GlobalAveragePool("gap", ("second",)),
    )
    network, random = Network("groups", (4, 4, 4), layers), np.random.default_rng(3)
    tensors = {name: np.abs(random.normal(0, 1, shape)) + 0.1 for name, shape in network.weight_shapes()}
    hardware = folded(network)
    assert [layer.kind for layer in hardware.layers] == ["conv2d", "grouped_conv2d", "global_average_pool"]
    image = torch.from_numpy(random.normal(0, 1, (2, 4, 4, 4)))
    with torch.no_grad():
        plain, result = (
            TorchNetwork(which).double().load(each).eval()(image)
            for which, each in ((network, tensors), (hardware, folded_weights(network, tensors)))
        )
    assert np.allclose(plain.numpy(), result.numpy(), rtol=1e-9)


def test_a_negative_variance_is_named() -> None:
    tensors = random_tensors(RESIDUAL, 1)
    tensors["left_norm/variance"][2] = -1.0
    with pytest.raises(InputError, match="left_norm: one of its variances is negative"):
        folded_weights(RESIDUAL, tensors)


@pytest.mark.parametrize(
    ("layer", "fact"),
    [
        (Dropout("a", (INPUT,), 1.0), "rate 1.0"),
        (Dropout("a", (INPUT,), float("nan")), "rate nan"),
        (BatchNorm("a", (INPUT,), 0.0), "epsilon"),
    ],
)
def test_settings_that_make_no_sense_are_refused(layer: Layer, fact: str) -> None:
    with pytest.raises(InputError, match=fact):
        Network("bad", (4, 4, 3), (layer,))


def test_epsilon_is_architecture_and_names_are_not() -> None:
    layers = (conv("a", INPUT), BatchNorm("b", ("a",)))
    renamed = (conv("x", INPUT), BatchNorm("y", ("x",)))
    assert odd(*layers).digest == odd(*renamed).digest
    assert odd(*layers).digest != odd(layers[0], replace(layers[1], epsilon=1e-5)).digest


def test_what_is_folded_is_named_with_the_layer_that_does_its_work() -> None:
    network = Network(
        "names",
        (8, 8, 3),
        (
            BatchNorm("at_the_entry", (INPUT,)),
            Conv2D("conv1", ("at_the_entry",), (3, 3), (1, 1), "valid", 4),
            Dropout("drop", ("conv1",), 0.5),
            BatchNorm("after", ("drop",)),
            ReLU("relu", ("after",)),
            BatchNorm("stays", ("relu",)),
            Conv2D("conv2", ("stays",), (3, 3), (1, 1), "same", 4),
            GlobalAveragePool("gap", ("conv2",)),
        ),
        absorbed=(("noise", "after"), ("input_1", INPUT)),
    )
    assert dict(folded(network).absorbed) == {
        "noise": "conv1",
        "input_1": INPUT,
        "at_the_entry": "conv1",
        "drop": "conv1",
        "after": "conv1",
    }
