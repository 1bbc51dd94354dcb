"""What hardware never sees: BatchNorm is folded into the layer before it, Dropout is left out.

A BatchNorm behind a convolution or a dense layer is a gain and an offset of each of its channels, so that kernel and
bias can take both over, exactly up to rounding. Anywhere else it is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from flows.core.errors import InputError
from models.network import INPUT, BatchNorm, Conv2D, Dense, Dropout, Layer, Network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensor = NDArray[np.floating]
    Tensors = Mapping[str, Tensor]


def folded(network: Network) -> Network:
    """`network` without BatchNorm and Dropout; itself where it has none.

    Raises `InputError` naming a BatchNorm that stands behind no convolution or dense layer, or not alone behind it.
    """
    gone = {layer.name: _replacement(network, layer) for layer in network.layers if _folds(layer)}
    if not gone:
        return network
    kept = (layer for layer in network.layers if layer.name not in gone)
    layers = tuple(replace(layer, inputs=tuple(gone.get(name, name) for name in layer.inputs)) for layer in kept)
    return Network(network.name, network.input_shape, layers)


def folded_weights(network: Network, tensors: Tensors) -> Tensors:
    """The tensors of ``folded(network)`` from those of `network`, in float64.

    Raises `InputError` as `folded` does, and where a variance is negative.
    """
    import numpy as np

    double: dict[str, Tensor] = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            statistics = {role: double.pop(f"{layer.name}/{role}") for role in ("gamma", "beta", "mean", "variance")}
            if not (statistics["variance"] >= 0).all():
                fact = "one of its variances is negative"
                raise InputError(f"network {network.name}, layer {layer.name}", fact, "train the network again")
            kernel, bias = (f"{_replacement(network, layer)}/{role}" for role in ("kernel", "bias"))
            double[kernel], double[bias] = absorbed(double[kernel], double[bias], **statistics, epsilon=layer.epsilon)
    return double


def absorbed(
    kernel: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Kernel and bias that do by themselves what they and the BatchNorm behind them do; channels stand last."""
    gain = gamma / (variance + epsilon) ** 0.5
    return kernel * gain, (bias - mean) * gain + beta


def _folds(layer: Layer) -> bool:
    return isinstance(layer, BatchNorm | Dropout)


def _replacement(network: Network, layer: Layer) -> str:
    """The tensor of the folded network that stands for the output of `layer`, a BatchNorm or a Dropout."""
    name = layer.inputs[0]
    passed = [name]
    while name != INPUT and _folds(network[name]):
        name = network[name].inputs[0]
        passed.append(name)
    if isinstance(layer, BatchNorm):
        where = f"network {network.name}, layer {layer.name}"
        if name == INPUT or not isinstance(network[name], Conv2D | Dense):
            fact = f"this BatchNorm stands behind {name}, and only a convolution or a dense layer can take it over"
            raise InputError(where, fact, "put it directly behind one, before the activation, and train again")
        if shared := [tensor for tensor in passed if len(network.consumers(tensor)) > 1]:
            fact = f"{shared[0]} is also read before this BatchNorm, so {name} cannot take it over"
            raise InputError(where, fact, "let every branch read what it puts out, and train again")
    return name
