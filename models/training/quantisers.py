"""A network in torch with its quantisers in place, scales powers of two but for kernels' where asked. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.grids import SIGNIFICANT
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
from models.training.torch_network import TorchNetwork, as_input

IMAGE_UNIT = 2.0**-8
"""A pixel is read as p / 256: the float network's p / 255, brought to a power of two."""
MOST_BITS = 8
"""Of a quantiser that FINN builds; a shortcut has one more than a ReLU as far as that goes."""
EXPONENTS = range(-12, 6)
"""Powers of two among which a scale is looked for."""


def on_image_grid(images: Tensor) -> Tensor:
    """Pixels p / 255, nearly, as p / 256, exactly."""
    return torch.round(images * 255) * IMAGE_UNIT


def quantised(values: Tensor, scale: Tensor | float, low: int, high: int) -> Tensor:
    """`values` rounded (ties to even) and clipped to codes of `scale`; gradients pass where nothing is clipped."""
    clipped = torch.minimum(torch.maximum(values, torch.as_tensor(low * scale)), torch.as_tensor(high * scale))
    return clipped + (torch.round(values / scale).clamp(low, high) * scale - clipped).detach()


def best_scale(values: Tensor, low: int, high: int, binary: bool = True) -> float:
    """The scale at which rounding and clipping leave the least squared error.

    A power of two where `binary`, otherwise a number of `SIGNIFICANT` bits.
    """

    def error(scale: float) -> float:
        return float((((values / scale).round().clamp(low, high) * scale - values) ** 2).sum())

    best = min((2.0**exponent for exponent in EXPONENTS), key=error)
    if binary:
        return best
    half = 1 << SIGNIFICANT - 1
    return min((best * power * part / half for power in (0.5, 1.0) for part in range(half, 2 * half)), key=error)


class QuantisedNetwork(TorchNetwork):
    """The network with its quantisers: signed narrow weights, unsigned ReLUs, signed narrow shortcuts.

    Kernels have `weight_bits` by layer; one scale each, or with `per_channel` one for each output channel, but for the
    layer that makes the logits. With `float_scales` those are of `SIGNIFICANT` bits, not powers of two. Activations
    have `activation_bits` and one scale a tensor.
    """

    def __init__(
        self,
        network: Network,
        weight_bits: Mapping[str, int],
        activation_bits: int,
        per_channel: bool = False,
        float_scales: bool = False,
    ) -> None:
        super().__init__(network)
        self.reach_of = {name: 2 ** (bits - 1) - 1 for name, bits in weight_bits.items()}
        self.high = 2**activation_bits - 1
        self.signed_high = min(self.high, 2 ** (MOST_BITS - 1) - 1)
        self.per_channel, self.float_scales = per_channel, float_scales
        self.kernels = nn.Module()
        for name, module in self.trained.items():
            self.kernels.register_buffer(name, torch.zeros(self._scales(name, module)))
        self.activations: dict[str, float] = {}
        self.floating = False

    def _scales(self, name: str, module: Any) -> tuple[int, ...]:
        """The shape of a kernel's scales, such that they multiply it."""
        shared = not self.per_channel or name == self.network.logits
        return () if shared else (len(module.weight), *(1 for _ in module.weight.shape[1:]))

    @property
    def units(self) -> dict[str, float]:
        """The value of one code of every tensor that a layer with weights reads."""
        found = {INPUT: IMAGE_UNIT}
        for layer in self.network.layers:
            if layer.name in self.activations:
                found[layer.name] = self.activations[layer.name]
            elif isinstance(layer, Add | MaxPool2D | Flatten):
                found[layer.name] = min(found[name] for name in layer.inputs)
            elif isinstance(layer, GlobalAveragePool):
                height, width, _ = self.network.input_shapes(layer)[0]
                found[layer.name] = found[layer.inputs[0]] / (height * width)
        return found

    def is_quantised_sum(self, layer: Layer) -> bool:
        """Sums that another layer than a ReLU reads (the shortcut of a residual block), the logits apart."""
        readers = self.network.consumers(layer.name)
        return isinstance(layer, Conv2D | Dense) and not all(isinstance(one, ReLU | Softmax) for one in readers)

    def _run(self, layer: Layer, x: Tensor, *others: Tensor) -> Tensor:
        if self.floating:
            return super()._run(layer, x, *others)
        if isinstance(layer, Conv2D | Dense):
            kernel, bias = self.trained_codes(layer)
            if isinstance(layer, Dense):
                y = F.linear(x, kernel, bias)
            else:
                y = F.conv2d(self._pad(layer, x, 0.0), kernel, bias, layer.strides)
            if self.is_quantised_sum(layer):
                return quantised(y, self.activations[layer.name], -self.signed_high, self.signed_high)
            return y
        if isinstance(layer, ReLU):
            return quantised(x, self.activations[layer.name], 0, self.high)
        return super()._run(layer, x, *others)

    def trained_codes(self, layer: Layer) -> tuple[Tensor, Tensor]:
        """The kernel on its grid, and the bias in units of the sums that it starts."""
        module: Any = self.trained[layer.name]  # torch types what it holds as Tensor or Module
        scale: Any = getattr(self.kernels, layer.name)
        unit = scale.flatten() * self.units[layer.inputs[0]]
        reach = self.reach_of[layer.name]
        kernel = quantised(module.weight, scale, -reach, reach)
        return kernel, module.bias + (torch.round(module.bias / unit) * unit - module.bias).detach()

    @torch.no_grad()
    def on_grids(self) -> dict[str, np.ndarray]:
        """The weights in the project's layout, each on its grid."""
        found = {}
        for layer in self.network.layers:
            if layer.name in self.trained:
                kernel, bias = (one.double().numpy() for one in self.trained_codes(layer))
                found[f"{layer.name}/kernel"] = kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T
                found[f"{layer.name}/bias"] = bias
        return {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in found.items()}

    def represented(self) -> dict[str, tuple[float, float]]:
        """The ends of what each activation quantiser represents, by the tensor that it quantises."""
        return {
            name: (0.0, self.high * scale)
            if isinstance(self.network[name], ReLU)
            else (-self.signed_high * scale, self.signed_high * scale)
            for name, scale in self.activations.items()
        }

    @torch.no_grad()
    def fit_kernels(self) -> None:
        module: Any
        for name, module in self.trained.items():
            scales: Any = getattr(self.kernels, name)
            rows = module.weight[None] if scales.ndim == 0 else module.weight
            reach = self.reach_of[name]
            found = [best_scale(row, -reach, reach, not self.float_scales) for row in rows]
            scales.copy_(torch.tensor(found).reshape(scales.shape))

    @torch.no_grad()
    def fit_activations(self, pixels: np.ndarray) -> None:
        """On float values; both inputs of a sum get the larger of their scales."""
        seen: dict[str, Tensor] = {}
        self.floating = True
        self.eval()
        self(as_input(pixels), lambda name, value: seen.__setitem__(name, value))
        self.floating = False
        for layer in self.network.layers:
            if isinstance(layer, ReLU):
                self.activations[layer.name] = best_scale(seen[layer.name], 0, self.high)
            elif self.is_quantised_sum(layer):
                self.activations[layer.name] = best_scale(seen[layer.name], -self.signed_high, self.signed_high)
        for layer in self.network.layers:
            if isinstance(layer, Add):
                shared = max(self.activations[name] for name in layer.inputs)
                self.activations |= dict.fromkeys(layer.inputs, shared)
