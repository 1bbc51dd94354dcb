"""A network as it is being read from somebody's file: each layer checked where it stands, its weights with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.core.errors import InputError
from models.layers import Layer, Shape, Softmax
from models.network import INPUT, Network, layer_name
from models.pixels import RAW, UNIT, Pixels, reads_bytes, simple

Tensor = NDArray[np.float32]
Affine = tuple[NDArray[np.float64], NDArray[np.float64]]

SUPPORTED = "supported are 2D convolution, dense, batch normalisation, ReLU, softmax, max pooling, global average \
pooling, flatten, add and dropout"
IMAGE_ADVICE = "give the network one input of a fixed size: (height, width, channels), or (features,)"


RESERVED = re.compile("image|input|(clone|zp2d)_.*")
"""What flows call the input, and hls4ml the copies and paddings that it adds."""
LARGEST = 1 << 24
"""Numbers in a tensor: far more than a Zynq could hold, and little enough to be listed one by one."""
TOTAL, WEIGHTS, LAYERS = 1 << 26, 1 << 27, 2000
"""Numbers in all results of layers, numbers in all weights, and layers."""


class WantedFiles(Exception):
    """The network's weights stand in these files, by path relative to its folder, and they were not given."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = names


@dataclass(frozen=True)
class Place:
    """Where something stands in the file: "model.keras, layer 4, 'lambda' (Lambda)"; the first layer is 1."""

    file: str
    index: int
    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.file}, layer {self.index}, {self.name!r} ({self.kind})"

    def refusal(self, fact: str, next_step: str = SUPPORTED) -> InputError:
        return InputError(str(self), fact, next_step)


class Draft:
    """Layers so far, in order. Every method raises `InputError` that names the place."""

    def __init__(self, name: str, input_shape: Shape) -> None:
        self.name = name
        self.shapes: dict[str, Shape] = {INPUT: input_shape}
        self.layers: list[Layer] = []
        self.tensors: dict[str, Tensor] = {}
        self.absorbed: dict[str, str] = {}
        self.affine: Affine | None = None
        """What the file itself does to its input first, ``gain * x + offset``, of one number or one a channel."""
        self._results = self._weights = 0

    def add(
        self,
        place: Place,
        kind: type[Layer],
        inputs: tuple[str, ...],
        weights: Mapping[str, Tensor] | None = None,
        name: str = "",
        **settings: Any,
    ) -> str:
        """Appends a layer, called as in the file as far as that is a word; returns its name.

        `weights` are by role (``kernel``, ``bias``, ...); an absent bias is zeros.
        """
        layer = kind(self._unused(name or place.name), inputs, **settings)
        shapes = [self.shapes[source] for source in inputs]
        try:
            self.shapes[layer.name] = layer.output_shape(*shapes)
            expected = layer.weight_shapes(*shapes)
        except (ValueError, TypeError) as reason:
            raise place.refusal(str(reason), "correct the network, and export it again") from None
        if (count := prod(self.shapes[layer.name])) > LARGEST:
            raise place.refusal(f"its result has {count:,} numbers", f"stay below {LARGEST:,}: smaller images")
        self._results += count
        self._weights += sum(prod(shape) for shape in expected.values())
        if self._results > TOTAL or self._weights > WEIGHTS or len(self.layers) >= LAYERS:
            fact = f"with it, there are more than {TOTAL:,} results, {WEIGHTS:,} weights or {LAYERS:,} layers"
            raise place.refusal(fact, "take a smaller network")
        self.layers.append(layer)
        tensors = dict(weights or {})
        if "bias" in expected:
            tensors.setdefault("bias", np.zeros(expected["bias"], np.float32))
        for role, shape in expected.items():
            if tensors[role].shape != shape:
                fact = f"its {role} is {tensors[role].shape}, and {shape} is needed"
                raise place.refusal(fact, "export the trained network again")
            if not np.isfinite(tensors[role]).all():
                raise place.refusal(f"its {role} holds NaN or infinity", "train the network again")
            self.tensors[f"{layer.name}/{role}"] = tensors[role]
        return layer.name

    def absorb(self, name: str, tensor: str) -> None:
        """Says that the work of `name`, a layer or an input of the file, is in `tensor` where no layer is called so."""
        if layer_name(name) not in self.shapes:
            self.absorbed[name] = tensor

    def finish(self, output: str, file: str) -> Network:
        """The network that ends with the tensor `output`, a vector with one number a class."""
        if not self.layers or self.layers[-1].name != output:
            fact = "its output is not what its last layer computes"
            raise InputError(file, fact, "give the network one output, its last layer")
        if len(shape := self.shapes[output]) != 1:
            fact = f"its output is {'x'.join(map(str, shape))}, not one number a class"
            raise InputError(file, fact, "end it with a dense layer, a global average pooling or a flatten")
        if early := [layer.name for layer in self.layers[:-1] if isinstance(layer, Softmax)]:
            raise InputError(
                f"{file}, {early[0]}", "a softmax that is not the last layer", "take it out, and train again"
            )
        pixels = pixels_of(self.affine) if self.affine else UNIT
        return Network(self.name, self.shapes[INPUT], tuple(self.layers), tuple(self.absorbed.items()), pixels)

    def normalise(self, place: Place, gain: NDArray[Any], offset: NDArray[Any]) -> None:
        """Takes ``gain * x + offset`` of the input, of one number or one a channel, into what becomes of pixels."""
        channels = self.shapes[INPUT][-1]
        rows = [np.asarray(numbers, np.float64).ravel() for numbers in (gain, offset)]
        if not all(len(row) in (1, channels) and np.isfinite(row).all() for row in rows) or not rows[0].all():
            raise place.refusal("it scales the image by 0, by NaN, or by more numbers than it has channels")
        size = max(map(len, rows))
        gains, offsets = (np.broadcast_to(row, size) for row in rows)
        before = self.affine or (np.ones(1), np.zeros(1))
        self.affine = before[0] * gains, before[1] * gains + offsets

    def _unused(self, name: str) -> str:
        """None that flows use themselves."""
        word = layer_name(name)
        word = f"layer_{word}" if RESERVED.fullmatch(word) else word
        name, count = word, 1
        while name in self.shapes:
            count += 1
            name = f"{word}_{count}"
        return name


def pixels_of(affine: Affine) -> Pixels:
    """What a network reads that does this to its input first. Whether it does so to bytes or to x / 255 is no fact of
    the file: it is taken from the numbers."""
    gain, offset = (tuple(simple(float(number)) for number in numbers) for numbers in affine)
    base = RAW if reads_bytes(gain, offset) else UNIT
    return replace(base.then(gain, offset), known=f"the file's first layer, taken to read {base}", first=(gain, offset))


def image_shape(dimensions: object, file: str) -> Shape:
    """(height, width, channels) or (features,), by what a file says of its input; raises `InputError` if neither."""
    axes = dimensions if isinstance(dimensions, list) else []
    shown = "x".join("?" if axis is None else str(axis) for axis in axes) or "none"
    if len(axes) in (1, 3) and all(isinstance(axis, int) and axis > 0 for axis in axes):
        if prod(axes) > LARGEST:
            raise InputError(file, f"its input is {shown}", f"stay below {LARGEST:,} numbers an image")
        return tuple(axes)
    raise InputError(file, f"its input is {shown}, neither an image nor a vector of a fixed size", IMAGE_ADVICE)
