"""What torch's two exporters write, weights beside the model and computed shapes included, computes what torch does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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


class Mobile(nn.Module):
    """Inverted bottlenecks as of MobileNetV2, and an average of windows."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4)
        self.wide, self.wide_norm = nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8)
        self.depth, self.depth_norm = nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False), nn.BatchNorm2d(8)
        self.narrow, self.narrow_norm = nn.Conv2d(8, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.pool, self.last = nn.AvgPool2d(3, 2, 1), nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu6(self.norm(self.stem(x)))
        y = nn.functional.relu6(self.wide_norm(self.wide(x)))
        y = self.narrow_norm(self.narrow(nn.functional.relu6(self.depth_norm(self.depth(y)))))
        return self.last(self.pool(x + y).mean((2, 3)))


class Pieces(nn.Module):
    """Groups, branches side by side, a slope and two ends."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, 2, 1, groups=2)
        self.three, self.last = nn.Conv2d(4, 2, 1, 2), nn.Linear(8 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.leaky_relu(self.one(x), 0.1)
        x = torch.cat([nn.functional.hardtanh(self.two(x)), self.three(x)], 1)
        return self.last(nn.functional.avg_pool2d(x, 2).flatten(1))


ANY_BATCH = {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}}


@pytest.mark.parametrize(
    ("build", "size", "dynamo", "settings"),
    [
        pytest.param(Residual, 16, False, ANY_BATCH, id="residual, traced"),
        pytest.param(Residual, 16, True, {}, id="residual"),
        pytest.param(Viewed, 15, False, ANY_BATCH, id="viewed, traced"),
        pytest.param(Mobile, 16, False, ANY_BATCH, id="mobile, traced"),
        pytest.param(Mobile, 16, True, {}, id="mobile"),
        pytest.param(Pieces, 16, False, ANY_BATCH, id="pieces, traced"),
        pytest.param(Pieces, 16, True, {}, id="pieces"),
        pytest.param(Viewed, 15, True, {}, id="viewed"),
        pytest.param(Viewed, 15, True, {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}, id="viewed, any batch"),
        pytest.param(lambda: TorchNetwork(ARCH8), 32, False, ANY_BATCH, id="arch8, traced"),
        pytest.param(lambda: TorchNetwork(ARCH8), 32, True, {}, id="arch8"),
        pytest.param(lambda: TorchNetwork(ARCH2), 32, True, {}, id="arch2"),
    ],
)
def test_outputs_equal_those_of_torch(
    build: Callable[[], nn.Module],
    size: int,
    dynamo: bool,
    settings: dict[str, Any],
    tmp_path: Path,
    compute: Callable[..., np.ndarray],
) -> None:
    if dynamo:
        pytest.importorskip("onnxscript")
    torch.manual_seed(3)
    model = build()
    with torch.no_grad():
        for _ in range(3):
            model(torch.rand(8, 3, size, size))
    model.eval()
    path = tmp_path / "own.onnx"
    example = torch.rand(2 if "dynamic_shapes" in settings else 1, 3, size, size)
    torch.onnx.export(model, (example,), path, dynamo=dynamo, **settings)
    try:
        network, tensors = read_onnx(path, "own")
    except WantedFiles as wanted:
        network, tensors = read_onnx(path, "own", tuple(wanted.names))
    images = torch.rand(5, 3, size, size)
    with torch.no_grad():
        expected = model(images).numpy()
    assert compute(network, tensors, images.permute(0, 2, 3, 1).numpy()) == pytest.approx(expected, abs=1e-5)


BY_KERAS = """
import numpy as np
import keras
from keras import layers as L

image = keras.Input((12, 12, 3))
x = L.ZeroPadding2D()(L.Rescaling(1 / 255)(image))
x = L.BatchNormalization()(L.Conv2D(6, 3, activation="relu")(x))
y = L.BatchNormalization()(L.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x))
z = L.Conv2D(8, 2, strides=2)(x)
x = L.MaxPooling2D(3, 2, padding="same")(L.Add()([L.ReLU()(y), z]))
x = L.ReLU()(L.BatchNormalization()(L.Dense(9, use_bias=False)(L.Flatten()(x))))
model = keras.Model(image, L.Dense(5, activation="softmax")(x))
random = np.random.default_rng(3)
for variable in model.weights:
    values = random.normal(0, 0.4, variable.shape)
    variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
images = random.random((7, 12, 12, 3), np.float32)
np.savez("own.npz", images=images, outputs=model.predict(images * 255, verbose=0))
model.export("own.onnx", format="onnx", verbose=False)
"""


def test_outputs_equal_those_of_keras_that_exports_onnx(tmp_path: Path, compute: Callable[..., np.ndarray]) -> None:
    if not (find_spec("keras") and find_spec("onnxscript")):  # importing keras here would ask for TensorFlow
        pytest.skip("keras or onnxscript is not installed")
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, "-c", BY_KERAS], cwd=tmp_path, env=environment, check=True, capture_output=True)
    theirs = np.load(tmp_path / "own.npz")
    assert np.ptp(theirs["outputs"], axis=0).max() > 1e-2, "the images must be told apart"
    network, tensors = read_onnx(tmp_path / "own.onnx", "own")
    assert compute(network, tensors, theirs["images"]) == pytest.approx(theirs["outputs"], abs=1e-5)
