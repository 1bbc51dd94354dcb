"""The float twin of a quantised network: the same layers without quantisers, and the ranges that these represent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from models.folding import folded, folded_weights
from models.imported.quantiser import Quantise, Truncate
from models.imported.workers.draft import Tensor
from models.layers import (
    WEIGHTED,
    Add,
    AveragePool2D,
    BatchNorm,
    Clip,
    Concat,
    Conv2D,
    Dense,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    ReLU,
    Sign,
)
from models.network import INPUT, Network
from models.pixels import UNIT, Pixels, scaled

Range = tuple[float, float]
SCALING = 1.0
"""The epsilon of a `BatchNorm` that constant arithmetic of the file became (`models.imported.workers.onnx_affine`)."""


def twin(
    network: Network, tensors: Mapping[str, Tensor], pixel: Fraction
) -> tuple[Network, Mapping[str, np.ndarray], Mapping[str, Range]]:
    """(network, weights, ranges) for pixels over 255; `network` reads pixels times `pixel`.

    An unsigned quantiser of what can be negative cuts that off: it becomes a ReLU. A bipolar one becomes a `Sign`.
    """
    plain = _scaling_apart(_without_quantisers(network), tensors, pixel)
    weights = {name: tensors[name].astype(np.float64) for name, _ in plain.weight_shapes()}
    if plain.pixels == UNIT:
        weights = _for_pixels(plain, weights, pixel)
    hardware = folded(plain)
    ranges = _ranges(network, hardware, tensors, float(255 * pixel))
    return hardware, folded_weights(plain, weights), ranges


def _scaling_apart(network: Network, tensors: Mapping[str, Tensor], pixel: Fraction) -> Network:
    """Constant arithmetic on the input alone, such as 2x - 1, becomes what the network reads, as in a float file: it is
    no part of the architecture."""
    pixels, layers = scaled(pixel), list(network.layers)
    first: tuple[tuple[Fraction, ...], tuple[Fraction, ...]] | None = None
    while len(readers := [layer for layer in layers if INPUT in layer.inputs]) == 1:
        (layer,) = readers
        if not isinstance(layer, BatchNorm) or layer.epsilon != SCALING or tensors[f"{layer.name}/variance"].any():
            break
        gain, offset = (tuple(map(Fraction, tensors[f"{layer.name}/{role}"].tolist())) for role in ("gamma", "beta"))
        if not all(gain):
            break
        pixels, before = pixels.then(gain, offset), first or ((Fraction(1),), (Fraction(0),))
        both = Pixels(*before).then(gain, offset)
        first = both.gain, both.offset
        layers.remove(layer)
        layers = [
            replace(old, inputs=tuple(INPUT if name == layer.name else name for name in old.inputs)) for old in layers
        ]
    if not first:
        return network
    known = f"the file's first layers, of {scaled(pixel)}"
    absorbed = tuple((name, into) for name, into in network.absorbed if into in {layer.name for layer in layers})
    return Network(
        network.name, network.input_shape, tuple(layers), absorbed, replace(pixels, known=known, first=first)
    )


def never_negative(network: Network) -> set[str]:
    """The tensors that are 0 or more whatever the image; pixels are."""
    names = {INPUT}
    for layer in network.layers:
        if isinstance(layer, Quantise):
            positive = not layer.signed or layer.inputs[0] in names
        else:
            keeps = not isinstance(layer, (*WEIGHTED, BatchNorm))
            positive = (
                isinstance(layer, ReLU)
                or (isinstance(layer, Clip) and layer.low >= 0)
                or (keeps and names.issuperset(layer.inputs))
            )
        if positive:
            names.add(layer.name)
    return names


def _without_quantisers(network: Network) -> Network:
    positive, instead = never_negative(network), dict[str, str]()
    layers: list[Layer] = []
    for layer in network.layers:
        inputs = tuple(instead.get(name, name) for name in layer.inputs)
        if isinstance(layer, Truncate):
            instead[layer.name] = inputs[0]
        elif not isinstance(layer, Quantise):
            layers.append(replace(layer, inputs=inputs))
        elif layer.bipolar:
            layers.append(Sign(layer.name, inputs))
        elif layer.signed or layer.inputs[0] in positive:
            instead[layer.name] = inputs[0]
        else:
            layers.append(ReLU(layer.name, inputs))
    absorbed = {**dict(network.absorbed), **instead}
    final = {name: instead.get(into, into) for name, into in absorbed.items()}
    return Network(network.name, network.input_shape, tuple(layers), tuple(final.items()))


def _for_pixels(network: Network, tensors: dict[str, np.ndarray], pixel: Fraction) -> dict[str, np.ndarray]:
    """Weights that do on pixels over 255 what the given ones do on pixels times `pixel`."""
    factor = float(255 * pixel)
    for layer in network.consumers(INPUT) if factor != 1 else ():
        for role in ("kernel", "gamma"):
            if f"{layer.name}/{role}" in tensors:
                tensors[f"{layer.name}/{role}"] = tensors[f"{layer.name}/{role}"] * factor
        if f"{layer.name}/mean" in tensors:
            tensors[f"{layer.name}/mean"] = tensors[f"{layer.name}/mean"] / factor
    return tensors


def _ranges(network: Network, hardware: Network, tensors: Mapping[str, Tensor], end: float) -> Mapping[str, Range]:
    """Of each tensor of `hardware`: what the quantisers that read it can represent, else what it can come to at all."""
    reach: dict[str, Range] = {INPUT: (0.0, end)}
    for layer in network.layers:
        reach[layer.name] = _reach(layer, [reach[name] for name in layer.inputs], tensors)
    read = {name: _read(network, name, reach) for name in reach}
    into = {name: layer for name, layer in hardware.absorbed if isinstance(_layer_called(network, name), BatchNorm)}
    ranges = {name: read[name] for name in hardware.shapes}
    for name in (layer.name for layer in network.layers):  # in order: the last batch normalisation counts
        if into.get(name) in ranges and _is_behind(network, name, into[name]):
            ranges[into[name]] = read[name]
    low, high = hardware.pixels.ends
    return ranges | {INPUT: (float(low), float(high))}


def _layer_called(network: Network, name: str) -> Layer | None:
    return next((layer for layer in network.layers if layer.name == name), None)


def _is_behind(network: Network, norm: str, layer: str) -> bool:
    """Whether the batch normalisation `norm` was folded into `layer` before it, rather than the one behind."""
    names = [layer.name for layer in network.layers]
    return names.index(layer) < names.index(norm)


def _reach(layer: Layer, sources: list[Range], tensors: Mapping[str, Tensor]) -> Range:
    low, high = sources[0]
    match layer:
        case Quantise():
            first, last = (float(code * layer.unit) for code in layer.codes)
            return first if low < 0 else 0.0, last
        case Conv2D() | GroupedConv2D() | Dense():
            kernel = tensors[f"{layer.name}/kernel"].astype(np.float64)
            rows = kernel.reshape(-1, kernel.shape[-1])
            above, below = rows.clip(min=0).sum(0), rows.clip(max=0).sum(0)
            bias = tensors[f"{layer.name}/bias"]
            low, high = min(low, 0.0), max(high, 0.0)  # a padded element is 0
            return float((above * low + below * high + bias).min()), float((above * high + below * low + bias).max())
        case BatchNorm():
            gamma, beta, mean, variance = (
                tensors[f"{layer.name}/{role}"].astype(np.float64) for role in ("gamma", "beta", "mean", "variance")
            )
            gain = gamma / (variance.clip(min=0) + layer.epsilon) ** 0.5
            ends = np.stack([(end - mean) * gain + beta for end in (low, high)])
            return float(ends.min()), float(ends.max())
        case ReLU():
            return max(low, 0.0), max(high, 0.0)
        case Clip():
            return max(low, layer.low), min(high, layer.high)
        case LeakyReLU():
            return min(low, layer.slope * low), max(high, layer.slope * high)
        case AveragePool2D():
            return min(low, 0.0), max(high, 0.0)  # a padded element is 0
        case Concat():
            return min(low, sources[1][0]), max(high, sources[1][1])
        case Add():
            return low + sources[1][0], high + sources[1][1]
    return low, high


def _read(network: Network, name: str, reach: Mapping[str, Range]) -> Range:
    """The part of a tensor's reach that its readers tell apart: a quantiser's range, and through a ReLU no more."""
    low, high = reach[name]
    ends: list[Range] = []
    for layer in network.consumers(name):
        if isinstance(layer, Quantise):
            ends.append(reach[layer.name])
        elif isinstance(layer, ReLU):
            end = _read(network, layer.name, reach)[1]
            ends.append((-end, end))
        else:
            return low, high
    if not ends:
        return low, high
    return max(low, min(end[0] for end in ends)), min(high, max(end[1] for end in ends))
