"""Quantisation-aware training: what is trained is, integer for integer, what the FINN flow then builds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.conformance.networks import TINY
from models import cifar10
from models.cifar10 import TEST, TRAIN, Images
from models.folding import folded
from models.network import INPUT, BatchNorm, Conv2D, Dense, Dropout, Flatten, Network, ReLU, Softmax
from models.ranges import Ranges, load_ranges
from models.vectors import vectors
from models.weights import open_weights, save_weights
from models.zoo import ARCH4, ARCH8
from tests.backends.finn.w4a4 import FLAT

torch = pytest.importorskip("torch")

NORMED = Network(
    "normed",
    (32, 32, 3),
    (
        Conv2D("conv", (INPUT,), (3, 3), (4, 4), "same", 4),
        BatchNorm("norm", ("conv",)),
        ReLU("relu", ("norm",)),
        Dropout("dropout", ("relu",), 0.25),
        Flatten("flatten", ("dropout",)),
        Dense("dense", ("flatten",), 10),
        Softmax("softmax", ("dense",)),
    ),
)
"""As ARCH1 and ARCH2 are built: training folds BatchNorm and Dropout away."""


def random_weights(network: Network) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    return {name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in network.weight_shapes()}


@pytest.mark.parametrize("network", [TINY, FLAT, ARCH4, ARCH8], ids=lambda one: one.name)
def test_equalised_weights_are_the_same_function(network: Network) -> None:
    from models.training.equalising import equalised, share
    from models.training.torch_network import TorchNetwork, as_input

    before = random_weights(network)
    before["dense/kernel"][0] *= 50
    after = equalised(network, before)
    images = as_input(vectors(network.input_shape))
    with torch.no_grad():
        ours, theirs = (TorchNetwork(network).load(one).eval()(images) for one in (after, before))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3 * float(theirs.abs().max()))
    spread = [share(one["dense/kernel"], -2).min() for one in (before, after)]
    assert spread[1] > spread[0]


@pytest.mark.parametrize("network", [TINY, FLAT], ids=lambda one: one.name)
@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"per_channel": True},
        {"weight_bits": 3, "outer_weight_bits": 8, "activation_bits": 5},
        {"float_scales": True},
        {"weight_bits": 5, "float_scales": True, "per_channel": True},
        {"weight_bits": 2, "activation_bits": 8, "per_channel": True},
    ],
    ids=str,
)
def test_the_trained_network_is_the_flows_arithmetic(tmp_path: Path, network: Network, recipe: dict[str, Any]) -> None:
    """Codes of every logit: torch with its quantisers against the exact reference of what `finn.lower` reads back."""
    from models.training.qat import Recipe
    from models.training.quantisers import QuantisedNetwork

    asked = Recipe(**recipe)
    bits = asked.bits_of(network)
    model = QuantisedNetwork(network, bits, asked.activation_bits, asked.per_channel, asked.float_scales)
    model.load(random_weights(network))
    model.fit_activations(vectors(network.input_shape))
    model.fit_kernels()
    path = tmp_path / f"{network.name}-w4a4.safetensors"
    save_weights(path, model.on_grids(), network)
    reach = dict.fromkeys(network.shapes, (-1.0, 1.0)) | model.represented()
    made = lowered(path, Ranges(network.digest, open_weights(path, network).digest, "images", 16, reach), model)
    assert made.weight_bits == bits
    first = next(layer.name for layer in network.layers if isinstance(layer, ReLU))
    assert made.type_of(first).width == asked.activation_bits


def lowered(path: Path, ranges: Ranges, model: Any) -> Any:
    """What the FINN flow reads back from trained files; its logits are those of torch, code for code."""
    from backends.finn import BACKEND
    from backends.finn.options import FinnOptions
    from backends.protocol import Job
    from flows.core.part import Target, find_part
    from models.evaluation.oracle import evaluate
    from models.training.quantisers import on_image_grid
    from models.training.torch_network import as_input

    network = model.network
    weights = open_weights(path, network)
    job = Job(network, weights, ranges, Target(find_part("xc7z020")), FinnOptions())
    assert BACKEND.check(job) == ()
    made, images = BACKEND.lower(BACKEND.resolve(job)), vectors(network.input_shape)
    model.eval().double()
    with torch.no_grad():
        logits = model(on_image_grid(as_input(images).double())).numpy() * 2.0 ** made.type_of(made.output).fraction
    for image, row in zip(images[:5], logits, strict=False):
        assert list(evaluate(made, weights.tensors(), image)[made.output]) == [int(code) for code in np.rint(row)]
        np.testing.assert_allclose(row, np.rint(row), atol=1e-6)
    return made


@pytest.mark.parametrize("network", [FLAT, NORMED], ids=lambda one: one.name)
@pytest.mark.parametrize("per_channel", [False, True])
def test_a_flattened_network_trains_and_is_lowered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: Network, per_channel: bool
) -> None:
    """A few steps of the whole worker, from the float weights of the folded network to the files that FINN reads."""
    from models.training import qat

    shape = network.input_shape
    random = np.random.default_rng(9)
    count = 60
    sets = {
        files: Images(
            random.integers(0, 256, (count, *shape)).astype(np.uint8), random.integers(0, 5, count).astype(np.uint8)
        )
        for files in (TRAIN, TEST)
    }
    monkeypatch.setattr(cifar10, "read", lambda folder, files: sets[files])
    monkeypatch.setattr(qat, "FITTED_IMAGES", 20)
    monkeypatch.setattr(qat, "NETWORKS", {network.name: network})
    bare = folded(network)
    save_weights(tmp_path / "float.safetensors", random_weights(bare), bare)
    recipe = qat.Recipe(per_channel=per_channel, epochs=1, batch=10, held_out=20, warmup_steps=1)
    ask = {"network": network.name, "weights": str(tmp_path / "float.safetensors"), "data": str(tmp_path)}
    qat.main({**ask, "out": str(tmp_path), "recipe": asdict(recipe), "compile": False})

    path = tmp_path / f"{network.name}-w4a4.safetensors"
    ranges = load_ranges(path.with_suffix(".ranges.json"), bare, open_weights(path, bare).digest)
    run = qat.Run(bare, recipe, tmp_path / "float.safetensors", sets[TRAIN], tmp_path, False)
    assert run.progress.epochs == 1
    lowered(path, ranges, run.model)


IMAGES = Images(
    np.random.default_rng(7).integers(0, 256, (300, *TINY.input_shape)).astype(np.uint8),
    np.random.default_rng(8).integers(0, 5, 300).astype(np.uint8),
)


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_killed_training_ends_as_a_whole_one(
    tmp_path: Path, per_channel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.training import qat

    monkeypatch.setattr(qat, "FITTED_IMAGES", 20)
    save_weights(tmp_path / "float.safetensors", random_weights(TINY), TINY)
    recipe = qat.Recipe(per_channel=per_channel, epochs=4, batch=50, held_out=20, warmup_steps=2)

    def begun(name: str) -> qat.Run:
        (tmp_path / name).mkdir(exist_ok=True)
        return qat.Run(TINY, recipe, tmp_path / "float.safetensors", IMAGES, tmp_path / name, False)

    whole = begun("whole")
    whole.finish_epochs()
    killed = begun("killed")
    right = qat.right
    monkeypatch.setattr(qat, "right", lambda *given: right(*given) if killed.progress.epochs < 3 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        killed.finish_epochs()
    monkeypatch.undo()
    monkeypatch.setattr(qat, "FITTED_IMAGES", 20)
    resumed = begun("killed")
    assert resumed.progress.epochs == 3
    resumed.finish_epochs()
    for name, tensor in whole.model.on_grids().items():
        assert np.array_equal(tensor, resumed.model.on_grids()[name]), name


def test_files_and_commands_say_what_was_trained() -> None:
    from models.training.qat import Recipe

    assert (Recipe().variant, Recipe().options) == ("w4a4", "")
    mixed = Recipe(weight_bits=3, outer_weight_bits=8, per_channel=True, float_scales=True, peak_rate=0.002)
    assert mixed.variant == "w8-3a4"
    assert mixed.options == " --weight-bits 3 --outer-weight-bits 8 --per-channel --float-scales --rate 0.002"
    assert set(mixed.bits_of(ARCH8).values()) == {3, 8} and mixed.bits_of(ARCH8)["block1_shortcut"] == 8
