"""The stages of the generated dataflow, in the order of the network, and how many values they process at a time.

The first stage receives the bytes of an image from AXI-Stream, the last sends the results. A convolution has a *window*
stage, which stores rows, pads and puts windows, and a *matrix-vector* stage of PE x SIMD multipliers. A depthwise
convolution has a *depthwise* stage instead, with a multiplier for each of PE channels. A 1x1 convolution of stride 1
needs no window stage. A ReLU, clip, leaky ReLU or threshold is part of the stage with weights before it. A *clone*
copies a tensor that is read twice. A *concat* reads whole pixels of two tensors at once. Flattening needs no stage: a
dense layer takes the pixels of an image in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, gcd, prod

from backends.dataflow.divisors import divisors
from backends.dataflow.pe_simd import Fold
from models.integers import Threshold
from models.layers import (
    ACTIVATIONS,
    CONVOLUTIONS,
    WEIGHTED,
    Add,
    AveragePool2D,
    Clip,
    Concat,
    Conv2D,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Shape,
    Softmax,
)
from models.network import INPUT
from models.quantised import QuantisedNetwork

CLONE, WINDOW, MATRIX_VECTOR, RECEIVE, SEND = "clone", "window", "matrix_vector", "receive", "send"
DEPTHWISE = "depthwise"
CONCAT = Concat.kind
MULTIPLYING = (MATRIX_VECTOR, DEPTHWISE)
"""Stages with weights."""
STREAMS = "axi streams"
POOLS = (MaxPool2D, AveragePool2D)
KINDS = frozenset(
    kind.kind for kind in (*WEIGHTED, *POOLS, GlobalAveragePool, Add, Concat, *ACTIVATIONS, Flatten, Softmax)
)
"""Layers that can be generated; for a softmax, the host takes the largest result."""
Convolution = Conv2D | GroupedConv2D


@dataclass(frozen=True)
class Node:
    """One stage: it takes pixels of an image of shape `taken` and puts those of `shape`; a window stage puts windows.

    `tensor` names the tensor that it puts; for a window stage, the tensor that the window slides over. `layer` is the
    layer it belongs to. A stage with weights has the name of its layer.
    """

    name: str
    kind: str
    sources: tuple[str, ...]
    taken: Shape
    shape: Shape
    tensor: str
    layer: Layer

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Caches ask for it often."""
        return hash((self.name, self.sources, self.taken, self.shape, self.layer))

    @property
    def scope(self) -> str:
        """The scope of its readings: a layer, all clones together, or both AXI-Streams."""
        if self.kind in (RECEIVE, SEND):
            return STREAMS
        return CLONE if self.kind == CLONE else self.layer.name

    @cached_property
    def size(self) -> tuple[int, int]:
        """(products of each result, results of each output pixel) of a layer with weights."""
        seen = self.taken if isinstance(self.layer, CONVOLUTIONS) else (prod(self.taken),)
        *products, results = self.layer.weight_shapes(seen)["kernel"]
        return prod(products), results

    @property
    def covered(self) -> int:
        """Values that a layer with weights reads for an output pixel, all channels of a window included."""
        if isinstance(self.layer, CONVOLUTIONS):
            return prod(self.layer.kernel) * self.taken[-1]
        return prod(self.taken)

    @property
    def foldable(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(every SIMD, every PE) that a layer with weights may have.

        Neither has to divide the size of the layer: surplus lanes in the last group of results, or in the last part of
        a window column or of a pixel, have no weights. Each PE is the smallest that gives its number of groups, each
        SIMD the smallest that gives its number of parts; for windows see `_simds`. A depthwise stage multiplies one
        value for each of PE channels. Its PE divides the channels, since a part must not extend into the next pixel.
        """
        results, channels = self.size[1], self.taken[-1]
        if isinstance(self.layer, GroupedConv2D):
            return (1,), divisors(results)
        if isinstance(self.layer, Conv2D) and slides(self.layer):
            return _simds(self.layer, channels), _fewest(results)
        return _fewest(channels), _fewest(results)


@dataclass(frozen=True, slots=True)
class Lanes:
    """`takes` and `puts` are the values of a word read and written; `fold` is 1x1 for a stage without weights."""

    fold: Fold
    takes: int
    puts: int


@dataclass(frozen=True, slots=True)
class Parts:
    """How the windows of a convolution are put: in words of SIMD values, or of PE for a depthwise one.

    A part holds `lanes` values of each of `across` columns, which is the kernel width or one. Each column has `column`
    parts, and the last part has `last` new values. The rows are kept in words of `stored` values, a common divisor of a
    word of the stream, of a part and of `last`.
    """

    across: int
    lanes: int
    column: int
    last: int
    stored: int


def _fewest(number: int) -> tuple[int, ...]:
    """The smallest group sizes that divide `number` into 1, 2, .. groups.

    >>> _fewest(10)
    (1, 2, 3, 4, 5, 10)
    """
    return tuple(sorted({ceil(number / turns) for turns in range(1, number + 1)}))


def part_width(layer: Layer, fold: Fold) -> int:
    """Values that a stage with weights reads at a time: PE channels of a depthwise stage, else SIMD."""
    return fold.pe if isinstance(layer, GroupedConv2D) else fold.simd


def columns_a_part(layer: Convolution, channels: int, simd: int) -> int:
    """How many columns of a window a part of `simd` values covers: one, or all where a window then has fewer parts.

    >>> conv = Conv2D("conv", ("input",), (3, 3), (1, 1), "same", 8)
    >>> [columns_a_part(conv, 28, simd) for simd in (14, 84, 18, 15, 16)]
    [1, 1, 3, 3, 1]
    """
    column, width = layer.kernel[0] * channels, layer.kernel[1]
    goes_across = simd % width == 0 and ceil(column / (simd // width)) < width * ceil(column / simd)
    return width if goes_across else 1


def _simds(layer: Conv2D, channels: int) -> tuple[int, ...]:
    """Every SIMD of a layer that reads windows: for each number of parts of a column, the fewest values that give it,
    among those that consist of words of equal size."""
    column, width = layer.kernel[0] * channels, layer.kernel[1]

    def is_fewest(lanes: int) -> bool:
        fewer = lanes - gcd(lanes, channels)
        return fewer == 0 or ceil(column / fewer) > ceil(column / lanes)

    lanes = [lanes for lanes in range(1, column + 1) if is_fewest(lanes)]
    ways = [(each * across, across) for each in lanes for across in {1, width}]
    return tuple(sorted({simd for simd, across in ways if columns_a_part(layer, channels, simd) == across}))


@lru_cache(maxsize=1 << 16)
def parts(node: Node, wide: Lanes) -> Parts:
    """The parts that the window stage `node` puts."""
    layer, channels, width = node.layer, node.taken[-1], part_width(node.layer, wide.fold)
    assert isinstance(layer, CONVOLUTIONS) and node.kind == WINDOW
    across = columns_a_part(layer, channels, width)
    lanes, values = width // across, layer.kernel[0] * channels
    column = ceil(values / lanes)
    return Parts(across, lanes, column, values - (column - 1) * lanes, gcd(wide.takes, lanes))


def parts_read(node: Node, fold: Fold) -> int:
    """How many parts a stage with weights reads for an output pixel, from a window, a pixel or a vector."""
    width = part_width(node.layer, fold)
    if not (isinstance(node.layer, CONVOLUTIONS) and slides(node.layer)):
        channels = node.taken[-1]
        return node.covered // channels * ceil(channels / width)
    across = columns_a_part(node.layer, node.taken[-1], width)
    return node.layer.kernel[1] // across * ceil(node.layer.kernel[0] * node.taken[-1] / (width // across))


def turns(node: Node, fold: Fold) -> int:
    """Cycles of a stage with weights for one output pixel."""
    if node.kind == DEPTHWISE:
        return parts_read(node, fold)
    return parts_read(node, fold) * fold.groups(node.size[1])


def nodes(quantised: QuantisedNetwork) -> tuple[Node, ...]:
    """Every stage of the design, in order; the last one ends it."""
    return tuple(_nodes(quantised))


def pixels(shape: Shape) -> int:
    """The pixels of one frame; 1 for a vector."""
    return prod(shape[:-1])


def merged(quantised: QuantisedNetwork, layer: Layer) -> ReLU | Clip | LeakyReLU | Threshold | None:
    """The activation or threshold in the stage of `layer`: the only reader of a layer with weights."""
    readers = [reader for reader in quantised.computed if layer.name in reader.inputs]
    is_merged = isinstance(layer, WEIGHTED) and len(readers) == 1
    return readers[0] if is_merged and isinstance(readers[0], (*ACTIVATIONS, Threshold)) else None


def merged_activation(quantised: QuantisedNetwork, layer: Layer) -> ReLU | Clip | LeakyReLU | None:
    """The activation in the stage of `layer`, thresholds excluded."""
    reader = merged(quantised, layer)
    return None if isinstance(reader, Threshold) else reader


def slides(layer: Convolution) -> bool:
    """Whether it needs a window stage."""
    return prod(layer.kernel) > 1 or prod(layer.strides) > 1


def _nodes(quantised: QuantisedNetwork) -> Iterator[Node]:
    shapes = quantised.network.shapes
    first, last = quantised.computed[0], quantised.computed[-1]
    yield Node(f"{RECEIVE} {INPUT}", RECEIVE, (INPUT,), shapes[INPUT], shapes[INPUT], INPUT, first)
    stream = {INPUT: f"{RECEIVE} {INPUT}"}  # the stage that puts a tensor
    put = {INPUT: shapes[INPUT]}  # and the shape in which it does
    inner = {reader.name for layer in quantised.computed if (reader := merged(quantised, layer))}

    def clone(tensor: str, layer: Layer) -> Iterator[Node]:
        if sum(reader.inputs.count(tensor) for reader in quantised.computed) > 1:
            name = f"{CLONE} {tensor}"
            yield Node(name, CLONE, (stream[tensor],), put[tensor], put[tensor], tensor, layer)
            stream[tensor] = name

    yield from clone(INPUT, first)
    for layer in quantised.computed:
        sources, taken = tuple(stream[name] for name in layer.inputs), put[layer.inputs[0]]
        put[layer.name] = shapes[layer.name]
        if isinstance(layer, Flatten):  # its reader takes the pixels as they come
            put[layer.name] = taken
        if isinstance(layer, Flatten) or layer.name in inner:
            stream[layer.name] = sources[0]
        else:
            if isinstance(layer, CONVOLUTIONS) and slides(layer):
                name = f"{WINDOW} {layer.name}"
                yield Node(name, WINDOW, sources, taken, shapes[layer.name], layer.inputs[0], layer)
                sources = (name,)
            stage = DEPTHWISE if isinstance(layer, GroupedConv2D) else MATRIX_VECTOR
            kind = stage if isinstance(layer, WEIGHTED) else layer.kind
            activation = merged(quantised, layer)
            tensor = activation.name if activation else layer.name
            yield Node(layer.name, kind, sources, taken, shapes[layer.name], tensor, layer)
            stream[layer.name] = layer.name
        yield from clone(layer.name, layer)
    shape = put[last.name]
    yield Node(f"{SEND} {last.name}", SEND, (stream[last.name],), shape, shape, last.name, last)
