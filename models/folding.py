"""What hardware never sees: BatchNorm is folded into its neighbours, Dropout is left out.

A BatchNorm is a gain and an offset of each channel. The convolution or dense layer right before it takes both over;
else the one right behind it, if it has no groups and pads nothing (a padded zero is not what the BatchNorm makes of
it). Where neither can, as between a ReLU and a padded convolution, it becomes a 1x1 convolution. All three are exact up
to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from flows.core.errors import InputError
from models.layers import WEIGHTED, BatchNorm, Conv2D, Dense, Dropout, Layer
from models.network import INPUT, Network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensor = NDArray[np.floating]
    Tensors = Mapping[str, Tensor]


def folded(network: Network) -> Network:
    """`network` without BatchNorm and Dropout; itself where it has none."""
    if not any(isinstance(layer, BatchNorm | Dropout) for layer in network.layers):
        return network
    gone = {layer.name for layer in network.layers if _is_gone(network, layer)}

    def remaining(name: str) -> str:
        while name in gone:
            (name,) = network[name].inputs
        return name

    layers = []
    for layer in network.layers:
        if layer.name not in gone:
            hardware = _standing(network, layer) if isinstance(layer, BatchNorm) else layer
            layers.append(replace(hardware, inputs=tuple(map(remaining, layer.inputs))))
    return Network(network.name, network.input_shape, tuple(layers), _gone_into(network, remaining), network.pixels)


def _gone_into(network: Network, successor: Callable[[str], str]) -> tuple[tuple[str, str], ...]:
    """What became of the layers that are gone, now or before; `successor` names the tensor that is read instead."""
    work = dict(network.absorbed)
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            work[layer.name] = _before(network, layer) or _behind(network, layer) or layer.name
        elif isinstance(layer, Dropout):
            work[layer.name] = successor(layer.name)
    final = {name: work.get(layer, layer) for name, layer in work.items()}
    return tuple((name, layer) for name, layer in final.items() if name != layer)


def folded_weights(network: Network, tensors: Tensors) -> Tensors:
    """The tensors of ``folded(network)`` from those of `network`, in float64.

    Raises `InputError` where a variance is negative.
    """
    import numpy as np

    double: dict[str, Tensor] = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    for layer in network.layers:
        if not isinstance(layer, BatchNorm):
            continue
        statistics = {role: double.pop(f"{layer.name}/{role}") for role in ("gamma", "beta", "mean", "variance")}
        if not (statistics["variance"] >= 0).all():
            fact = "one of its variances is negative"
            raise InputError(f"network {network.name}, layer {layer.name}", fact, "train the network again")
        before, behind = _before(network, layer), _behind(network, layer)
        name = before or behind or layer.name
        kernel, bias = f"{name}/kernel", f"{name}/bias"
        if before:
            double[kernel], double[bias] = absorbed(double[kernel], double[bias], **statistics, epsilon=layer.epsilon)
            continue
        none = np.zeros_like(statistics["mean"])
        gain, offset = absorbed(none + 1, none, **statistics, epsilon=layer.epsilon)
        if behind:
            double[bias] = double[bias] + np.tensordot(double[kernel], offset, (-2, 0)).reshape(
                -1, len(double[bias])
            ).sum(0)
            double[kernel] = double[kernel] * gain[:, None]
        else:
            shape = _standing(network, layer).weight_shapes(*network.input_shapes(layer))["kernel"]
            double[kernel], double[bias] = np.diag(gain).reshape(shape), offset
    return double


def absorbed(
    kernel: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Kernel and bias that do by themselves what they and the BatchNorm behind them do; channels stand last."""
    gain = gamma / (variance + epsilon) ** 0.5
    return kernel * gain, (bias - mean) * gain + beta


def _is_gone(network: Network, layer: Layer) -> bool:
    """Whether nothing is left of it."""
    if isinstance(layer, BatchNorm):
        return bool(_before(network, layer) or _behind(network, layer))
    return isinstance(layer, Dropout)


def _before(network: Network, norm: BatchNorm) -> str | None:
    """The layer before `norm` that takes it over, whose sums nobody else reads."""
    (name,) = norm.inputs
    while len(network.consumers(name)) == 1 and name != INPUT:
        layer = network[name]
        if not isinstance(layer, BatchNorm | Dropout):
            return name if isinstance(layer, WEIGHTED) else None
        (name,) = layer.inputs
    return None


def _behind(network: Network, norm: BatchNorm) -> str | None:
    """The layer behind `norm` that takes it over: its only reader, without padding."""
    name = norm.name
    while len(readers := network.consumers(name)) == 1:
        (layer,) = readers
        if not isinstance(layer, Dropout):
            padded = isinstance(layer, Conv2D) and any(layer.pads(network.input_shapes(layer)[0]))
            return layer.name if isinstance(layer, Conv2D | Dense) and not padded else None
        name = layer.name
    return None


def _standing(network: Network, norm: BatchNorm) -> Conv2D | Dense:
    """The layer that `norm` becomes where it stands: of one weight a channel, all others zero."""
    *area, channels = network.input_shapes(norm)[0]
    if area:
        return Conv2D(norm.name, norm.inputs, (1, 1), (1, 1), "valid", channels)
    return Dense(norm.name, norm.inputs, channels)
