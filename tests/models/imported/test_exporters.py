"""What torch's two exporters write, weights beside the model and computed shapes included, computes what torch does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.zoo import ARCH2, ARCH8

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
from torch import Tensor, nn  # noqa: E402

from models.imported.workers.draft import WantedFiles  # noqa: E402
from models.imported.workers.onnx_nodes import read_onnx  # noqa: E402
from models.training.torch_network import TorchNetwork  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.other, self.shortcut = nn.Conv2d(6, 6, 3, padding="same"), nn.Conv2d(3, 6, 1)
        self.dense, self.dense_norm, self.last = nn.Linear(6 * 64, 12), nn.BatchNorm1d(12), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.other(torch.relu(self.norm(self.conv(x))))) + self.shortcut(x)
        y = nn.functional.dropout(nn.functional.max_pool2d(y, 2), 0.3, self.training).flatten(1)
        return self.last(torch.relu(self.dense_norm(self.dense(y))))


class Viewed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool, self.last = nn.Conv2d(3, 8, 3, stride=2), nn.AdaptiveAvgPool2d(1), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pool(torch.relu(self.conv(x)))
        return self.last(y.view(y.size(0), -1))


@pytest.mark.parametrize(
    ("build", "size", "dynamo"),
    [
        pytest.param(Residual, 16, False, id="residual, traced"),
        pytest.param(Residual, 16, True, id="residual"),
        pytest.param(Viewed, 15, False, id="viewed, traced"),
        pytest.param(Viewed, 15, True, id="viewed"),
        # Traced, our own module pads in nodes of their own, which are not supported.
        pytest.param(lambda: TorchNetwork(ARCH8), 32, True, id="arch8"),
        pytest.param(lambda: TorchNetwork(ARCH2), 32, True, id="arch2"),
    ],
)
def test_outputs_equal_those_of_torch(
    build: Callable[[], nn.Module], size: int, dynamo: bool, tmp_path: Path, compute: Callable[..., np.ndarray]
) -> None:
    if dynamo:
        pytest.importorskip("onnxscript")
    torch.manual_seed(3)
    model = build()
    with torch.no_grad():
        for _ in range(3):
            model(torch.rand(8, 3, size, size))
    model.eval()
    settings = {} if dynamo else {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}}
    path = tmp_path / "own.onnx"
    torch.onnx.export(model, torch.rand(1, 3, size, size), path, dynamo=dynamo, **settings)
    try:
        network, tensors = read_onnx(path, "own")
    except WantedFiles as wanted:
        network, tensors = read_onnx(path, "own", tuple(wanted.names))
    images = torch.rand(5, 3, size, size)
    with torch.no_grad():
        expected = model(images).numpy()
    assert compute(network, tensors, images.permute(0, 2, 3, 1).numpy()) == pytest.approx(expected, abs=1e-5)
