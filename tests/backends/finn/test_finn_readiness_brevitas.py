"""What Brevitas exports, as it is and cleaned by qonnx: its ReduceMean is all that FINN does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.layers import Add, Conv2D, Dense, GlobalAveragePool, MaxPool2D, ReLU
from models.network import INPUT, Network

pytestmark = pytest.mark.slow
pytest.importorskip("torch")
brevitas = pytest.importorskip("brevitas")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxoptimizer")  # Brevitas' export needs it
import torch  # noqa: E402

from backends.finn.workers.readiness import assess  # noqa: E402

NETWORK = Network(
    "own",
    (8, 8, 3),
    (
        Conv2D("c1", (INPUT,), (3, 3), (1, 1), "same", 4),
        ReLU("r1", ("c1",)),
        Conv2D("c2", (INPUT,), (1, 1), (1, 1), "same", 4),
        Add("a", ("r1", "c2")),
        MaxPool2D("p", ("a",), (2, 2), (2, 2), "valid"),
        GlobalAveragePool("g", ("p",)),
        Dense("d", ("g",), 10),
    ),
)


def exported(path: Path) -> None:
    """A residual block; all activation quantisers begin with one scale, so that the sum's are equal."""
    import brevitas.nn as qnn
    from brevitas.export import export_qonnx
    from brevitas.quant import Int8ActPerTensorFixedPoint, Int8WeightPerTensorFixedPoint, Uint8ActPerTensorFixedPoint

    weights = {"weight_quant": Int8WeightPerTensorFixedPoint, "weight_bit_width": 4}

    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.entry = qnn.QuantIdentity(act_quant=Uint8ActPerTensorFixedPoint, bit_width=8)
            self.c1 = qnn.QuantConv2d(3, 4, 3, padding=1, **weights)
            self.r1 = qnn.QuantReLU(act_quant=Uint8ActPerTensorFixedPoint, bit_width=4)
            self.c2 = qnn.QuantConv2d(3, 4, 1, **weights)
            self.q2 = qnn.QuantIdentity(act_quant=Int8ActPerTensorFixedPoint, bit_width=5, narrow_range=True)
            self.pool, self.mean = torch.nn.MaxPool2d(2), torch.nn.AdaptiveAvgPool2d(1)
            self.dense = qnn.QuantLinear(4, 10, bias=True, **weights)

        def forward(self, x: Any) -> Any:
            x = self.entry(x)
            x = self.pool(self.r1(self.c1(x)) + self.q2(self.c2(x)))
            return self.dense(self.mean(x).flatten(1))

    torch.manual_seed(0)
    export_qonnx(Block().eval(), torch.rand(1, 3, 8, 8), export_path=str(path))


def test_a_real_export_as_it_is_and_cleaned(tmp_path: Path) -> None:
    from qonnx.util.cleanup import cleanup

    exported(tmp_path / "raw.onnx")
    beside = tuple(path.name for path in tmp_path.iterdir() if path.suffix == ".data")
    cleanup(str(tmp_path / "raw.onnx"), out_file=str(tmp_path / "clean.onnx"))
    for name, external in (("raw.onnx", beside), ("clean.onnx", ())):
        readiness = assess(tmp_path / name, external, NETWORK)
        ((finding,),) = (each.findings for each in readiness.broken)
        assert "(ReduceMean)" in finding.where and "GlobalAveragePool" in finding.change
