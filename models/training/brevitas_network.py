"""A network of Brevitas' layers and quantisers, built from a float one. Imports torch and brevitas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log2
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.core.function_wrapper import RoundSte
from brevitas.inject.enum import RestrictValueType, ScalingImplType
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Uint8ActPerTensorFloat,
)
from torch import Tensor, nn

from flows.core.errors import RefusedError
from models.layers import (
    Add,
    AveragePool2D,
    BatchNorm,
    Clip,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    MaxPool2D,
    ReLU,
    Softmax,
)
from models.network import INPUT, Network
from models.pixels import UNIT, Pixels
from models.training.rounding import FastIntQuant
from models.training.torch_network import LayerModules, TorchNetwork, as_input

KINDS = (
    Add, BatchNorm, Clip, Conv2D, Dense, Dropout, Flatten, GlobalAveragePool, GroupedConv2D, MaxPool2D, ReLU, Softmax,
)  # fmt: skip
UNBUILT = {
    "averagepool2d": "FINN averages windows where a Trunc follows alone, which this training does not write",
    "concat": "FINN puts side by side what has one scale, which this training does not see to",
    "leaky_relu": "FINN has no leaky ReLU",
}
"""Why layers that are read have no quantised form."""
MOST_BITS = 8
"""Of a quantiser that FINN builds; what is added has a sign, one more bit than a ReLU as far as that goes."""
CANDIDATES = 100
"""Float scales among which the first is looked for."""
SAMPLED = 1 << 18
"""Values of a tensor that its first scale is fitted to."""


@dataclass(frozen=True)
class Quantisers:
    """Which quantisers a network gets."""

    weight_bits: Mapping[str, int]
    """By layer."""
    activation_bits: int = 4
    per_channel: bool = False
    """A scale for each output channel of a kernel, not one for all of it."""
    power_of_two: bool = False
    """Every scale a power of two; otherwise of 24 bits."""


def check(network: Network) -> None:
    """Raises `RefusedError` for a layer that FINN could not build of quantised values."""
    for layer in network.layers:
        if not isinstance(layer, KINDS):
            known = ", ".join(sorted(kind.kind for kind in KINDS))
            why = f": {UNBUILT[layer.kind]}" if layer.kind in UNBUILT else ""
            fact = f"no quantised form of {layer.kind} is built here{why}"
            raise RefusedError(f"layer {layer.name}", fact, f"train a network of {known}")
        if isinstance(layer, Clip) and (layer.low > 0 or layer.high <= 0):
            fact = f"it clips to {layer.low:g} .. {layer.high:g}, and codes of a quantiser stand around 0"
            raise RefusedError(f"layer {layer.name}", fact, "clip from 0 or below to more than 0")


def fitted_scale(values: Tensor, low: int, high: int, power_of_two: bool) -> float:
    """The scale at which rounding and clipping to the codes `low` to `high` leave the least squared error."""
    flat = values.detach().flatten().float()
    flat = flat[:: max(1, len(flat) // SAMPLED)]
    most = max(float(flat.abs().max()) / high, 1e-6)
    if power_of_two:
        top = int(np.ceil(np.log2(most)))
        candidates = [2.0**exponent for exponent in range(top - 6, top + 1)]
    else:
        candidates = [most * share / CANDIDATES for share in range(5, CANDIDATES + 1)]

    def error(scale: float) -> float:
        return float((((flat / scale).round().clamp(low, high) * scale - flat) ** 2).sum())

    return min(candidates, key=error)


class BrevitasNetwork(TorchNetwork):
    """`network` (folded) with 8-bit pixels, signed narrow weights, unsigned ReLUs and signed narrow sums.

    Only sums that something else than a ReLU reads are quantised, and all that is added together shares one scale, so
    that FINN adds integers. Biases stay floats: FINN takes them up in its thresholds. Scales are learned.
    """

    def __init__(self, network: Network, kinds: Quantisers, tensors: Mapping[str, np.ndarray], pixels: np.ndarray):
        """From the float weights `tensors`, and scales fitted to what they make of `pixels` uint8 (n, H, W, C)."""
        check(network)
        super().__init__(network)
        self.kinds = kinds
        self.load(tensors).eval()
        seen: dict[str, Tensor] = {}
        with torch.no_grad():
            super().forward(as_input(pixels, network.pixels), lambda name, value: seen.__setitem__(name, value))
        for layer in network.layers:
            if layer.name in self.trained:
                self.trained[layer.name] = self._weighted(layer)
        self.scaling = None if network.pixels == UNIT else Scaling(network.pixels)
        self.quantisers = LayerModules({INPUT: _pixels(network.pixels)})
        for group in self.groups():
            self._share(group, seen)

    def groups(self) -> list[list[Layer]]:
        """The layers whose results are quantised; those that are added together stand in one group."""
        network = self.network
        own = {layer.name: [layer] for layer in network.layers if self._is_quantised(layer)}
        for layer in network.layers:
            if isinstance(layer, Add):
                first, second = (own[self._source(name)] for name in layer.inputs)
                if first is not second:
                    first += second
                    own |= {member.name: first for member in second}
        return list({id(group): group for group in own.values()}.values())

    def _is_quantised(self, layer: Layer) -> bool:
        readers = self.network.consumers(layer.name)
        if isinstance(layer, ReLU | Clip):
            return True
        if isinstance(layer, Conv2D | GroupedConv2D | Dense | BatchNorm):
            return not all(isinstance(reader, ReLU | Clip | Softmax) for reader in readers)
        return isinstance(layer, Add | GlobalAveragePool) and any(isinstance(reader, Add) for reader in readers)

    def _source(self, name: str) -> str:
        """The layer whose quantiser's codes `name` holds."""
        layer = self.network[name]
        return self._source(layer.inputs[0]) if isinstance(layer, MaxPool2D | Flatten | Dropout) else name

    def _weighted(self, layer: Layer) -> nn.Module:
        """The layer's Brevitas form, with its float weights."""
        plain: Any = self.trained[layer.name]
        bits, kinds = self.kinds.weight_bits[layer.name], self.kinds
        per_channel = kinds.per_channel and layer.name != self.network.logits
        high = (1 << bits - 1) - 1
        rows = plain.weight.flatten(1) if per_channel else plain.weight[None]
        scales = torch.tensor([fitted_scale(row, -high, high, kinds.power_of_two) for row in rows])
        shape = (len(rows), *(1 for _ in plain.weight.shape[1:])) if per_channel else ()
        settings = {
            "bias": True,
            "weight_quant": Int8WeightPerChannelFloat if per_channel else Int8WeightPerTensorFloat,
            "weight_bit_width": bits,
            "weight_int_quant": FastIntQuant,
            "weight_scaling_impl_type": ScalingImplType.PARAMETER,
            "weight_scaling_init": (scales * (high + kinds.power_of_two)).reshape(shape),
            **{f"weight_{name}": value for name, value in self._restriction().items()},
        }
        module: Any
        if isinstance(layer, Conv2D | GroupedConv2D):
            pads, groups = self._symmetric(layer) or 0, layer.groups if isinstance(layer, GroupedConv2D) else 1
            module = qnn.QuantConv2d(
                plain.in_channels, layer.filters, layer.kernel, layer.strides, padding=pads, groups=groups, **settings
            )
        else:
            module = qnn.QuantLinear(plain.in_features, plain.out_features, **settings)
        with torch.no_grad():
            module.weight.copy_(plain.weight)
            module.bias.copy_(plain.bias)
        return module

    def _restriction(self) -> dict[str, Any]:
        if not self.kinds.power_of_two:
            return {}
        return {"restrict_scaling_type": RestrictValueType.POWER_OF_TWO, "restrict_value_float_to_int_impl": RoundSte}

    def _share(self, group: list[Layer], seen: Mapping[str, Tensor]) -> None:
        """Quantisers of one learned scale, at first the largest that one of them would have.

        Where a clip ends, its last code does, or before: FINN has no clip, and none is needed then.
        """
        bits, kinds = self.kinds.activation_bits, self.kinds
        high = (1 << bits) - 1
        signed_bits = min(bits + 1, MOST_BITS)
        signed_high = (1 << signed_bits - 1) - 1
        signs = {layer.name: not isinstance(layer, ReLU | Clip) or _below_zero(layer) for layer in group}
        scale = max(
            fitted_scale(seen[name], -signed_high if signed else 0, signed_high if signed else high, kinds.power_of_two)
            for name, signed in signs.items()
        )
        clips = [layer for layer in group if isinstance(layer, Clip)]
        ends = [_end(clip) / (signed_high if signs[clip.name] else high) for clip in clips]
        levels = Levels(high + kinds.power_of_two)
        settings = {
            "int_quant": FastIntQuant,
            "scaling_impl_type": ScalingImplType.PARAMETER,
            "scaling_init": scale * levels.count,
            "int_scaling_impl": levels,
            **self._restriction(),
        }
        for name, signed in signs.items():
            kind = {
                "act_quant": Int8ActPerTensorFloat if signed else Uint8ActPerTensorFloat,
                "bit_width": signed_bits if signed else bits,
                "narrow_range": signed,
            }
            if "scaling_impl" not in settings:  # a module of its own, which Brevitas does not make anew
                first = qnn.QuantIdentity(**kind, **settings).act_quant.fused_activation_quant_proxy
                settings["scaling_impl"] = first.tensor_quant.scaling_impl
                if ends:
                    most = 2.0 ** floor(log2(min(ends))) if kinds.power_of_two else min(ends)
                    settings["scaling_impl"] = Ended(settings["scaling_impl"], most)
            self.quantisers[name] = qnn.QuantIdentity(**kind, **settings)

    def _symmetric(self, layer: Conv2D | GroupedConv2D | MaxPool2D | AveragePool2D) -> tuple[int, int] | None:
        """Padding that torch's own layers take; None where both sides differ."""
        top, bottom, left, right = layer.pads(self.network.input_shapes(layer)[0])
        return (top, left) if (top, left) == (bottom, right) else None

    def _pad(self, layer: Conv2D | GroupedConv2D | MaxPool2D | AveragePool2D, x: Tensor, value: float) -> Tensor:
        built = hasattr(self, "quantisers")
        return x if built and self._symmetric(layer) else super()._pad(layer, x, value)

    def _run(self, layer: Layer, x: Tensor, *others: Tensor) -> Tensor:
        if not hasattr(self, "quantisers"):
            return super()._run(layer, x, *others)
        if isinstance(layer, MaxPool2D) and (pads := self._symmetric(layer)):
            return nn.functional.max_pool2d(x, layer.kernel, layer.strides, pads)
        done = super()._run(layer, x, *others)
        if layer.name in self.quantisers:
            return torch.as_tensor(self.quantisers[layer.name](done))
        return done

    def forward(self, images: Tensor, watch: Any = None) -> Tensor:
        """Images over 255 in, (n, C, H, W) or (n, features); what scales them otherwise is part of the network."""
        scaled = images if self.scaling is None else self.scaling(images)
        return super().forward(torch.as_tensor(self.quantisers[INPUT](scaled)), watch)


def _below_zero(layer: Layer) -> bool:
    return isinstance(layer, Clip) and layer.low < 0


def _end(clip: Clip) -> float:
    """The largest number that it leaves, of both signs where it leaves negative ones."""
    return min(clip.high, -clip.low) if clip.low else clip.high


class Ended(nn.Module):
    """A learned scale that goes no further than `most`; its gradient passes as if it could, so that it comes back."""

    def __init__(self, scaling: nn.Module, most: float) -> None:
        super().__init__()
        self.scaling, self.most = scaling, most

    def forward(self, x: Tensor, threshold: Tensor | None = None) -> Tensor:
        scale: Tensor = self.scaling(x, threshold)
        return scale - (scale - self.most).clamp(min=0).detach()


class Levels(nn.Module):
    """How many steps a learned scale is divided into, the same for all that share it."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.register_buffer("levels", torch.tensor(float(count)), persistent=False)

    def forward(self, bit_width: Tensor) -> Any:
        return self.levels


class Scaling(nn.Module):
    """Images over 255 (n, C, H, W), or vectors, as `pixels` scale them."""

    gain: Tensor
    offset: Tensor

    def __init__(self, pixels: Pixels) -> None:
        super().__init__()
        for name, numbers in (("gain", [255 * factor for factor in pixels.gain]), ("offset", pixels.offset)):
            self.register_buffer(name, torch.tensor([float(number) for number in numbers]), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        shape = (1, -1, *(1,) * (images.ndim - 2))
        return images * self.gain.reshape(shape) + self.offset.reshape(shape)


class Scaled(nn.Module):
    """A module that reads what `pixels` make of bytes, as one that reads images over 255."""

    def __init__(self, module: nn.Module, pixels: Pixels) -> None:
        super().__init__()
        self.module = module
        self.scaling = nn.Identity() if pixels == UNIT else Scaling(pixels)

    def forward(self, images: Tensor) -> Any:
        return self.module(self.scaling(images))


def _pixels(pixels: Pixels) -> nn.Module:
    """8 bits of what the network reads; bytes over 255 are their own codes."""
    low, high = (float(end) for end in pixels.ends)
    signed = low < 0
    quantiser: nn.Module = qnn.QuantIdentity(
        act_quant=Int8ActPerTensorFloat if signed else Uint8ActPerTensorFloat,
        bit_width=8,
        narrow_range=signed,
        scaling_impl_type=ScalingImplType.CONST,
        scaling_init=max(-low, high),
    )
    return quantiser
