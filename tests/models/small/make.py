"""Writes the small networks of this folder anew: ``KERAS_BACKEND=torch python tests/models/small/make.py``.

A ResNet-8 as of MLPerf Tiny (convolutions of stride 2, shortcuts of 1x1, an average of the last image, a dense layer)
and a MobileNet (depthwise and 1x1 convolutions, ReLU6), both of few channels and on images of 16x16, as torch exports
them to ONNX and as Keras saves them; both as Brevitas quantises them, too. Weights are
seeded, batch normalisations have seen random images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import keras
import numpy as np
import torch
from brevitas.export import export_qonnx
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat, Uint8ActPerTensorFloat
from keras import layers as L
from qonnx.util.cleanup import cleanup
from torch import Tensor, nn
from torch.nn import functional as F

HERE = Path(__file__).parent
SIZE, CLASSES = 16, 10


class Block(nn.Module):
    def __init__(self, inputs: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, filters, 3, stride, 1), nn.BatchNorm2d(filters)
        self.conv2, self.norm2 = nn.Conv2d(filters, filters, 3, 1, 1), nn.BatchNorm2d(filters)
        self.shortcut = nn.Conv2d(inputs, filters, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet8(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 4, 3, 1, 1), nn.BatchNorm2d(4)
        self.blocks = nn.Sequential(Block(4, 4, 1), Block(4, 8, 2), Block(8, 12, 2))
        self.dense = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu(self.norm(self.stem(x))))
        return self.dense(F.avg_pool2d(x, SIZE // 4).flatten(1))


class Separable(nn.Module):
    def __init__(self, inputs: int, filters: int, stride: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(filters)
        self.pointwise = nn.Conv2d(inputs, filters, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.norm2(self.pointwise(F.relu6(self.norm1(self.depthwise(x))))))


class MobileNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4)
        self.blocks = nn.Sequential(Separable(4, 8, 1), Separable(8, 12, 2), Separable(12, 12, 1))
        self.dense = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu6(self.norm(self.stem(x))))
        return self.dense(F.avg_pool2d(x, 2).mean((2, 3)))


def keras_resnet8() -> Any:
    def block(x: Any, filters: int, stride: int) -> Any:
        y = L.ReLU()(L.BatchNormalization()(L.Conv2D(filters, 3, stride, "same")(x)))
        y = L.BatchNormalization()(L.Conv2D(filters, 3, padding="same")(y))
        return L.ReLU()(L.Add()([y, L.Conv2D(filters, 1, stride, "same")(x) if stride > 1 else x]))

    image = keras.Input((SIZE, SIZE, 3))
    x = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(image)))
    for filters, stride in ((4, 1), (8, 2), (12, 2)):
        x = block(x, filters, stride)
    x = L.Flatten()(L.AveragePooling2D(SIZE // 4)(x))
    return keras.Model(image, L.Dense(CLASSES, activation="softmax")(x), name="resnet8")


def keras_mobilenet() -> Any:
    image = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(4, 3, 2, "same", use_bias=False)(image)
    x = L.ReLU(6.0)(L.BatchNormalization()(x))
    for filters, stride in ((8, 1), (12, 2), (12, 1)):
        x = L.DepthwiseConv2D(3, stride, "same", use_bias=False)(x)
        x = L.ReLU(6.0)(L.BatchNormalization()(x))
        x = L.Conv2D(filters, 1, use_bias=False)(x)
        x = L.ReLU(6.0)(L.BatchNormalization()(x))
    x = L.GlobalAveragePooling2D()(L.AveragePooling2D(2)(x))
    return keras.Model(image, L.Dense(CLASSES, activation="softmax")(x), name="mobilenet")


WEIGHTS = {"weight_quant": Int8WeightPerChannelFloat, "weight_bit_width": 4}


def conv(inputs: int, filters: int, *settings: int, groups: int = 1) -> nn.Module:
    return qnn.QuantConv2d(inputs, filters, *settings, groups=groups, bias=False, **WEIGHTS)


def code(bits: int = 4) -> nn.Module:
    return qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=bits)


def relu(filters: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(filters), code()]


class QuantisedBlock(nn.Module):
    """One quantiser for both branches: what is added has one scale."""

    def __init__(self, inputs: int, filters: int, stride: int) -> None:
        super().__init__()
        first = conv(inputs, filters, 3, stride, 1), *relu(filters)
        self.long = nn.Sequential(*first, conv(filters, filters, 3, 1, 1), nn.BatchNorm2d(filters))
        self.short = conv(inputs, filters, 1, stride) if stride > 1 else nn.Identity()
        self.join, self.end = qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, bit_width=5), code()

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.join(self.long(x)) + self.join(self.short(x)))


def quantised_resnet8() -> nn.Module:
    """W4A4 by Brevitas."""
    dense = qnn.QuantLinear(12, CLASSES, bias=False, **WEIGHTS)
    first = qnn.QuantIdentity(act_quant=Uint8ActPerTensorFloat, bit_width=8)
    blocks = (QuantisedBlock(*sizes) for sizes in ((4, 4, 1), (4, 8, 2), (8, 12, 2)))
    return nn.Sequential(first, conv(3, 4, 3, 1, 1), *relu(4), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense)


def quantised_mobilenet() -> nn.Module:
    """W4A4 by Brevitas: its activations end at their last codes, so that no ReLU6 is needed."""
    layers = [qnn.QuantIdentity(act_quant=Uint8ActPerTensorFloat, bit_width=8), conv(3, 4, 3, 2, 1), *relu(4)]
    for inputs, filters, stride in ((4, 8, 1), (8, 12, 2), (12, 12, 1)):
        layers += [conv(inputs, inputs, 3, stride, 1, groups=inputs), *relu(inputs)]
        layers += [conv(inputs, filters, 1), *relu(filters)]
    dense = qnn.QuantLinear(12, CLASSES, bias=False, **WEIGHTS)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense)


def write_brevitas(name: str, model: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        for _ in range(30):
            model(images)
    model.eval()
    path = HERE / f"{name}.onnx"
    export_qonnx(model, images[:1], export_path=str(path), dynamo=False)
    cleanup(str(path), out_file=str(path))


def write_torch(name: str, model: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        for _ in range(30):
            model(images)
    model.eval()
    torch.onnx.export(model, (images[:1],), HERE / f"{name}.onnx", dynamo=False, input_names=["image"])


def write_keras(name: str, model: Any) -> None:
    random = np.random.default_rng(8)
    for variable in model.variables:
        if "seed" in variable.path:
            continue
        shape = tuple(variable.shape)
        spread = (2 / max(np.prod(shape[:-1]) if "pointwise" not in variable.path else 1, 1)) ** 0.5
        spread = (2 / 9) ** 0.5 if "depthwise" in variable.path and len(shape) == 4 else spread
        values = random.normal(0, spread if len(shape) > 1 else 0.1, shape)
        centre = 1.0 if variable.name in ("gamma", "moving_variance") else 0.0
        variable.assign(np.abs(values + centre) if variable.name == "moving_variance" else values + centre)
    model.save(HERE / f"{name}.keras")


if __name__ == "__main__":
    torch.manual_seed(8)
    generator = np.random.default_rng(8)
    bytes_ = generator.integers(0, 256, (64, SIZE, SIZE, 3), np.uint8)
    np.save(HERE / "images.npy", bytes_[:32])
    seen = torch.from_numpy(bytes_).permute(0, 3, 1, 2).float() / 255
    write_torch("resnet8", ResNet8(), seen)
    write_torch("mobilenet", MobileNet(), seen)
    write_brevitas("resnet8-w4a4", quantised_resnet8(), seen)
    write_brevitas("mobilenet-w4a4", quantised_mobilenet(), seen)
    write_keras("resnet8", keras_resnet8())
    write_keras("mobilenet", keras_mobilenet())
