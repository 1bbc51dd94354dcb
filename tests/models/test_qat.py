"""Quantisation-aware training: what is trained is, integer for integer, what the FINN flow then builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.cifar10 import Images
from models.network import Network
from models.vectors import vectors
from models.weights import open_weights, save_weights
from models.zoo import ARCH4, ARCH8
from tests.backends.finn.w4a4 import TINY

torch = pytest.importorskip("torch")


def random_weights(network: Network) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    return {name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in network.weight_shapes()}


@pytest.mark.parametrize("network", [TINY, ARCH4, ARCH8], ids=lambda one: one.name)
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
def test_the_trained_network_is_the_flows_arithmetic(tmp_path: Path, recipe: dict[str, Any]) -> None:
    """Codes of every logit: torch with its quantisers against the exact reference of what `finn.lower` reads back."""
    from backends import finn
    from backends.protocol import Job
    from flows.core.part import Target, find_part
    from models.evaluation.oracle import evaluate
    from models.ranges import Ranges
    from models.training.qat import Recipe
    from models.training.quantisers import QuantisedNetwork, on_image_grid
    from models.training.torch_network import as_input

    asked = Recipe(**recipe)
    bits = asked.bits_of(TINY)
    model = QuantisedNetwork(TINY, bits, asked.activation_bits, asked.per_channel, asked.float_scales)
    model.load(random_weights(TINY))
    model.fit_activations(vectors(TINY.input_shape))
    model.fit_kernels()
    path = tmp_path / "tiny-w4a4.safetensors"
    save_weights(path, model.on_grids(), TINY)
    weights = open_weights(path, TINY)
    reach = dict.fromkeys(TINY.shapes, (-1.0, 1.0)) | model.represented()
    ranges = Ranges(TINY.digest, weights.digest, "images", 16, reach)
    job = Job(TINY, weights, ranges, Target(find_part("xc7z020")), finn.Options())
    assert finn.check(job) == ()
    made, images = finn.lower(job), vectors(TINY.input_shape)
    model.eval().double()
    with torch.no_grad():
        logits = model(on_image_grid(as_input(images).double())).numpy() * 2.0 ** made.type_of(made.output).fraction
    for image, row in zip(images[:5], logits, strict=False):
        assert list(evaluate(made, weights.tensors(), image)[made.output]) == [int(code) for code in np.rint(row)]
        np.testing.assert_allclose(row, np.rint(row), atol=1e-6)
    assert made.weight_bits == bits
    assert made.type_of("relu1").width == asked.activation_bits


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
