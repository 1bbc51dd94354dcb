"""The Keras definitions are the networks of the zoo, and what Keras computes is what torch computes."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("keras")
pytest.importorskip("h5py")

from flows.jobs import shipped_weights
from models import zoo
from models.folding import folded, folded_weights
from models.imported.workers.keras_layers import read_keras
from models.keras3 import zoo as definitions
from models.keras3.network import entry_scaling, get_weights, keras_model, put_weights, reach, save_archive, scaled
from models.network import Network
from models.pixels import RAW, UNIT, Pixels, parse_pixels, reads_bytes

random = np.random.default_rng(11)


def drawn(network: Network) -> dict[str, np.ndarray]:
    """Weights of every layer; variances above 0."""
    tensors = {name: random.normal(0, 0.2, shape).astype(np.float32) for name, shape in network.weight_shapes()}
    return {name: abs(each) + 0.5 if name.endswith(("variance", "gamma")) else each for name, each in tensors.items()}


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_a_definition_is_the_network_of_the_zoo(name: str, tmp_path: Path) -> None:
    """As it is read of the archive that Keras writes: layers, names, settings, parameters."""
    model = definitions.NETWORKS[name]()
    model.save(tmp_path / f"{name}.keras")
    network, tensors = read_keras(tmp_path / f"{name}.keras", name)
    assert network == zoo.NETWORKS[name] and model.count_params() == network.parameters
    mine = get_weights(model, network)
    assert mine.keys() == tensors.keys() and all(np.array_equal(mine[key], tensors[key]) for key in mine)


def test_the_example_beside_them_is_read_too(tmp_path: Path) -> None:
    definitions.resnet8().save(tmp_path / "resnet8.keras")
    network, tensors = read_keras(tmp_path / "resnet8.keras", "resnet8")
    assert network.shapes[network.logits] == (10,) and {*tensors} == {name for name, _ in network.weight_shapes()}


@pytest.mark.parametrize("name", ["arch8", "arch2", "resnet8"])
def test_keras_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    """The definition, and the model that is made of the network: with batch normalisation where there is some."""
    torch = pytest.importorskip("torch")
    from models.training.torch_network import TorchNetwork, as_input

    pixels = random.integers(0, 256, (24, 32, 32, 3)).astype(np.uint8)
    model = getattr(definitions, name)()
    model.save(tmp_path / "own.keras")
    network, _ = read_keras(tmp_path / "own.keras", name)
    shipped = shipped_weights(network) if name in zoo.NETWORKS else None
    if shipped:
        from safetensors.numpy import load_file

        tensors = dict(load_file(shipped))
    else:
        tensors = drawn(network)
    with torch.no_grad():
        expected = TorchNetwork(network).load(tensors).eval()(as_input(pixels)).softmax(1).numpy()
    assert np.ptp(expected) > 0.1
    for each in (model, keras_model(network)):
        result = each.predict(scaled(network, pixels), verbose=0)
        put_weights(each, network, tensors)
        result = each.predict(scaled(network, pixels), verbose=0)
        assert np.abs(result - expected).max() < 1e-5


def test_what_is_saved_is_read_as_the_same_network_and_weights(tmp_path: Path) -> None:
    """Torch's padding on a stride, batch normalisation and the scaling of its first layer with it."""
    from models.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool, MaxPool2D, ReLU
    from models.network import INPUT

    layers = (
        Conv2D("conv", (INPUT,), (3, 3), (2, 2), (1, 1, 1, 1), 5),
        BatchNorm("norm", ("conv",), 0.01),
        ReLU("relu", ("norm",)),
        MaxPool2D("pool", ("relu",), (2, 2), (2, 2), "same"),
        Dropout("drop", ("pool",), 0.3),
        GlobalAveragePool("gap", ("drop",)),
        Dense("dense", ("gap",), 4),
    )
    for text in ("unit", "raw", "centred", "128/255,1/255", "0.485,0.456,0.406,0.229,0.224,0.225"):
        network = Network("own", (10, 10, 3), layers, pixels=parse_pixels(text))
        tensors = drawn(network)
        save_archive(tmp_path / "own", network, tensors)
        (tmp_path / "own").rename(tmp_path / "own.keras")
        again, read = read_keras(tmp_path / "own.keras", "own")
        assert again.digest == network.digest and again.pixels == network.pixels
        assert [layer.name for layer in again.layers] == [layer.name for layer in layers]
        assert all(np.array_equal(tensors[name], read[name]) for name in tensors) and read.keys() == tensors.keys()
        assert [path.name for path in tmp_path.iterdir()] == ["own.keras"]


@given(st.fractions(-2, 2, max_denominator=5000), st.fractions(-300, 300, max_denominator=200))
def test_every_scaling_is_read_as_what_it_was(gain: Fraction, offset: Fraction) -> None:
    assume(gain)
    pixels = Pixels((gain,), (offset,))
    if said := entry_scaling(pixels):
        base = RAW if reads_bytes(*said) else UNIT
        assert base.then(*said) == pixels
    else:
        assert pixels == UNIT


def test_ranges_are_those_that_torch_measures() -> None:
    pytest.importorskip("torch")
    from models.training import torch_network

    for network in (zoo.ARCH8, zoo.ARCH2):
        tensors = {name: each.astype(np.float32) for name, each in folded_weights(network, drawn(network)).items()}
        hardware, pixels = folded(network), random.integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
        theirs = torch_network.reach(torch_network.TorchNetwork(hardware).load(tensors), pixels)
        mine = reach(hardware, tensors, pixels)
        assert list(mine) == list(theirs)
        for name, ends in theirs.items():
            assert mine[name] == pytest.approx(ends, rel=1e-5, abs=1e-5), name


def test_pixels_are_scaled_as_the_network_reads_them() -> None:
    pixels = random.integers(0, 256, (2, 3, 3, 3)).astype(np.uint8)
    for text in ("unit", "raw", "centred", "0.4,0.5,0.6,0.2,0.3,0.4"):
        network = Network("own", (32, 32, 3), zoo.ARCH8.layers, pixels=parse_pixels(text))
        values = scaled(network, pixels)
        assert values.dtype == np.float32 and values.shape == pixels.shape
        for place, byte in np.ndenumerate(pixels):
            assert values[place] == pytest.approx(float(network.pixels.number(int(byte), place[-1])), rel=1e-6)
