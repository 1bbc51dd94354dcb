"""Which layers a name in an option or a config means, and what of it a layer takes, as hls4ml 1.3.0 looks it up.

A setting is given for a layer, for a class of layers (``@Dense``, hls4ml's LayerType) or for all (``*``, its Model);
the nearest counts (``hls4ml/model/graph.py``, `HLSConfig.get_precision`, `get_reuse_factor`, `get_strategy`). hls4ml
takes no notice of upper case there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from backends.hls4ml.config import DEFAULT
from backends.hls4ml.option_texts import ACCUMULATOR, TypesByPlace
from models.fixed import FixedType
from models.network import INPUT, Network, layer_name

Setting = TypeVar("Setting")

ALL = "*"
CLASSES: Mapping[str, tuple[str, ...]] = {
    INPUT: ("@input",),
    "add": ("@merge",),
    "averagepool2d": ("@pooling2d",),
    "clip": ("@activation",),
    "conv2d": ("@conv2d",),
    "dense": ("@dense",),
    "flatten": ("@reshape",),
    "global_average_pool": ("@globalpooling2d",),
    "grouped_conv2d": ("@depthwiseconv2d",),
    "maxpool2d": ("@pooling2d",),
    "relu": ("@activation", "@parametrizedactivation"),
    "softmax": ("@softmax",),
}
"""What hls4ml 1.3.0 calls the class of a layer, by our kind. A ReLU is an Activation where another layer has it for its
activation, and a ParametrizedActivation where it is a layer of its own: a network does not tell, so either name will
do. A clip is a ReLU6, and a convolution in groups depthwise: no others are built."""
ROLES = {
    "averagepool2d": ("accum", "result"),
    "conv2d": ("weight", "bias", "accum", "result"),
    "dense": ("weight", "bias", "accum", "result"),
    "global_average_pool": ("accum", "result"),
    "grouped_conv2d": ("weight", "bias", "accum", "result"),
    "softmax": ("accum", "result"),
    "flatten": (),  # hls4ml builds none: the elements keep their type
}
"""The types of a layer that can be given, by our kind; of all others the result alone. (hls4ml compares pixels in the
accumulator of a max pooling, which holds its result here.)"""


def place_of(network: Network, name: str) -> str:
    """The layer, `INPUT`, class or `ALL` that `name` means in `network`; "" where there is none."""
    if name == ALL or name.startswith("@"):
        return name.lower()
    layers = [INPUT, *(layer.name for layer in network.layers)]
    alike = [layer for layer in layers if layer.lower() in (name.lower(), f"layer_{name.lower()}")]
    if name in layers or len(alike) == 1:
        return name if name in layers else alike[0]
    taken_over = absorbed(network).get(name)
    is_input = taken_over == INPUT or (taken_over is None and re.fullmatch(r"image|input\w*", name.lower()))
    return INPUT if is_input else ""


def absorbed(network: Network) -> dict[str, str]:
    """What became of the layers that the file has and the network has not: by their names, the layer that does their
    work."""
    return {layer_name(name): layer for name, layer in network.absorbed}


def absorbed_by(network: Network, name: str) -> str:
    """The layer that does the work of `name`; "" where the file has no such layer."""
    plain = name.removesuffix("_linear")  # hls4ml's name of the activation "linear"
    return absorbed(network).get(name, "") or (place_of(network, plain) if plain != name else "")


def lookup(network: Network, settings: Mapping[str, Setting], layer: str) -> list[Setting]:
    """What is said of `layer`, the nearest first."""
    known: dict[str, Setting] = {place_of(network, name): setting for name, setting in settings.items()}
    kind = INPUT if layer == INPUT else network[layer].kind
    return [known[place] for place in (layer, *CLASSES[kind], ALL) if place in known]


def types_of(network: Network, types_by_place: TypesByPlace, layer: str) -> dict[str, FixedType]:
    """The types that are given for `layer`, by role; where it is ``auto``, a number of bits or not given, the flow
    chooses."""
    types = _asked(network, types_by_place, layer)
    return {role: type for role, type in types.items() if isinstance(type, FixedType)}


def bits_of(network: Network, types_by_place: TypesByPlace, layer: str) -> dict[str, int]:
    """The bits that are given for `layer`, by role, where no type is; an accumulator has as many as its sums need."""
    types = _asked(network, types_by_place, layer)
    return {role: bits for role, bits in types.items() if isinstance(bits, int) and role != ACCUMULATOR}


def _asked(network: Network, types_by_place: TypesByPlace, layer: str) -> dict[str, FixedType | int | None]:
    """The type, the bits or ``auto`` (None) that is given for each role of `layer`."""
    kind = INPUT if layer == INPUT else network[layer].kind
    roles, types = lookup(network, types_by_place, layer), {}
    for role in ROLES.get(kind, ("result",)):
        named = [place[part] for place in roles for part in (role, DEFAULT) if part in place]
        if named:
            types[role] = named[0]
    return types
