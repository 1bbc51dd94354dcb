"""The graphs that finn-plus was asked about, as the flows read them: integers throughout, or a reason and advice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")

from tests.models.imported.qonnx_graphs import read  # noqa: E402

CASES = Path(__file__).parent / "cases"
JUDGED = json.loads((CASES / "index.json").read_text())["cases"]
UNREAD = {
    "act_per_channel": "an activation with scales 1x8x1x1",
    "add_scales_q": "integers of two scales",
    "bn_add": "no quantiser has taken in",
    "cat_scales": "it joins integers of two scales",
    "conv1d": "neither an image nor a vector",
    "dw_mult": "8 groups",
    "end_quant_by_class": "an activation with scales 1x5",
    "gemm_alpha": "scaled once more",
    "gemm_transA": "a transposition [1, 0]",
    "group2": "2 groups",
    "kernels": "dilations is [2, 2]",
    "leaky": "a leaky ReLU",
    "maxpool_ceil": "windows that stick out",
    "mlp_in_bipolar": "has no bipolar weights: FINN has no unit for that",
    "mul_conv": "a product of two tensors",
    "mul_residual": "a product of two tensors",
    "selu": "not made of straight lines",
    "two_heads": "2 outputs",
    "w_9bit": "weights of 9 bits",
    "w_unsigned": "unsigned weights",
    "w_zero_point": "its zero point is 1",
}
"""Those of which only `check finn` tells, and what the flow says of each, whatever finn-plus does with it."""


@pytest.mark.parametrize("name", sorted(JUDGED))
def test_each_is_read_or_refused_with_what_to_do(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = read(onnx.load(CASES / f"{name}.onnx"), tmp_path, monkeypatch)
    files = [folder / file for file in ("refusal.json", "not_integers.json") if (folder / file).exists()]
    if not files:
        assert (folder / "integers.json").exists() and name not in UNREAD
        return
    content = json.loads(files[0].read_text())
    assert content["next_step"] and "damaged" not in content["fact"] and "\n" not in content["fact"]
    if name in UNREAD:
        assert UNREAD[name] in content["fact"]
    else:
        assert not JUDGED[name]["finn"]["taken"], f"finn-plus takes it: {content['fact']}"
