"""Layers of networks: what each computes on which shapes, its weights and its multiply-accumulates.

Shapes are channels-last without the batch, ``(height, width, channels)`` or ``(features,)``; ``same`` padding is
TensorFlow's (the odd pixel goes below and to the right), other paddings are given row by row and column by column.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import inf, prod
from typing import Any, ClassVar, Literal

Shape = tuple[int, ...]
Pads = tuple[int, int, int, int]
"""Rows and columns around an image: top, bottom, left, right."""
Padding = Literal["same", "valid"] | Pads


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation: `name` is unique in its network, `inputs` name earlier layers or the network's input."""

    name: str
    inputs: tuple[str, ...]

    kind: ClassVar[str]
    arity: ClassVar[int] = 1
    on_host: ClassVar[bool] = False
    """Whether a design may leave it to the host, at the end of the network."""
    commutes: ClassVar[bool] = False
    """Whether the order of its inputs does not matter."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """The output shape for these input shapes; raises `ValueError` with the reason where there is none."""
        return shapes[0]

    def weight_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """What training leaves: ``kernel`` (H, W, in, out) or (in, out) and ``bias`` (out,); a BatchNorm's vectors."""
        return {}

    def macs(self, *shapes: Shape) -> int:
        """Multiply-accumulates for one image, padding included (the field's convention)."""
        return 0

    def settings(self, *shapes: Shape) -> dict[str, Any]:
        """What says, besides kind and inputs, what it computes; one spelling of it, for inputs of these shapes."""
        return {key: value for key, value in asdict(self).items() if key not in ("name", "inputs")}


def _spatial(shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(f"needs an image (height, width, channels), got {shape}")
    return shape[0], shape[1], shape[2]


def _features(shape: Shape) -> int:
    if len(shape) != 1:
        raise ValueError(f"needs a vector, got {shape}: put a Flatten before it")
    return shape[0]


@dataclass(frozen=True, slots=True)
class Window(Layer):
    """What convolutions and poolings share: a window that slides over an image."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    padding: Padding

    spellings: ClassVar[tuple[Padding, ...]] = ("same", "valid")
    """Names of paddings; where a padding has several names, the first is used."""

    def window_output(self, shape: Shape) -> tuple[int, int]:
        height, width, _ = _spatial(shape)
        if min(*self.kernel, *self.strides) < 1:
            raise ValueError(f"kernel {self.kernel} and strides {self.strides} must be at least 1")
        if self.padding == "same":
            return -(-height // self.strides[0]), -(-width // self.strides[1])
        top, bottom, left, right = self._around
        height, width = height + top + bottom, width + left + right
        if height < self.kernel[0] or width < self.kernel[1]:
            raise ValueError(f"a {self.kernel} window does not fit in {height}x{width}")
        return (height - self.kernel[0]) // self.strides[0] + 1, (width - self.kernel[1]) // self.strides[1] + 1

    @property
    def _around(self) -> Pads:
        """The padding that does not depend on the image. Every window must cover some of the image."""
        if self.padding == "valid":
            return 0, 0, 0, 0
        if not isinstance(self.padding, tuple) or len(self.padding) != 4:
            raise ValueError(f"padding must be 'same', 'valid' or (top, bottom, left, right), not {self.padding!r}")
        for pads, size in ((self.padding[:2], self.kernel[0]), (self.padding[2:], self.kernel[1])):
            if not 0 <= min(pads) <= max(pads) < size:
                raise ValueError(f"padding {self.padding} must be less than the kernel {self.kernel}")
        return self.padding

    def pads(self, shape: Shape) -> Pads:
        """Rows and columns of padding around an image of `shape`."""
        height, width, _ = _spatial(shape)
        if self.padding != "same":
            return self._around
        rows, columns = self.window_output(shape)
        tall = max((rows - 1) * self.strides[0] + self.kernel[0] - height, 0)
        wide = max((columns - 1) * self.strides[1] + self.kernel[1] - width, 0)
        return tall // 2, tall - tall // 2, wide // 2, wide - wide // 2

    def settings(self, *shapes: Shape) -> dict[str, Any]:
        return Layer.settings(self, *shapes) | {"padding": self.spelled(shapes[0])}

    def spelled(self, shape: Shape) -> Padding:
        """The padding around an image of `shape` by its name, or in numbers where it has none."""
        pads = self.pads(shape)
        return next((name for name in self.spellings if replace(self, padding=name).pads(shape) == pads), pads)


@dataclass(frozen=True, slots=True)
class Conv2D(Window):
    """A two-dimensional convolution with bias; no activation of its own."""

    filters: int
    kind: ClassVar[str] = "conv2d"

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*self.window_output(shapes[0]), self.filters)

    def weight_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        return {"kernel": (*self.kernel, _spatial(shapes[0])[2], self.filters), "bias": (self.filters,)}

    def macs(self, *shapes: Shape) -> int:
        return prod(self.output_shape(*shapes)) * prod(self.kernel) * _spatial(shapes[0])[2]


@dataclass(frozen=True, slots=True)
class GroupedConv2D(Window):
    """A convolution in `groups` of channels, with bias: the filters of a group see its channels alone.

    Group g takes the g-th part of the input's channels and makes the g-th part of the filters. It is depthwise where
    each group is of one channel. No subclass of `Conv2D`: what does not know it must refuse it, not build the other.
    """

    filters: int
    groups: int
    kind: ClassVar[str] = "grouped_conv2d"

    def output_shape(self, *shapes: Shape) -> Shape:
        channels = _spatial(shapes[0])[2]
        if self.groups < 2:
            raise ValueError(f"groups is {self.groups}: a convolution over all channels is a Conv2D")
        if channels % self.groups or self.filters % self.groups:
            raise ValueError(f"{self.groups} groups divide {channels} channels or {self.filters} filters with a rest")
        return (*self.window_output(shapes[0]), self.filters)

    def weight_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        return {"kernel": (*self.kernel, _spatial(shapes[0])[2] // self.groups, self.filters), "bias": (self.filters,)}

    def macs(self, *shapes: Shape) -> int:
        return prod(self.output_shape(*shapes)) * prod(self.kernel) * (_spatial(shapes[0])[2] // self.groups)

    def is_depthwise(self, channels: int) -> bool:
        """Whether each of so many channels has a filter of its own, and no more than one."""
        return self.groups == channels == self.filters


@dataclass(frozen=True, slots=True)
class Pooling(Window):
    """One value of each channel for each window."""

    spellings: ClassVar[tuple[Padding, ...]] = ("valid", "same")

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*self.window_output(shapes[0]), _spatial(shapes[0])[2])


@dataclass(frozen=True, slots=True)
class MaxPool2D(Pooling):
    kind: ClassVar[str] = "maxpool2d"


@dataclass(frozen=True, slots=True)
class AveragePool2D(Pooling):
    """The average of each window; what it covers of the padding counts as zeros, so that each has the same divisor."""

    kind: ClassVar[str] = "averagepool2d"


@dataclass(frozen=True, slots=True)
class GlobalAveragePool(Layer):
    kind: ClassVar[str] = "global_average_pool"

    def output_shape(self, *shapes: Shape) -> Shape:
        return (_spatial(shapes[0])[2],)


@dataclass(frozen=True, slots=True)
class Dense(Layer):
    """A fully connected layer with bias; no activation of its own."""

    units: int
    kind: ClassVar[str] = "dense"

    def output_shape(self, *shapes: Shape) -> Shape:
        _features(shapes[0])
        return (self.units,)

    def weight_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        return {"kernel": (_features(shapes[0]), self.units), "bias": (self.units,)}

    def macs(self, *shapes: Shape) -> int:
        return _features(shapes[0]) * self.units


@dataclass(frozen=True, slots=True)
class ReLU(Layer):
    kind: ClassVar[str] = "relu"


@dataclass(frozen=True, slots=True)
class Clip(Layer):
    """Each element, but `low` where it is below that and `high` where above: ReLU6 is 0 to 6, HardTanh -1 to 1."""

    low: float
    high: float
    kind: ClassVar[str] = "clip"

    def output_shape(self, *shapes: Shape) -> Shape:
        if not -inf < self.low < self.high < inf:
            raise ValueError(f"it clips to {self.low:g} .. {self.high:g}: give two numbers, the lower first")
        return shapes[0]


@dataclass(frozen=True, slots=True)
class LeakyReLU(Layer):
    """Each element, times `slope` where it is below zero."""

    slope: float
    kind: ClassVar[str] = "leaky_relu"

    def output_shape(self, *shapes: Shape) -> Shape:
        if not 0 < self.slope < 1:
            raise ValueError(f"a slope of {self.slope:g}: give one above 0 and below 1")
        return shapes[0]


@dataclass(frozen=True, slots=True)
class Sign(Layer):
    """1 where an element is 0 or above, else -1: the activation of a binary network."""

    kind: ClassVar[str] = "sign"


@dataclass(frozen=True, slots=True)
class BatchNorm(Layer):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta by channel, on the statistics that training left.

    All four vectors count as parameters, as in Keras, whose default `epsilon` this is. Hardware never sees this layer:
    `models.folding` takes it away.
    """

    epsilon: float = 1e-3
    kind: ClassVar[str] = "batch_norm"

    def output_shape(self, *shapes: Shape) -> Shape:
        if not self.epsilon > 0:
            raise ValueError(f"epsilon {self.epsilon} must be above 0")
        return shapes[0]

    def weight_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        return dict.fromkeys(("gamma", "beta", "mean", "variance"), shapes[0][-1:])


@dataclass(frozen=True, slots=True)
class Dropout(Layer):
    """In training, zeroes elements with probability `rate` and scales the others up; otherwise the identity."""

    rate: float
    kind: ClassVar[str] = "dropout"

    def output_shape(self, *shapes: Shape) -> Shape:
        if not 0 <= self.rate < 1:
            raise ValueError(f"rate {self.rate} must be at least 0 and below 1")
        return shapes[0]


@dataclass(frozen=True, slots=True)
class Add(Layer):
    """The sum of two tensors of one shape (a residual join)."""

    kind: ClassVar[str] = "add"
    arity: ClassVar[int] = 2
    commutes: ClassVar[bool] = True

    def output_shape(self, *shapes: Shape) -> Shape:
        if shapes[0] != shapes[1]:
            raise ValueError(f"cannot add {shapes[0]} and {shapes[1]}")
        return shapes[0]


@dataclass(frozen=True, slots=True)
class Concat(Layer):
    """The channels of two images, or the elements of two vectors, one behind the other."""

    kind: ClassVar[str] = "concat"
    arity: ClassVar[int] = 2

    def output_shape(self, *shapes: Shape) -> Shape:
        if shapes[0][:-1] != shapes[1][:-1]:
            raise ValueError(f"cannot put {shapes[0]} and {shapes[1]} side by side: all but channels must agree")
        return (*shapes[0][:-1], shapes[0][-1] + shapes[1][-1])


@dataclass(frozen=True, slots=True)
class Flatten(Layer):
    kind: ClassVar[str] = "flatten"

    def output_shape(self, *shapes: Shape) -> Shape:
        return (prod(shapes[0]),)


@dataclass(frozen=True, slots=True)
class Softmax(Layer):
    kind: ClassVar[str] = "softmax"
    on_host: ClassVar[bool] = True

    def output_shape(self, *shapes: Shape) -> Shape:
        return (_features(shapes[0]),)


ACTIVATIONS = (ReLU, Clip, LeakyReLU)
"""What stands behind a layer with weights and works on each element for itself."""
CONVOLUTIONS = (Conv2D, GroupedConv2D)
WEIGHTED = (*CONVOLUTIONS, Dense)
"""Layers of products: those with a kernel and a bias."""
