"""Networks as data: a frozen graph of layers with exact shapes, parameters and multiply-accumulates.

A `Network` names no framework, holds no weights and no precision. Every flow starts from the same one, and its
`digest` is what tells two reviewers that they speak of the same architecture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from flows.core.errors import InputError
from flows.core.text import identifier, title
from models.architecture import architecture
from models.layers import Layer, Shape
from models.pixels import UNIT, Pixels

WORD = re.compile("[A-Za-z0-9_]{1,80}")
"""What a layer may be called."""
INPUT = "input"
"""The name by which layers refer to the network's input."""


def layer_name(text: str) -> str:
    """A word of letters, digits and single underscores, since flows write layer names into their sources."""
    return identifier(text, "layer")


@dataclass(frozen=True)
class Network:
    """A directed acyclic graph in topological order with one input and one output (its last layer).

    Its names are safe in whatever is written of it: `name` is a title, and the names of layers are words (see
    `flows.core.text`). Raises `InputError` where they are not, where a layer refers to a later or unknown one, or where
    its shapes do not agree.
    """

    name: str
    input_shape: Shape
    layers: tuple[Layer, ...]
    absorbed: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """(name, layer) of layers that the user's file has and this network does not, with the layer that does their work;
    `INPUT` for the name of the file's input."""
    pixels: Pixels = field(default=UNIT, compare=False)
    """What it reads: how training made numbers of bytes. As weights do, it stands beside the architecture."""

    def __post_init__(self) -> None:
        shapes: dict[str, Shape] = {INPUT: self.input_shape}
        if len(self.pixels.gain) not in (1, *self.input_shape[-1:]):
            fact = f"{len(self.pixels.gain)} scalings of pixels, and its input is {self.input_shape}"
            raise InputError(f"network {self.name}", fact, "give one for all channels, or one for each")
        if self.name != title(self.name):
            raise InputError(f"network {self.name!r}", "this is no name of a network", f"call it {title(self.name)!r}")
        for layer in self.layers:
            where = f"network {self.name}, layer {layer.name}"
            if not WORD.fullmatch(layer.name):
                advice = "rename it: letters, digits and underscores, at most 80"
                raise InputError(f"network {self.name}", f"a layer is called {layer.name!r}", advice)
            if layer.name in shapes:
                raise InputError(where, "two layers have this name", "rename one of them")
            unknown = [name for name in layer.inputs if name not in shapes]
            if unknown or len(layer.inputs) != layer.arity:
                fact = f"its inputs {layer.inputs} must be {layer.arity} earlier layers"
                raise InputError(where, fact, "list the layers in the order in which they run")
            try:
                shapes[layer.name] = layer.output_shape(*(shapes[name] for name in layer.inputs))
            except ValueError as reason:
                raise InputError(where, str(reason), "correct the network's description") from None
        if not self.layers:
            raise InputError(f"network {self.name}", "it has no layers", "describe at least one")
        unread = set(shapes) - {name for layer in self.layers for name in layer.inputs} - {self.output}
        if unread:
            fact = f"nothing reads {', '.join(sorted(unread))}"
            raise InputError(f"network {self.name}", fact, "remove what is not used, or end the network there")

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every tensor, by the layer that makes it; the input under `INPUT`."""
        shapes = {INPUT: self.input_shape}
        for layer in self.layers:
            shapes[layer.name] = layer.output_shape(*(shapes[name] for name in layer.inputs))
        return shapes

    @property
    def output(self) -> str:
        return self.layers[-1].name

    @property
    def logits(self) -> str:
        """The tensor that a design ends with where the host does the rest: before a softmax where there is one."""
        last = self.layers[-1]
        return last.inputs[0] if last.on_host else last.name

    def __getitem__(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)

    def input_shapes(self, layer: Layer) -> tuple[Shape, ...]:
        return tuple(self.shapes[name] for name in layer.inputs)

    def consumers(self, name: str) -> tuple[Layer, ...]:
        """The layers that read this tensor, in order; a layer that reads it twice stands once."""
        return tuple(layer for layer in self.layers if name in layer.inputs)

    def weight_shapes(self) -> Iterator[tuple[str, Shape]]:
        """Every tensor that training leaves, as ``layer/kernel`` and so on, with its shape, in network order."""
        for layer in self.layers:
            for role, shape in layer.weight_shapes(*self.input_shapes(layer)).items():
                yield f"{layer.name}/{role}", shape

    @cached_property
    def parameters(self) -> int:
        return sum(prod(shape) for _, shape in self.weight_shapes())

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates for one image. FLOPs, where asked for, are twice this."""
        return sum(layer.macs(*self.input_shapes(layer)) for layer in self.layers)

    @cached_property
    def digest(self) -> str:
        """The architecture's, see `models.architecture`: a renamed layer is the same network."""
        return architecture(self)
