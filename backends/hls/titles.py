"""What each layer is, in words, as the comments of the generated files say it."""

from __future__ import annotations

from math import prod

from backends.hls.nodes import merged_relu
from models.network import Add, Conv2D, Dense, GlobalAveragePool, Layer, MaxPool2D, ReLU
from models.quantised import QuantisedNetwork


def title(quantised: QuantisedNetwork, layer: Layer) -> str:
    """What the layer is, in words."""
    shapes = quantised.network.shapes
    before, after = shapes[layer.inputs[0]], shapes[layer.name]
    then = " and ReLU" if merged_relu(quantised, layer) else ""
    match layer:
        case Conv2D():
            stride = "" if layer.strides == (1, 1) else f", strides {_by(layer.strides)}"
            return f"{layer.name}: {_by(layer.kernel)} convolution{stride}, {before[-1]} to {after[-1]} channels{then}"
        case Dense():
            return f"{layer.name}: dense, {prod(before)} to {prod(after)}{then}"
        case MaxPool2D():
            return f"{layer.name}: the largest of {_by(layer.kernel)}, {_by(before[:2])} to {_by(after[:2])} pixels"
        case Add():
            return f"{layer.name}: {layer.inputs[0]} + {layer.inputs[1]}"
        case GlobalAveragePool():
            return f"{layer.name}: the average of {_by(before[:2])} pixels"
        case ReLU():
            return f"{layer.name}: ReLU"
    return f"{layer.name}: {layer.kind}"


def _by(pair: tuple[int, ...]) -> str:
    return "x".join(map(str, pair))
