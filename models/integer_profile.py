"""The numeric profile of a network of integers: what its tensors can come to, whatever the image, against their types.

Nothing is measured: bounds follow from the codes of kernels and from thresholds, channel by channel. A bound may be one
that no image reaches, but none reaches beyond it: bits to spare are to spare, and a code beyond a bound never occurs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from flows.core.profile import Profile, Role, Row
from models.integers import GlobalSum, HostScale, Threshold, WindowSum
from models.layers import Add, Concat, Conv2D, Dense, Flatten, GroupedConv2D, Layer, MaxPool2D
from models.network import INPUT, Network
from models.profile import profile_tensor, round_weights
from models.quantised import QuantisedNetwork
from models.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ends = tuple[NDArray[np.float64], NDArray[np.float64]]
    """The least and the most of each channel; whole numbers."""
    Tensors = Mapping[str, NDArray[np.float32]]

ANY = "any image"
"""What stands for the images that a profile was measured on."""


def integer_profile(flow: str, quantised: QuantisedNetwork, weights: Weights) -> Profile:
    """The profile of `quantised`, which computes on integers; reads the weights now."""
    import numpy as np

    network, tensors = quantised.network, weights.tensors()
    ends = bounds(network, tensors)
    rows = [_row("image", Role.IMAGE, quantised, INPUT, ends)]
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        if types.kernel:
            codes = tensors[f"{layer.name}/kernel"].astype(np.float64)
            least, most = Fraction(int(codes.min())), Fraction(int(codes.max()))
            rounded = round_weights(codes, types.kernel)
            rows.append(profile_tensor(f"{layer.name}/kernel", Role.KERNEL, types.kernel, least, most, weights=rounded))
        rows.append(_row(layer.name, Role.RESULT, quantised, layer.name, ends))
    return Profile(network.name, flow, weights.digest, quantised.digest, ANY, 0, tuple(rows))


def _row(name: str, role: Role, quantised: QuantisedNetwork, tensor: str, ends: Mapping[str, Ends]) -> Row:
    low, high = (Fraction(int(code)) for code in (ends[tensor][0].min(), ends[tensor][1].max()))
    return profile_tensor(name, role, quantised.type_of(tensor), low, high)


def bounds(network: Network, tensors: Tensors) -> Mapping[str, Ends]:
    """By tensor, what its channels can come to on bytes."""
    import numpy as np

    channels = network.input_shape[-1]
    ends: dict[str, Ends] = {INPUT: (np.zeros(channels), np.full(channels, 255.0))}
    for layer in network.layers:
        if not isinstance(layer, HostScale):
            ends[layer.name] = _bounds(network, layer, [ends[name] for name in layer.inputs], tensors)
    return ends


def _bounds(network: Network, layer: Layer, sources: Sequence[Ends], tensors: Tensors) -> Ends:
    import numpy as np

    low, high = sources[0]
    shape = network.input_shapes(layer)[0]
    match layer:
        case Conv2D() | GroupedConv2D() | Dense():
            kernel = tensors[f"{layer.name}/kernel"].astype(np.float64)
            if isinstance(layer, Conv2D | GroupedConv2D) and any(layer.pads(shape)):
                low, high = np.minimum(low, 0), np.maximum(high, 0)
            return _products(kernel, low, high, layer.groups if isinstance(layer, GroupedConv2D) else 1)
        case Threshold():
            return _codes(layer, low, high, tensors)
        case Add():
            return low + sources[1][0], high + sources[1][1]
        case Concat():
            return np.concatenate([low, sources[1][0]]), np.concatenate([high, sources[1][1]])
        case GlobalSum():
            return low * prod(shape[:-1]), high * prod(shape[:-1])
        case WindowSum():
            low, high = (np.floor(end * prod(layer.kernel) / 2.0**layer.shift) for end in (low, high))
            return low, high
        case Flatten():
            return np.tile(low, prod(shape[:-1])), np.tile(high, prod(shape[:-1]))
        case MaxPool2D():
            return low, high
        case _:
            raise ValueError(f"{layer.name}: {layer.kind} is no layer of integers")


def _products(kernel: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], groups: int) -> Ends:
    """Of sums of products, output by output; inputs stand second to last in `kernel`, outputs last."""
    import numpy as np

    inputs, outputs = kernel.shape[-2:]
    rows = kernel.reshape(-1, inputs, outputs)
    above, below = rows.clip(min=0).sum(0), rows.clip(max=0).sum(0)  # (inputs of a group, outputs)
    of = np.repeat(np.arange(groups), outputs // groups)  # the group of each output
    least, most = (bound.reshape(groups, inputs)[of].T for bound in (low, high))
    return (above * least + below * most).sum(0), (above * most + below * least).sum(0)


def _codes(layer: Threshold, low: NDArray[np.float64], high: NDArray[np.float64], tensors: Tensors) -> Ends:
    """A step is reached where the thresholds of its channel are at most the sum, times its sign."""
    import numpy as np

    signs, steps = (tensors[f"{layer.name}/{role}"].astype(np.float64) for role in ("signs", "thresholds"))
    ends = np.sort(np.stack([low * signs, high * signs]), axis=0)
    least, most = ((steps <= end[:, None]).sum(1) + layer.low for end in ends)
    return least.astype(np.float64), most.astype(np.float64)
