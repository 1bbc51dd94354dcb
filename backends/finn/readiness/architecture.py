"""Where two networks are not one architecture: layers, shapes, strides, paddings, and where the activations stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from flows.core.readiness import Finding
from models.architecture import computed, counted
from models.layers import Layer
from models.network import Network


def differences(network: Network, expected: Network) -> Iterator[Finding]:
    """The first layer of each that the other does not have; none where the two are one architecture (see
    `models.architecture`)."""
    change = f"export {expected.name} as it is defined (models/zoo.py), or leave --network out"
    ours, theirs = counted(network), counted(expected)
    here, there = computed(network), computed(expected)
    if network.input_shape != expected.input_shape:
        fact = f"takes {_size(network.input_shape)} images, and {expected.name} {_size(expected.input_shape)}"
        yield Finding("the graph", fact, change)
        return
    strange, absent = _without(ours, here, there), _without(theirs, there, here)
    if strange and absent and _sources(strange, here) == _sources(absent, there):
        fact = f"{_words(network, strange)}, where {expected.name} has {_words(expected, absent)}"
        yield Finding(f"layer {strange.name!r}", fact, change)
        return
    if absent:
        fact = f"it has no such layer as {absent.name!r} of {expected.name}: {_words(expected, absent)}"
        yield Finding("the graph", f"{fact}, behind {_behind(absent)}", change)
    if strange:
        fact = f"{_words(network, strange)}, behind {_behind(strange)}, where {expected.name} has none"
        yield Finding(f"layer {strange.name!r}", fact, change)


def _without(layers: Mapping[str, Layer], own: Mapping[str, str], other: Mapping[str, str]) -> Layer | None:
    """The first layer whose like the other network does not have, or not as often."""
    left = Counter(other.values())
    for layer in layers.values():
        if not left[own[layer.name]]:
            return layer
        left[own[layer.name]] -= 1
    return None


def _sources(layer: Layer, places: Mapping[str, str]) -> list[str]:
    return sorted(places[name] for name in layer.inputs)


def _behind(layer: Layer) -> str:
    return " and ".join(map(repr, layer.inputs))


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _words(network: Network, layer: Layer) -> str:
    """A layer with its settings and the shape that it makes.

    >>> from models.zoo import ARCH8
    >>> _words(ARCH8, ARCH8["block1_pool"])
    'a maxpool2d (kernel 2x2, strides 2x2, padding valid) to 16x16x28'
    """
    settings = layer.settings(*network.input_shapes(layer))
    shown = ", ".join(f"{key} {_size(value) if isinstance(value, tuple) else value}" for key, value in settings.items())
    article = "an" if layer.kind[0] in "aeiou" else "a"
    return f"{article} {layer.kind}{f' ({shown})' if shown else ''} to {_size(network.shapes[layer.name])}"
