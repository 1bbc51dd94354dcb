"""A `Network` in torch, channels-first inside. Imported by workers only: it loads torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.folding import absorbed, folded_weights
from models.layers import (
    CONVOLUTIONS,
    Add,
    AveragePool2D,
    BatchNorm,
    Clip,
    Concat,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sign,
    Softmax,
)
from models.network import INPUT, Network
from models.pixels import UNIT, Pixels


class LayerModules(nn.ModuleDict):
    """Modules by layer; torch's own takes no layer that is called as one of its methods, such as "values"."""

    def __setitem__(self, layer: str, module: nn.Module) -> None:
        self._modules[layer] = module


class TorchNetwork(nn.Module):
    """The float network; images (n, C, H, W) as its `Pixels` make them, result (n, classes) before the softmax.

    With `batch_norm`, a BatchNorm is added after every convolution, unless the network has some of its own. `folded`
    gives the weights of `models.folding.folded(network)`, without any.
    """

    def __init__(self, network: Network, batch_norm: bool = False) -> None:
        super().__init__()
        self.network = network
        self.batch_norm = batch_norm = batch_norm and not any(isinstance(layer, BatchNorm) for layer in network.layers)
        self.trained = LayerModules()
        self.norms = LayerModules()
        for layer in network.layers:
            if isinstance(layer, CONVOLUTIONS):
                channels = network.input_shapes(layer)[0][-1]
                groups = layer.groups if isinstance(layer, GroupedConv2D) else 1
                self.trained[layer.name] = nn.Conv2d(
                    channels, layer.filters, layer.kernel, layer.strides, groups=groups, bias=not batch_norm
                )
                if batch_norm:
                    self.norms[layer.name] = nn.BatchNorm2d(layer.filters)
            elif isinstance(layer, Dense):
                self.trained[layer.name] = nn.Linear(network.input_shapes(layer)[0][0], layer.units)
            elif isinstance(layer, BatchNorm):
                *area, channels = network.input_shapes(layer)[0]
                self.norms[layer.name] = (nn.BatchNorm2d if area else nn.BatchNorm1d)(channels, layer.epsilon)

    def forward(self, images: Tensor, watch: Callable[[str, Tensor], None] | None = None) -> Tensor:
        """`watch`, where given, sees every tensor by name, the input included and the softmax not."""
        values = {INPUT: images}
        if watch:
            watch(INPUT, images)
        for layer in self.network.layers:
            if isinstance(layer, Softmax):
                values[layer.name] = values[layer.inputs[0]]
                continue
            values[layer.name] = self._run(layer, *(values[name] for name in layer.inputs))
            if watch:
                watch(layer.name, values[layer.name])
        return values[self.network.output]

    def _run(self, layer: Layer, x: Tensor, *others: Tensor) -> Tensor:
        match layer:
            case Conv2D() | GroupedConv2D():
                y = self.trained[layer.name](self._pad(layer, x, 0.0))
                return self.norms[layer.name](y) if self.batch_norm else y
            case BatchNorm():
                return self.norms[layer.name](x)
            case Dropout():
                return F.dropout(x, layer.rate, self.training)
            case MaxPool2D():
                return F.max_pool2d(self._pad(layer, x, -torch.inf), layer.kernel, layer.strides)
            case AveragePool2D():
                return F.avg_pool2d(self._pad(layer, x, 0.0), layer.kernel, layer.strides)
            case Clip():
                return x.clamp(layer.low, layer.high)
            case LeakyReLU():
                return F.leaky_relu(x, layer.slope)
            case Concat():
                return torch.cat((x, others[0]), 1)
            case Dense():
                return self.trained[layer.name](x)
            case ReLU():
                return F.relu(x)
            case Sign():
                return torch.where(x < 0, -1.0, 1.0)
            case Add():
                return x + others[0]
            case GlobalAveragePool():
                return x.mean((2, 3))
            case Flatten():
                return x.permute(0, 2, 3, 1).flatten(1)
        raise TypeError(f"no torch form of {layer.kind}")

    def _pad(self, layer: Conv2D | GroupedConv2D | MaxPool2D | AveragePool2D, x: Tensor, value: float) -> Tensor:
        top, bottom, left, right = layer.pads(self.network.input_shapes(layer)[0])
        return F.pad(x, (left, right, top, bottom), value=value) if top + bottom + left + right else x

    def folded(self) -> dict[str, np.ndarray]:
        """The weights in the project's layout, every BatchNorm (its running statistics) folded into them."""
        tensors = {}
        for name, module in self.trained.items():
            kernel = _array(module.weight)
            tensors[f"{name}/kernel"] = kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T
            tensors[f"{name}/bias"] = np.zeros(len(kernel)) if module.bias is None else _array(module.bias)
        norm: Any  # torch types it as Tensor or Module
        for name, norm in self.norms.items():
            statistics = {role: _array(getattr(norm, theirs)) for role, theirs in STATISTICS.items()}
            if name in self.trained:
                weight, offset = f"{name}/kernel", f"{name}/bias"
                absorbing = absorbed(tensors[weight], tensors[offset], **statistics, epsilon=norm.eps)
                tensors[weight], tensors[offset] = absorbing
            else:
                tensors |= {f"{name}/{role}": values for role, values in statistics.items()}
        whole = folded_weights(self.network, tensors)
        return {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in whole.items()}

    def load(self, tensors: Mapping[str, np.ndarray]) -> TorchNetwork:
        """Takes weights in the project's layout; where no BatchNorm was added to the network's own."""
        with torch.no_grad():
            for name, module in self.trained.items():
                kernel = torch.from_numpy(tensors[f"{name}/kernel"].copy())
                module.weight.copy_(kernel.permute(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T)
                module.bias.copy_(torch.from_numpy(tensors[f"{name}/bias"].copy()))
            for name, norm in self.norms.items():
                for role, theirs in STATISTICS.items():
                    getattr(norm, theirs).copy_(torch.from_numpy(tensors[f"{name}/{role}"].copy()))
        return self


STATISTICS = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
"""What torch calls the tensors of a BatchNorm."""


def _array(tensor: Any) -> np.ndarray:
    """A parameter or a buffer in double."""
    return tensor.detach().double().numpy()


@torch.no_grad()
def reach(model: TorchNetwork, pixels: np.ndarray) -> dict[str, tuple[float, float]]:
    """The lowest and highest value of every tensor over `pixels` uint8 (n, H, W, C); of a softmax its bounds."""
    shapes = model.network.shapes
    ranges = {layer.name: (0.0, 1.0) for layer in model.network.layers if isinstance(layer, Softmax)}

    def watch(name: str, value: Tensor) -> None:
        low, high = ranges.get(name, (torch.inf, -torch.inf))
        ranges[name] = min(low, float(value.min())), max(high, float(value.max()))

    model.eval()
    batch = max(1, min(500, LARGEST_TENSOR // max(map(prod, shapes.values()))))
    for start in range(0, len(pixels), batch):
        model(as_input(pixels[start : start + batch], model.network.pixels), watch)
    return {name: ranges[name] for name in shapes}


LARGEST_TENSOR = 1 << 25
"""Elements of a batch of one layer's results, while ranges are measured."""


def as_input(pixels: np.ndarray, scaling: Pixels = UNIT) -> Tensor:
    """uint8 (n, H, W, C) -> float32 (n, C, H, W) by `scaling`, channels last in memory; (n, C) as it stands."""
    if scaling == UNIT:
        return _channels_first(torch.from_numpy(pixels)).float().div_(255)
    tables = torch.tensor([[float(number) for number in row] for row in scaling.tables], dtype=torch.float32)
    return looked_up(tables, pixels)


def looked_up(tables: Tensor, pixels: np.ndarray) -> Tensor:
    """What stands in `tables` (1 or C, 256) for bytes (n, H, W, C) or (n, C), as (n, C, H, W) or (n, C)."""
    bytes = torch.from_numpy(pixels).int()
    if len(tables) == 1:
        return _channels_first(tables[0][bytes])
    return _channels_first(tables.flatten()[bytes + 256 * torch.arange(len(tables), dtype=torch.int32)])


def _channels_first(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2) if images.ndim == 4 else images
