"""Quantisation-aware training: what is trained is, integer for integer, what the FINN flow then builds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

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
    from models.training.qat import _share, equalised
    from models.training.torch_network import TorchNetwork, as_input

    before = random_weights(network)
    before["dense/kernel"][0] *= 50
    after = equalised(network, before)
    images = as_input(vectors(network.input_shape))
    with torch.no_grad():
        ours, theirs = (TorchNetwork(network).load(one).eval()(images) for one in (after, before))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3 * float(theirs.abs().max()))
    spread = [_share(one["dense/kernel"], -2).min() for one in (before, after)]
    assert spread[1] > spread[0]


def test_the_trained_network_is_the_flows_arithmetic(tmp_path: Path) -> None:
    """Codes of every logit: torch with its quantisers against the exact reference of what `finn.lower` reads back."""
    from backends import finn
    from backends.protocol import Job
    from flows.core.part import Target, find_part
    from models.evaluation.oracle import evaluate
    from models.ranges import Ranges
    from models.training.qat import QuantisedNetwork, Recipe, halved
    from models.training.torch_network import as_input

    model = QuantisedNetwork(TINY, Recipe())
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
        logits = model(halved(as_input(images).double())).numpy() * 2.0 ** made.type_of(made.output).fraction
    for image, row in zip(images[:5], logits, strict=False):
        assert list(evaluate(made, weights.tensors(), image)[made.output]) == [int(code) for code in np.rint(row)]
        np.testing.assert_allclose(row, np.rint(row), atol=1e-6)
    coarse = replace(job, options=finn.Options(weight_bits=3))
    assert finn.check(coarse) != ()
