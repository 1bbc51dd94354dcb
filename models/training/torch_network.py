"""A `Network` in torch, channels-first inside. Imported by workers only: it loads torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.network import (
    INPUT,
    Add,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool2D,
    Network,
    ReLU,
    Softmax,
)


class TorchNetwork(nn.Module):
    """The float network; images (n, C, H, W) in 0..1, result (n, classes) before the softmax.

    With `batch_norm`, a BatchNorm stands after every convolution; `folded` gives the weights without it.
    """

    def __init__(self, network: Network, batch_norm: bool = False) -> None:
        super().__init__()
        self.network, self.batch_norm = network, batch_norm
        self.trained = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        for layer in network.layers:
            if isinstance(layer, Conv2D):
                channels = network.input_shapes(layer)[0][-1]
                self.trained[layer.name] = nn.Conv2d(
                    channels, layer.filters, layer.kernel, layer.strides, bias=not batch_norm
                )
                if batch_norm:
                    self.norms[layer.name] = nn.BatchNorm2d(layer.filters)
            elif isinstance(layer, Dense):
                self.trained[layer.name] = nn.Linear(network.input_shapes(layer)[0][0], layer.units)

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
            case Conv2D():
                y = self.trained[layer.name](self._pad(layer, x, 0.0))
                return self.norms[layer.name](y) if self.batch_norm else y
            case MaxPool2D():
                return F.max_pool2d(self._pad(layer, x, -torch.inf), layer.kernel, layer.strides)
            case Dense():
                return self.trained[layer.name](x)
            case ReLU():
                return F.relu(x)
            case Add():
                return x + others[0]
            case GlobalAveragePool():
                return x.mean((2, 3))
            case Flatten():
                return x.permute(0, 2, 3, 1).flatten(1)
        raise TypeError(f"no torch form of {layer.kind}")

    def _pad(self, layer: Conv2D | MaxPool2D, x: Tensor, value: float) -> Tensor:
        top, bottom, left, right = layer.pads(self.network.input_shapes(layer)[0])
        return F.pad(x, (left, right, top, bottom), value=value) if top + bottom + left + right else x

    def folded(self) -> dict[str, np.ndarray]:
        """The weights in the project's layout, BatchNorm (its running statistics) folded into kernels and biases."""
        tensors = {}
        for name, module in self.trained.items():
            kernel = module.weight.detach().double()
            bias = (
                torch.zeros(len(kernel), dtype=torch.float64) if module.bias is None else module.bias.detach().double()
            )
            if name in self.norms:
                norm = self.norms[name]
                gain = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
                kernel = kernel * gain[:, None, None, None]
                bias = (bias - norm.running_mean.double()) * gain + norm.bias.detach().double()
            kernel = kernel.permute(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T
            tensors[f"{name}/kernel"] = np.ascontiguousarray(kernel.numpy().astype(np.float32))
            tensors[f"{name}/bias"] = bias.numpy().astype(np.float32)
        return tensors

    def load(self, tensors: Mapping[str, np.ndarray]) -> TorchNetwork:
        """Takes weights in the project's layout; for a network without BatchNorm."""
        with torch.no_grad():
            for name, module in self.trained.items():
                kernel = torch.from_numpy(tensors[f"{name}/kernel"].copy())
                module.weight.copy_(kernel.permute(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T)
                module.bias.copy_(torch.from_numpy(tensors[f"{name}/bias"].copy()))
        return self


def as_input(pixels: np.ndarray) -> Tensor:
    """uint8 (n, H, W, C) -> float32 (n, C, H, W) in 0..1, channels last in memory."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)
