"""Channels made alike before they are quantised. Imports torch; workers import it.

ReLU, sum, maximum and average let a positive scale through: it may move from the layer that makes a channel to those
that read it, and the function stays the same. Channels that are added together share one. A clip lets none through.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from models.layers import WEIGHTED, Clip, Conv2D, Dense, GroupedConv2D, ReLU
from models.network import INPUT, Network
from models.training.torch_network import TorchNetwork, as_input

ROUNDS = 30
BULK = 0.995
"""Share of a channel's values that must reach alike; the few beyond may be clipped."""
LEAST, MOST = 1e-3, 1e3
"""Ends of a scale: a channel that is always 0 has none."""


def equalised(network: Network, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights of the same function, whose channels reach alike in the layer that makes and those that read them.

    For kernels that have one scale each.
    """
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    for _ in range(ROUNDS):
        for makers, readers in channels(network):
            written = np.max([share(weights[f"{name}/kernel"], -1) for name in makers], axis=0)
            read = np.max([share(_by_channel(weights[f"{name}/kernel"], len(written)), -2) for name in readers], axis=0)
            _scale(weights, makers, readers, np.sqrt(written / np.maximum(read, 1e-6)))
    return {name: tensor.astype(np.float32) for name, tensor in weights.items()}


@torch.no_grad()
def equalised_activations(
    network: Network, tensors: Mapping[str, np.ndarray], pixels: np.ndarray
) -> dict[str, np.ndarray]:
    """Weights of the same function, the channels of whose activations reach alike on these images (n, H, W, C).

    For kernels that have a scale for each output channel: one scale then suits the whole of a tensor.
    """
    seen: dict[str, Tensor] = {}
    model = TorchNetwork(network).load(tensors).eval()
    model(as_input(pixels), lambda name, value: seen.__setitem__(name, value))
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    for makers, readers in channels(network):
        read = [
            next((consumer.name for consumer in network.consumers(name) if isinstance(consumer, ReLU)), name)
            for name in makers
        ]
        reached = np.max([_bulk(seen[name]) for name in read], axis=0)
        _scale(weights, makers, readers, reached / np.exp(np.log(reached).mean()))
    return {name: tensor.astype(np.float32) for name, tensor in weights.items()}


def _bulk(values: Tensor) -> np.ndarray:
    """What `BULK` of the absolute values stay within, by channel; values (n, C, ...)."""
    rows = values.abs().double().transpose(0, 1).flatten(1)
    return rows.kthvalue(int(BULK * rows.shape[1]), dim=1).values.clamp(min=LEAST).numpy()


def _scale(weights: dict[str, np.ndarray], makers: list[str], readers: list[str], scale: np.ndarray) -> None:
    """Divides what `makers` make by `scale`, and multiplies what `readers` take by it."""
    scale = scale.clip(LEAST, MOST)
    for name in makers:
        weights[f"{name}/kernel"] /= scale
        weights[f"{name}/bias"] /= scale
    for name in readers:
        kernel = weights[f"{name}/kernel"]
        weights[f"{name}/kernel"] = (_by_channel(kernel, len(scale)) * scale[:, None]).reshape(kernel.shape)


def _by_channel(kernel: np.ndarray, channels: int) -> np.ndarray:
    """`kernel` as (places, channels, results): a dense layer reads a flattened image pixel by pixel."""
    return kernel.reshape(-1, channels, kernel.shape[-1])


def share(kernel: np.ndarray, axis: int) -> np.ndarray:
    """What each channel of `axis` reaches, as a share of what the kernel does."""
    reached = abs(kernel).max(
        axis=tuple(dimension for dimension in range(kernel.ndim) if dimension != kernel.ndim + axis)
    )
    return reached / reached.max()


def channels(network: Network) -> list[tuple[list[str], list[str]]]:
    """(layers that make, layers that read) channels that must be scaled alike.

    Flattening keeps channels. Where a flattened image is added to a vector, channels and features would share a scale:
    those are left as they are, and so are channels that a grouped convolution or a clip makes or reads.
    """
    group = {INPUT: INPUT}
    for layer in network.layers:
        if isinstance(layer, WEIGHTED):
            group[layer.name] = layer.name
            continue
        first, *others = (group[name] for name in layer.inputs)
        joined = dict.fromkeys(others, first)
        group = {name: joined.get(member, member) for name, member in group.items()} | {layer.name: first}
    weighted = [layer for layer in network.layers if isinstance(layer, Conv2D | Dense)]
    bound = [layer for layer in network.layers if isinstance(layer, GroupedConv2D | Clip)]
    fixed = {group[name] for layer in bound for name in (layer.name, *layer.inputs)}
    pairs = []
    for root in dict.fromkeys(group[layer.name] for layer in weighted):
        makers = [layer.name for layer in weighted if group[layer.name] == root]
        readers = [layer.name for layer in weighted if group[layer.inputs[0]] == root]
        counts = {network.shapes[name][-1] for name in makers}
        if readers and root not in (group[INPUT], *fixed) and len(counts) == 1:
            pairs.append((makers, readers))
    return pairs
