"""A `Network` as a Keras 3 model, layer by layer, and its weights in and out. Imports keras, on any backend.

Keras' layers are called as the network's are, so that weights are found by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from flows.core.errors import RefusedError
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
    Pads,
    ReLU,
    Softmax,
)
from models.network import INPUT, Network
from models.pixels import UNIT, Pixels, reads_bytes

IMAGE = "image"
"""What the input is called in Keras: hls4ml reserves "input"."""
ENTRY = "pixels"
"""The layer that scales pixels first, where a network reads others than x / 255."""
ZERO_PADDING = "zp2d_"
EVALUATION_BATCH = 500


def keras_model(network: Network, entry: bool = False) -> keras.Model:
    """The model of all layers, its weights as Keras begins: images (n, H, W, C) as its `Pixels` make them.

    With `entry`, its first layer makes these of x / 255, or of bytes.
    """
    image = keras.Input(network.input_shape, name=IMAGE)
    tensors = {INPUT: _entered(network, image) if entry else image}
    for layer in network.layers:
        tensors[layer.name] = applied(network, layer, [tensors[name] for name in layer.inputs])
    return keras.Model(image, tensors[network.output], name="network")


def _entered(network: Network, image: keras.KerasTensor) -> keras.KerasTensor:
    scaling = entry_scaling(network.pixels)
    if scaling is None:
        return image
    gain, offset = ([float(number) for number in numbers] for numbers in scaling)
    settings = (gain[0], offset[0]) if len(gain) == 1 else (gain, offset)
    return layers.Rescaling(*settings, name=ENTRY)(image)


def entry_scaling(pixels: Pixels) -> tuple[list[Fraction], list[Fraction]] | None:
    """Gain and offset of a first layer that says `pixels` to whoever reads the archive; None for x / 255.

    It reads x / 255, or the bytes where it would be taken to read those (`models.pixels.reads_bytes`, which is then
    true of the bytes' gain too, since that is smaller).
    """
    if pixels == UNIT:
        return None
    gain, offset = [255 * factor for factor in pixels.gain], list(pixels.offset)
    return (list(pixels.gain) if reads_bytes(gain, offset) else gain), offset


def applied(
    network: Network,
    layer: Layer,
    inputs: list[keras.KerasTensor],
    keras_of: Callable[[Layer], keras.layers.Layer] | None = None,
) -> keras.KerasTensor:
    """`layer`, as `keras_of` it or `keras_layer`, on its `inputs`; padding that Keras has no word for is a layer of its
    own before it."""
    if pads := explicit_pads(network, layer):
        top, bottom, left, right = pads
        inputs = [layers.ZeroPadding2D(((top, bottom), (left, right)), name=padding_name(layer))(inputs[0])]
    return (keras_of or keras_layer)(layer)(inputs if isinstance(layer, Add | Concat) else inputs[0])


def explicit_pads(network: Network, layer: Layer) -> Pads | None:
    """Padding other than Keras' "same" and "valid", as torch's on strides of 2."""
    if not isinstance(layer, CONVOLUTIONS) or layer.padding in ("same", "valid"):
        return None
    pads = layer.pads(*network.input_shapes(layer))
    return pads if any(pads) else None


def padding_name(layer: Layer) -> str:
    """As hls4ml calls the layer that it puts itself before a convolution with 'same' padding."""
    return f"{ZERO_PADDING}{layer.name}"


def keras_layer(layer: Layer) -> keras.layers.Layer:
    """Raises `RefusedError` where Keras has no such layer."""
    match layer:
        case MaxPool2D() | AveragePool2D() if not isinstance(layer.padding, str):
            raise RefusedError(f"layer {layer.name}", "Keras pads pools as 'same' or not at all", "pad it so")
        case Conv2D():
            padding = layer.padding if layer.padding == "same" else "valid"
            return layers.Conv2D(layer.filters, layer.kernel, layer.strides, padding, name=layer.name)
        case GroupedConv2D():
            padding = layer.padding if layer.padding == "same" else "valid"
            return layers.Conv2D(
                layer.filters, layer.kernel, layer.strides, padding, groups=layer.groups, name=layer.name
            )
        case AveragePool2D():
            return layers.AveragePooling2D(layer.kernel, layer.strides, layer.padding, name=layer.name)
        case Concat():
            return layers.Concatenate(name=layer.name)
        case LeakyReLU():
            return layers.LeakyReLU(layer.slope, name=layer.name)
        case Clip() if layer.low == 0:
            return layers.ReLU(layer.high, name=layer.name)
        case MaxPool2D():
            return layers.MaxPooling2D(layer.kernel, layer.strides, layer.padding, name=layer.name)
        case Dense():
            return layers.Dense(layer.units, name=layer.name)
        case BatchNorm():
            return layers.BatchNormalization(epsilon=layer.epsilon, name=layer.name)
        case Dropout():
            return layers.Dropout(layer.rate, name=layer.name)
        case ReLU():
            return layers.Activation("relu", name=layer.name)
        case Softmax():
            return layers.Softmax(name=layer.name)
        case Add():
            return layers.Add(name=layer.name)
        case GlobalAveragePool():
            return layers.GlobalAveragePooling2D(name=layer.name)
        case Flatten():
            return layers.Flatten(name=layer.name)
    raise RefusedError(f"layer {layer.name}", f"Keras has no {layer.kind}", "take it out of the network")


def _weights(network: Network) -> Mapping[str, list[str]]:
    """The tensors of every layer, in Keras' order, by the layer's name."""
    named: dict[str, list[str]] = {}
    for name, _ in network.weight_shapes():
        named.setdefault(name.rpartition("/")[0], []).append(name)
    return named


def put_weights(model: keras.Model, network: Network, tensors: Mapping[str, np.ndarray]) -> keras.Model:
    """`model` with the tensors of `network`, which have the project's layout (height, width, inputs, outputs)."""
    for layer, names in _weights(network).items():
        model.get_layer(layer).set_weights([tensors[name] for name in names])
    return model


def get_weights(model: keras.Model, network: Network) -> dict[str, np.ndarray]:
    """The tensors of `network` in the project's layout, float32."""
    tensors: dict[str, np.ndarray] = {}
    for layer, names in _weights(network).items():
        tensors |= dict(zip(names, model.get_layer(layer).get_weights(), strict=True))
    return tensors


def save_archive(path: Path, network: Network, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes the model with its weights as a .keras archive, from which `flows` reads the same network again."""
    archive = path.with_name(f"{path.name}.keras")  # Keras takes no other ending
    try:
        put_weights(keras_model(network, entry=True), network, tensors).save(archive)
        archive.replace(path)
    finally:
        archive.unlink(missing_ok=True)


def scaled(network: Network, pixels: np.ndarray) -> np.ndarray:
    """float32 (n, H, W, C), or (n, C), of bytes: what a network reads."""
    tables = np.array([[float(number) for number in row] for row in network.pixels.tables], np.float32)
    if len(tables) == 1:
        return tables[0][pixels]
    return np.stack([table[pixels[..., channel]] for channel, table in enumerate(tables)], axis=-1)


def reach(network: Network, tensors: Mapping[str, np.ndarray], pixels: np.ndarray) -> dict[str, tuple[float, float]]:
    """The lowest and highest value of every tensor over `pixels` uint8 (n, H, W, C); of a softmax its bounds."""
    model = put_weights(keras_model(network), network, tensors)
    watched = [layer.name for layer in network.layers if not isinstance(layer, Softmax)]
    inner = keras.Model(model.input, [model.get_layer(name).output for name in watched])
    ranges: dict[str, Any] = {layer.name: (0.0, 1.0) for layer in network.layers if isinstance(layer, Softmax)}
    for start in range(0, len(pixels), EVALUATION_BATCH):
        images = scaled(network, pixels[start : start + EVALUATION_BATCH])
        results = [keras.ops.convert_to_numpy(result) for result in keras.tree.flatten(inner(images, training=False))]
        for name, values in zip((INPUT, *watched), (images, *results), strict=True):
            low, high = ranges.get(name, (np.inf, -np.inf))
            ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
    return {name: ranges[name] for name in network.shapes}
