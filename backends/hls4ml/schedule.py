"""The blocks that hls4ml 1.3.0 makes of a network with io_stream, the streams between them, and their cycles.

Besides a function a layer it makes a *clone* where a tensor is read more than once, and a *padding* before a
convolution with 'same' padding (``vivado/passes/conv_same_pad.py``, ``clone_output.py``). Every block puts its tokens
into a FIFO for each reader; a token is one pixel with all its channels.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

from backends.dataflow.stages import Run, Stage, merged
from backends.hls4ml.reuse import sizes
from backends.hls4ml.structure import cycles_a_turn
from models.layers import CONVOLUTIONS, AveragePool2D, Conv2D, Flatten, GroupedConv2D, Layer, MaxPool2D, Shape
from models.network import INPUT, Network

CLONE, PADDING = "clone", "padding"


@dataclass(frozen=True, slots=True)
class Block:
    """`shape` is what it puts, `taken` the shape it takes; `readers` FIFOs follow it, none after the last block.

    `tensor` names the tensor whose type its tokens have.
    """

    name: str
    kind: str
    sources: tuple[str, ...]
    taken: Shape
    shape: Shape
    tensor: str
    readers: int
    layer: Layer

    @property
    def scope(self) -> str:
        """What its readings are said of: a layer, or all clones or all paddings together."""
        return self.kind if self.kind in (CLONE, PADDING) else self.name


@dataclass(frozen=True, slots=True)
class ToolPace:
    """Cycles beside the reuse factor, with the Resource strategy.

    `output` for a pixel that a convolution computes, `idle` for one that it only stores (None: it costs as much as a
    computed one); `finish` until its result is out. `drain` from a token to its result in a pipelined block.
    `called` are the fewest cycles a pixel of a convolution with the Latency strategy, `called_deep` those where more
    than `DEEP` inputs are summed; `pooled` the cycles a pixel of a pool. With `serial`, the products of a depthwise
    convolution take a cycle each, however many multipliers there are.
    """

    output: int
    idle: int | None
    finish: int
    drain: int
    called: int = 1
    called_deep: int = 1
    pooled: int = 1
    serial: bool = False


DEEP = 64
PACES = {
    "vitis": ToolPace(5, 4, finish=1, drain=4, called=3, called_deep=5, pooled=2),
    "vivado": ToolPace(4, 2, finish=0, drain=4),
}
"""Vitis HLS: worst case Hpad * Wpad * (RF + 5) + 1, exact in 7 of 8 rows of 2 repositories where the clock is not
hasty, else RF + 6; RF + 7 and + 8 in 4 where it is. Vivado HLS 2019.2: Hpad * Wpad * (RF + 4), 14 of 18 rows exact, the
others RF + 3; RF + 5 to + 12 in 5 rows of 2 repositories with a hasty clock. Idle pixels alone are csynth's best case,
exact in 22 of 22. Rows of pipelined blocks drain in 1 to 4 cycles.

With the Latency strategy Vitis HLS from 2022.2 on calls the window as a function: 3 cycles a pixel in 6 of 8 layers of
up to 64 inputs (2 and 3 in the others), 4 to 6 in 4 of 4 with more. A pool took 2 in 3 of 3 layers of Vitis HLS 2023.2
and 2024.2, 1 in 15 of 15 of others, and 1 in 10 of 12 of Vivado HLS. See ``calibration/hls4ml/weighted.py``."""

QUICKEST = ToolPace(0, 1, finish=0, drain=1)
"""No design is quicker: a computed pixel takes its reuse factor, a stored one a cycle."""


def slowest(tool: str) -> ToolPace:
    """csynth's worst case, which charges every pixel of a convolution as if it completed a window.

    Of a depthwise convolution no report is known. Its turns add to sums that are chosen as it runs, so that the
    compiler may add one product after another (``nnet_utils/nnet_depthwise_product.h``).
    """
    return replace(PACES[tool], idle=None, serial=True)


def blocks(network: Network, layers: Iterable[Layer]) -> tuple[Block, ...]:
    """The blocks for `layers` (those that the design computes), in order."""
    return tuple(_blocks(network, tuple(layers)))


def _blocks(network: Network, layers: tuple[Layer, ...]) -> Iterator[Block]:
    writers = {INPUT: INPUT}
    if _reads(layers, INPUT) > 1:
        yield _clone(network, layers, INPUT, layers[0])
        writers[INPUT] = f"{CLONE} {INPUT}"
    shapes = {INPUT: network.input_shape}
    for layer in layers:
        sources = tuple(writers[name] for name in layer.inputs)
        taken = shapes[layer.inputs[0]]
        if isinstance(layer, Flatten):  # in place: its reader takes the tokens as they come
            writers[layer.name], shapes[layer.name] = sources[0], taken
            continue
        shapes[layer.name] = network.shapes[layer.name]
        if isinstance(layer, CONVOLUTIONS) and any(layer.pads(taken)):
            top, bottom, left, right = layer.pads(taken)
            padded = taken[0] + top + bottom, taken[1] + left + right, taken[2]
            name = f"{PADDING} {layer.name}"
            yield Block(name, PADDING, sources, taken, padded, layer.inputs[0], 1, layer)
            sources, taken = (name,), padded
        reads = _reads(layers, layer.name)
        yield Block(
            layer.name, layer.kind, sources, taken, network.shapes[layer.name], layer.name, min(reads, 1), layer
        )
        writers[layer.name] = layer.name
        if reads > 1:
            yield _clone(network, layers, layer.name, layer)
            writers[layer.name] = f"{CLONE} {layer.name}"


def _clone(network: Network, layers: tuple[Layer, ...], tensor: str, layer: Layer) -> Block:
    shape = network.shapes[tensor]
    return Block(f"{CLONE} {tensor}", CLONE, (tensor,), shape, shape, tensor, _reads(layers, tensor), layer)


def _reads(layers: Iterable[Layer], tensor: str) -> int:
    return sum(layer.inputs.count(tensor) for layer in layers)


def tokens(shape: Shape) -> int:
    """Tokens of one frame, and the depth that hls4ml gives a FIFO: pixels of an image, 1 for a vector."""
    return prod(shape[:-1])


def stages(
    network: Network, design: Iterable[Block], reuse: Mapping[str, int], pace: ToolPace, unrolled: Container[str]
) -> tuple[Stage, ...]:
    """The stream stages of `design`; layers `unrolled` by the Latency strategy start every RF cycles, or as
    often as they can."""
    multiplexed = {name for name in sizes(network) if name not in unrolled}
    return tuple(
        Stage(
            block.name,
            block.sources,
            _pattern(block, reuse.get(block.name, 1), pace, block.name in unrolled),
            delay=pace.finish if block.name in multiplexed else pace.drain,
        )
        for block in design
    )


@lru_cache(maxsize=1024)
def busy(block: Block, factor: int, pace: ToolPace, unrolled: bool) -> int:
    """Cycles of one frame at reuse factor `factor`."""
    return sum(run.repeats * run.cycles for run in _pattern(block, factor, pace, unrolled))


def _pattern(block: Block, factor: int, pace: ToolPace, latency: bool) -> tuple[Run, ...]:
    """One frame of a block; a pipelined one handles a token a cycle."""
    layer = block.layer
    called = 1
    if isinstance(layer, CONVOLUTIONS):
        called = pace.called_deep if _terms(block, layer) > DEEP else pace.called
    turns = factor * cycles_a_turn(factor)
    if pace.serial and factor > 1 and isinstance(layer, GroupedConv2D):
        turns = prod(layer.kernel) * block.taken[-1]
    computed = max(factor, called) if latency else turns + pace.output
    stored = computed if latency or pace.idle is None else pace.idle
    match block.kind, layer:
        case "padding", Conv2D() | GroupedConv2D():
            top, bottom, left, right = layer.pads(block.taken)
            row = Run(left, 1, takes=False), Run(block.taken[1], 1), Run(right, 1, takes=False)
            above, below = (Run(rows * block.shape[1], 1, takes=False) for rows in (top, bottom))
            return merged((above, *row * block.taken[0], below))
        case _, Conv2D() | GroupedConv2D() if block.kind == layer.kind:
            return _window(block, layer, Run(1, computed), Run(1, stored, puts=False))
        case (("maxpool2d" | "averagepool2d"), (MaxPool2D() | AveragePool2D())):
            return _window(block, layer, Run(1, pace.pooled), Run(1, pace.pooled, puts=False))
        case "global_average_pool", _:
            return merged((Run(tokens(block.taken) - 1, 1, puts=False), Run(1, 1)))
        case "dense", _:
            return merged((Run(tokens(block.taken) - 1, 1, puts=False), Run(1, computed)))
        case _:
            return (Run(tokens(block.taken), 1),)


def _terms(block: Block, layer: Conv2D | GroupedConv2D) -> int:
    """Products that are added up."""
    return prod(layer.kernel) * (1 if isinstance(layer, GroupedConv2D) else block.taken[-1])


def _window(
    block: Block, layer: Conv2D | GroupedConv2D | MaxPool2D | AveragePool2D, full: Run, idle: Run
) -> tuple[Run, ...]:
    """A token in for every pixel, one out for every pixel that completes a window."""
    rows, columns = block.taken[0], block.taken[1]
    wide, high = (_ends(size, layer.kernel[axis], layer.strides[axis]) for axis, size in ((1, columns), (0, rows)))
    busy = merged(full if column in wide else idle for column in range(columns))
    quiet = (idle._replace(repeats=columns),)
    return merged(run for row in range(rows) for run in (busy if row in high else quiet))


def _ends(size: int, kernel: int, stride: int) -> range:
    return range(kernel - 1, size, stride)
