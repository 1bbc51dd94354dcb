"""Reads networks and types from the words in rows.

    CIFAR-10 32x32x3: conv 3x3/4 32, conv 3x3 32 (BN folded, ReLU), dense 2048-10
    MLP 16-64-32-32-5, ReLU, softmax
    weights ap_fixed<8,3>, results <9,6>, activations <8,3>, accum <14,6>

Convolutions pad as "same" unless the words say "valid"; every layer but the last has a ReLU. Layers are called conv1,
conv2, pool1, dense1 and so on; a reuse factor may name them so, "conv" or "dense" where there is a single one, fc1, fc2
and output of a network of dense layers, and latent for its narrowest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import prod

from models.layers import Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, Padding, ReLU, Softmax
from models.network import INPUT, Network

WIDTHS = re.compile(r"\b\d+(?:-\d+){2,}\b")
IMAGE = re.compile(r"\b(\d+)x(\d+)x(\d+):")
LAYER = re.compile(
    r"(?P<conv>conv) (?P<kernel>\d+)x\d+(?:/(?P<stride>\d+))?(?P<before> valid)? (?P<filters>\d+)(?P<after> valid)?"
    r"|(?P<pool>maxpool) (?P<size>\d+)x\d+"
    r"|(?P<average>global average)"
    r"|dense (?:(?P<inputs>\d+)-)?(?P<units>\d+)"
)
OTHER = re.compile(
    r"\d|residual|add|concat|skip|branch|depthwise|separable|pool|upsampl|lstm|gru|attention", re.IGNORECASE
)
"""Words that are left over where a layer is of an unknown kind."""
ROLES = {"weights": "*.weight", "biases": "*.bias", "results": "*.result", "accum": "*.accum"}
ACTIVATIONS = "@activation.result", "@parametrizedactivation.result"
USUAL = "ap_fixed<16,6>"
"""hls4ml's default type, for what the words leave out."""
TYPE = r"(ap_u?fixed)?<(\d+),(\d+)>"


MOST_WEIGHTS = 50_000_000
"""More than any Zynq-7000 holds by far, in or beside block RAM."""


class Unreadable(Exception):
    """Says why a row's words are no network or no types."""


def network_of(name: str, words: str) -> Network:
    """Raises `Unreadable` where the words leave a width open, or where no part could hold the network."""
    network = _network(name, words)
    if not all(prod(shape) for shape in network.shapes.values()):
        raise Unreadable("its words give a layer no width")
    if sum(prod(shape) for _, shape in network.weight_shapes()) > MOST_WEIGHTS:
        raise Unreadable(f"its words give more than {MOST_WEIGHTS:,} weights")
    return network


def _network(name: str, words: str) -> Network:
    image = IMAGE.search(words)
    if image:
        words_of_layers = words[image.end() :].split(";")[0]
        layers = tuple(_of_image(words_of_layers, "softmax" in words))
        network = Network(name, (int(image[1]), int(image[2]), int(image[3])), layers)
        _check_inputs(network, words_of_layers)
        return network
    widths = WIDTHS.search(words)
    if not widths:
        raise Unreadable("its words give no widths of all layers")
    sizes = [int(size) for size in widths[0].split("-")]
    return Network(name, (sizes[0],), tuple(_of_vector(sizes[1:], "softmax" in words)))


def _check_inputs(network: Network, words: str) -> None:
    """Raises `Unreadable` where the inputs of a dense layer differ from the words: a layer was misread."""
    stated_inputs = [match["inputs"] for match in LAYER.finditer(words) if match["units"]]
    for layer, inputs in zip(
        (layer for layer in network.layers if isinstance(layer, Dense)), stated_inputs, strict=True
    ):
        taken = prod(network.shapes[layer.inputs[0]])
        if inputs and int(inputs) != taken:
            raise Unreadable(f"its words give {layer.name} {int(inputs):,} inputs, and the layers before it {taken:,}")


def _of_vector(widths: list[int], softmax: bool) -> Iterator[Layer]:
    source = INPUT
    for place, units in enumerate(widths, 1):
        yield Dense(f"dense{place}", (source,), units)
        source = f"dense{place}"
        if place < len(widths):
            yield ReLU(f"relu{place}", (source,))
            source = f"relu{place}"
    if softmax:
        yield Softmax("softmax", (source,))


def _of_image(words: str, softmax: bool) -> Iterator[Layer]:
    layers = [match.groupdict() for match in LAYER.finditer(words)]
    if not layers:
        raise Unreadable("its words name no layers")
    left = re.sub(r"\([^)]*\)", " ", LAYER.sub(" ", words))
    if unknown := [phrase.strip() for phrase in left.split(",") if OTHER.search(phrase)]:
        raise Unreadable(f"its words name a layer that is not known, {unknown[0][:40]!r}")
    source, flat = INPUT, False
    counts: dict[str, int] = {}

    def next_name(kind: str) -> str:
        counts[kind] = counts.get(kind, 0) + 1
        return f"{kind}{counts[kind]}"

    for place, layer in enumerate(layers):
        is_last = place == len(layers) - 1
        if layer["conv"]:
            kernel, stride = int(layer["kernel"]), int(layer["stride"] or 1)
            padding: Padding = "valid" if layer["before"] or layer["after"] else "same"
            name = next_name("conv")
            yield Conv2D(name, (source,), (kernel, kernel), (stride, stride), padding, int(layer["filters"]))
        elif layer["pool"]:
            size = int(layer["size"])
            name = next_name("pool")
            yield MaxPool2D(name, (source,), (size, size), (size, size), "valid")
        elif layer["average"]:
            name, flat = "average", True
            yield GlobalAveragePool(name, (source,))
        else:
            if not flat:
                yield Flatten("flatten", (source,))
                source, flat = "flatten", True
            name = next_name("dense")
            yield Dense(name, (source,), int(layer["units"]))
        source = name
        if (layer["conv"] or layer["units"]) and not is_last:
            yield ReLU(f"{name}_relu", (name,))
            source = f"{name}_relu"
    if softmax:
        yield Softmax("softmax", (source,))


def precision_of(words: str) -> str:
    """As ``--precision`` takes it. Raises `Unreadable` where no type is given."""
    base, types = "", dict[str, str]()
    for match in re.finditer(r"(?:(\w+) )?" + TYPE, words):
        role, type = match[1], f"{match[2] or 'ap_fixed'}<{match[3]},{match[4]}>"
        if role in ROLES or role == "activations":
            types |= dict.fromkeys(ACTIVATIONS if role == "activations" else (ROLES[role],), type)
        elif not base and role in (None, "default", "precision"):
            base = type
    if not base and not types:
        raise Unreadable("its types are not recorded")
    if types:
        types.setdefault("*.bias", types.get("*.weight", base or USUAL))
    base = base or USUAL
    return ",".join([base, *(f"{place}={type}" for place, type in types.items())])


def reuse_of(network: Network, reuse: Mapping[str, int]) -> str:
    """As ``--reuse-factor`` takes it. Raises `Unreadable` where the reuse factor of a layer is missing."""
    if not reuse:
        raise Unreadable("its reuse factors are not recorded")
    layers = [layer for layer in network.layers if isinstance(layer, Conv2D | Dense)]
    names = {layer.name: layer.name for layer in layers}
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    for kind, group in (("conv", [layer for layer in layers if isinstance(layer, Conv2D)]), ("dense", dense)):
        if len(group) == 1:
            names[kind] = group[0].name
    if dense:
        names |= {f"fc{place}": layer.name for place, layer in enumerate(dense, 1)}
        names |= {"output": dense[-1].name, "latent": min(dense, key=lambda layer: layer.units).name}
    unknown = [name for name in reuse if name != "all" and name not in names]
    if unknown or ("all" not in reuse and len(reuse) < len(layers)):
        raise Unreadable(f"no layer is called {unknown[0]}" if unknown else "reuse factors of some layers are missing")
    first = str(reuse.get("all", 1))
    return ",".join([first, *(f"{names[name]}={factor}" for name, factor in reuse.items() if name != "all")])
