"""Bounds of a network of integers: no image leaves them, and where one reaches an end, they are tight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("qonnx")
pytest.importorskip("torch")

from flows.__main__ import main
from models.evaluation.fast import FastNetwork
from models.integer_profile import bounds, integer_profile
from models.integers import HostScale
from models.network import INPUT
from tests.backends.finn.test_finn_own_graph import job_on
from tests.models.imported.qonnx_graphs import FORMS

SMALL = Path(__file__).parent / "small"


@pytest.mark.parametrize("form", FORMS)
def test_no_image_leaves_the_bounds(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    integer = job_on(FORMS[form](), tmp_path, monkeypatch).integer
    quantised, weights = integer.quantised, integer.weights.tensors()  # type: ignore[union-attr]
    random = np.random.default_rng(6)
    shape = (48, *quantised.network.input_shape)
    images = np.where(random.random(shape) < 0.5, random.choice([0, 255], shape), random.integers(0, 256, shape))
    tensors = FastNetwork(quantised, weights)(images.astype(np.uint8))
    ends = bounds(quantised.network, weights)
    assert set(ends) == {INPUT} | {layer.name for layer in quantised.network.layers if not isinstance(layer, HostScale)}
    for layer in quantised.computed:
        low, high = ends[layer.name]
        if len(quantised.network.shapes[layer.name]) == 1 and tensors[layer.name].ndim == 2:
            codes = tensors[layer.name].numpy()
        else:
            codes = np.moveaxis(tensors[layer.name].numpy(), 1, -1)
        if codes.shape[-1] == len(low):  # a flattened image stands in another order
            codes = codes.reshape(-1, len(low))
            assert (codes.min(0) >= low).all() and (codes.max(0) <= high).all(), layer.name
        assert codes.min() >= low.min() and codes.max() <= high.max(), layer.name


def test_the_profile_says_which_bits_are_spare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    integer = job_on(FORMS["plain"](), tmp_path, monkeypatch).integer
    profile = integer_profile("finn", integer.quantised, integer.weights)  # type: ignore[union-attr]
    rows = {row.tensor: row for row in profile.rows}
    assert profile.n == 0 and not any(row.beyond for row in profile.rows)
    assert (rows["image"].low, rows["image"].high) == (0, 255)
    assert rows["c1/kernel"].weights and rows["c1/kernel"].weights.sqnr_db is None, "codes are exact"
    assert rows["c1"].headroom is not None and rows["c1"].headroom > 0, "the widest sum of any weights is wider"
    assert 0 <= rows["r1_q"].low <= rows["r1_q"].high <= 15


def test_the_command_profiles_a_qonnx_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["profile", "finn", "--network", str(SMALL / "resnet8-w4a4.onnx"), "--store", str(tmp_path / "store")]
    assert main(words) == 0
    assert "as codes of kernels and thresholds bound them on any image" in capsys.readouterr().out
    assert main([*words, "--cost", "--data", "absent.npz"]) == 2
    assert "no tensor has a type whose cost could be told" in capsys.readouterr().err
