"""What is known of an ONNX graph while its nodes are read: what each tensor is in the draft, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from flows.core.errors import InputError
from models.imported.quantiser import FileTensor, QuantisedConstant, QuantisedKernel
from models.imported.workers.draft import Draft, Place, Tensor
from models.imported.workers.onnx_domains import KINDS
from models.imported.workers.onnx_file import ADVICE, OnnxFile, attributes
from models.layers import Layer, Pads, Shape
from models.network import INPUT

PADDED = {"AveragePool", "Cast", "Conv", "Identity", "MaxPool", "Transpose"}
"""What may read an image with padding around it."""


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: its name in the draft, and how its elements stand in ONNX.

    An image has rank 4 and its channels first, or last after a transposition; the result of a global average, a vector
    in the draft, may still have rank 4, with 1x1 pixels, or 3; with rank 1 it stands in a row with those of the other
    images of the batch. Of a flattened image, element i in the draft is element ``order[i]`` in ONNX, where they do not
    stand alike. `pads` stand around an image, filled with `filling`, until the next layer takes them over.
    """

    name: str
    rank: int
    channels_last: bool = False
    order: tuple[int, ...] | None = None
    pads: Pads | None = None
    filling: float = 0.0

    def as_vector(self, order: tuple[int, ...] | None = None) -> Value:
        return Value(self.name, 2, order=order)


@dataclass(frozen=True)
class Node:
    place: Place
    inputs: tuple[str, ...]
    output: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, place: Place, proto: NodeProto) -> Node:
        return cls(place, tuple(proto.input), proto.output[0], attributes(place, proto))

    def expect(self, name: str, *legal: Any) -> None:
        """Raises `InputError` unless the attribute is absent or one of these."""
        if self.settings.get(name, legal[0]) not in legal:
            raise self.place.refusal(f"{name} is {self.settings[name]}", f"supported is {name} {legal[0]}")


class Graph:
    """The draft, the constants of the file, and the tensors that the nodes so far have made."""

    def __init__(self, file: OnnxFile, name: str) -> None:
        channels_last = file.channels_last
        self.draft = Draft(name, file.image(channels_last))
        self.opset, self.constants = file.opset, file.constants
        self.computed = 0
        """Elements of the constants that were computed so far."""
        self.batch = file.dimensions[0] or 1
        self.values = {file.input: Value(INPUT, max(len(file.dimensions), 2), channels_last)}
        self.quantised: dict[str, FileTensor] = {}
        """What quantisers leave, by the layers that they are in the draft."""
        self.quantised_constants: dict[str, QuantisedConstant] = {}
        self.kernels: dict[str, QuantisedKernel] = {}
        """The quantisers of kernels, by layer."""
        self.channels_last = channels_last
        self.exact = any(place.kind in KINDS for place, _ in file.nodes)
        """Whether constants stay apart as they stand in the file: thresholds are computed from them, unrounded."""
        self.divided = False
        """Whether the network itself divides its input by 255."""
        self._reads = Counter([*(name for _, node in file.nodes for name in node.input), file.output])

    def value(self, node: Node, index: int = 0) -> Value:
        name = node.inputs[index] if index < len(node.inputs) else ""
        if name not in self.values:
            raise node.place.refusal(f"it reads {name!r}, which no supported layer before it makes", ADVICE)
        if (value := self.values[name]).pads and node.place.kind not in PADDED:
            raise node.place.refusal("it reads a padded image", "pad right before a convolution")
        return value

    def image(self, node: Node) -> Value:
        """The first input, an image with its channels first."""
        value = self.value(node)
        if value.rank != 4 or value.channels_last or len(self.shape(value)) != 3:
            raise node.place.refusal("its input is no image with its channels first (N, C, H, W)", ADVICE)
        return value

    def shape(self, value: Value) -> Shape:
        return self.draft.shapes[value.name]

    def dimensions(self, value: Value) -> list[int]:
        """The shape that ONNX gives a tensor, for a batch of one."""
        *area, channels = self.shape(value)
        area = area or [1] * (value.rank - 2)
        return [1, *area, channels] if value.channels_last else [1, channels, *area]

    def constant(self, node: Node, index: int) -> NDArray[Any] | None:
        """An input that is a constant; None where the node has no such input."""
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        if node.inputs[index] not in self.constants:
            raise node.place.refusal(f"{node.inputs[index]!r} is computed, and not a constant in the file", ADVICE)
        return self.constants[node.inputs[index]]

    def weight(self, node: Node, index: int) -> Tensor:
        tensor = self.constant(node, index)
        if tensor is None or tensor.dtype != np.float32:
            raise node.place.refusal(f"its input {index + 1} is no float32 tensor", ADVICE)
        return tensor

    def bias(self, node: Node, index: int, units: int) -> dict[str, Tensor]:
        """The layer's bias by its role; nothing where the node has no such input."""
        constant = self.constant(node, index)
        return {} if constant is None else {"bias": spread(node, self.weight(node, index), (1, units))}

    def by_channel(self, node: Node, value: Value, constant: Tensor) -> Tensor:
        """`constant`, of one number or of one a channel of `value`, as a vector in the draft's order."""
        channels, ones = self.shape(value)[-1], (1,) * (value.rank - 2)
        vector = spread(node, constant, (1, *ones, channels) if value.channels_last else (1, channels, *ones))
        return vector[list(value.order)] if value.order else vector

    def add(
        self, node: Node, kind: type[Layer], value: Value, weights: Mapping[str, Tensor] | None = None, **settings: Any
    ) -> Value:
        """Appends a layer that reads `value`, with its padding, and leaves its elements in their order."""
        return replace(value, pads=None, name=self.draft.add(node.place, kind, (value.name,), weights, **settings))

    def read_once(self, value: Value) -> bool:
        """Whether a single node reads this tensor; one that casts or transposes it only hands it on."""
        return all(self._reads[name] == 1 for name, known in self.values.items() if known.name == value.name)

    def end(self, file: OnnxFile) -> str:
        """The tensor of the draft that is the graph's output."""
        value = self.values.get(file.output)
        if value is None or value.order:
            fact = f"its output {file.output!r} is not the plain result of a supported layer"
            raise InputError(file.file, fact, "end the network with a dense layer or a softmax")
        return value.name


def spread(node: Node, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`tensor` broadcast to `shape`, as a vector."""
    try:
        return np.broadcast_to(tensor, shape).reshape(-1)
    except ValueError:
        raise node.place.refusal(f"a constant {tensor.shape} where {shape} is needed", ADVICE) from None
